# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# What the demos share: how they tell, what they ask the controllers and the writer. Sourced after lib.sh; POSIX shell.
# Theirs: REPORT, KEEP, JOURNALS (the clients' files), result (0: good so far).

title() { printf '\n== %s\n\n' "$*"; }
say() { printf '   %s\n' "$*"; }
seconds() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f s", (b - a) / 1000000 }'; }
indent() { sed 's/^/   /'; }

keep_logs() {
    rm -rf "$REPORT/log"
    mkdir -p "$REPORT"
    cp -r "$LAB_DIR/log" "$REPORT/log" 2>/dev/null && say "logs: $REPORT/log"
}

# fail MESSAGE: what did not happen, and the logs that say why.
fail() {
    trap - EXIT
    printf '\n   FAILED: %s\n' "$*"
    if [ "$KEEP" = 1 ]; then
        say "left running for a look: $LAB_DIR/log"
        lab_keeper root disown >/dev/null || true
    else
        keep_logs
        # shellcheck disable=SC2086
        cp $JOURNALS "$REPORT" 2>/dev/null || true
        lab_keeper root end >/dev/null 2>&1 || true
    fi
    exit 1
}

# run_id KIND: the newest run of this kind, or nothing.
run_id() { lab_api /v1/runs | jq -r --arg kind "$1" '[.. | objects | select(.kind? == $kind)] | max_by(.id) | .id // empty'; }
run_state() { lab_api "/v1/runs/$1" | jq -r .state; }
run_step() { lab_api "/v1/runs/$1" | jq -r '[.steps[] | select(.state == "running")][0].name // "-"'; }

# run_show ID: a line per step.
run_show() {
    lab_api "/v1/runs/$1" | jq -r '.steps[] | [.name, .state, ((.ended_boot_us - .started_boot_us) / 1000 | round | tostring) + " ms",
        .detail // ""] | @tsv' | awk -F '\t' '{ printf "%-16s %-10s %9s  %s\n", $1, $2, $3, $4 }'
}

# What the writer holds, straight from its node, into a file: "table TAB key".
writer_rows() {
    lab_wait 30 "the writer's rows" writer_rows_once "$1" "$2" || fail "cannot read the rows of $1"
}

writer_rows_once() {
    lab_psql "$1" 5432 -d shop -At -c "COPY (SELECT 'orders', key FROM orders UNION ALL SELECT 'payments', key FROM payments
        UNION ALL SELECT 'inventory', key FROM inventory UNION ALL SELECT 'customers', key FROM customers
        UNION ALL SELECT 'products', key FROM products UNION ALL SELECT 'ledger_probe', key FROM ledger_probe) TO STDOUT" -o "$2"
}

# wait_run SECONDS KIND: until the newest run of the kind has ended; sets RUN and STATE. False when it did not move the service.
wait_run() {
    RUN=""
    patience_us=$(($(lab_now_us) + $1 * 1000000))
    while :; do
        RUN=$(run_id "$2")
        STATE=none
        [ -z "$RUN" ] || STATE=$(run_state "$RUN" || echo unreachable)
        case "$STATE" in
        succeeded | unproven) return 0 ;;
        compensated | refused | failed) return 1 ;;
        esac
        [ "$(lab_now_us)" -le "$patience_us" ] || return 1
        sleep 0.2
    done
}

# Outside the region of the writer: its loss shall not cost an election as well.
leads_outside() {
    LEADER=$(lab_leader)
    ETCD_LEADER=$(lab_etcd_leader)
    [ -n "$LEADER" ] && [ -n "$ETCD_LEADER" ] && [ "${LEADER% *}" != "$1" ] && [ "$ETCD_LEADER" != "$1" ]
}

# who_leads REGION: who leads, once nobody in the writer's region does; and whether that is anybody else than BEFORE and ETCD_BEFORE.
who_leads() {
    [ "$LAB_STORE" = etcd ] || return 0
    if ! lab_wait 30 "leaders outside the writer's region" leads_outside "$1"; then
        result=1
        say "controllers: ${LEADER:-nobody} leads, etcd: ${ETCD_LEADER:-nobody}; not outside $1, where the writer is"
        return 0
    fi
    say "the writer is in $1, so others lead: controllers $(changed "${BEFORE:-}" "${LEADER% *}"), term ${LEADER#* }; etcd $(changed "${ETCD_BEFORE:-}" "$ETCD_LEADER")"
    BEFORE=${LEADER% *}
    ETCD_BEFORE=$ETCD_LEADER
}

changed() { if [ -z "$1" ]; then echo "$2"; elif [ "$1" = "$2" ]; then echo "$2, as before"; else echo "$1 -> $2"; fi; }

all_healthy() { lab_api /v1/status | jq -e '[.regions[] | .state == "SERVING" and .checks_failed == 0 and .checks_unknown == 0] | all'; }
