#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every verb, and every word below one, answers --help on standard output with status 0, and wrong words with status 2.
# usage: help_check.sh HOLDFAST CONFIGURATION
set -eu
holdfast=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOLDFAST_CONFIG="$work/none.yaml"

# expect STATUS WORD...: with that status; 0 speaks on standard output alone, 2 on standard error alone
expect() {
    wanted=$1
    shift
    status=0
    "$holdfast" "$@" </dev/null >"$work/out" 2>"$work/err" || status=$?
    said=$work/out silent=$work/err
    [ "$wanted" -eq 0 ] || { said=$work/err silent=$work/out; }
    if [ "$status" -ne "$wanted" ] || [ ! -s "$said" ] || [ -s "$silent" ]; then
        echo "holdfast $*: status $status instead of $wanted, or it spoke in the wrong place" >&2
        cat "$work/out" "$work/err" >&2
        exit 1
    fi
}

verbs=$("$holdfast" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
[ "$(echo "$verbs" | wc -l)" -ge 20 ]
for verb in $verbs; do
    expect 0 "$verb" --help
    expect 2 "$verb" --no-such-option
    grep -q "holdfast $verb" "$work/err"
done
for words in "config check" "config show" "config schema" "config apply" "dns explain" "dns query" "dns stats" "dns top" \
    "dns serve" "dns key" "dns key generate" "agent adopt" "agent reinit" "agent restart" "service move"; do
    # shellcheck disable=SC2086
    expect 0 $words --help
done
expect 0 help
expect 0 -h
expect 0 version
expect 0 --version
expect 0 -V
expect 2
expect 2 no-such-verb
expect 2 version please
expect 2 version -o
expect 2 version -o xml
expect 0 version -o json
grep -q '^  "version": "[0-9]' "$work/out"
expect 2 dns stats -o xml
expect 2 dns stats --metrics -o json
expect 2 dns top -o
expect 2 dns serve -o json
expect 2 ledger list -o xml
expect 2 ledger show 1 -o json
expect 2 config
expect 2 config check a b
expect 2 config check -o xml
expect 2 config check -o json a b
expect 0 config check -o json "$2"
grep -q '^  "valid": true,' "$work/out"
[ "$(grep -c '^  "hash": "[0-9a-f]\{16\}",' "$work/out")" -eq 1 ]
expect 0 config check "$2" --output=yaml
grep -q '^valid: true' "$work/out"
# wrong ones are told on standard output, too
refuses() {
    status=0
    "$holdfast" config check -o json "$1" >"$work/out" 2>"$work/err" || status=$?
    [ "$status" -eq 8 ] && [ ! -s "$work/err" ]
    grep -q '^  "valid": false,' "$work/out"
    grep -q '^  "hash": null,' "$work/out"
}
refuses "$work/none.yaml"
grep -q '"line": null,' "$work/out"
printf 'regions: [a, b]\nwrong_key: 1\n' >"$work/bad.yaml"
refuses "$work/bad.yaml"
grep -q '"line": 2,' "$work/out"
grep -q '"column": 1,' "$work/out"
grep -q '"message": ".*wrong_key' "$work/out"
# a name that is not UTF-8 does not take the answer away
refuses "$work/$(printf '\377').yaml"
expect 2 failover --source taiwan
expect 2 approve 1
expect 2 simulate --seeds 0
expect 2 simulate --seed x
expect 2 simulate please
expect 2 simulate -o xml
expect 0 simulate --config "$2" --seeds 1
expect 0 simulate --config "$2" --seeds 1 -o json
grep -q '"incidents": 1,' "$work/out"
grep -q '"automatic_failovers_per_year": ' "$work/out"
