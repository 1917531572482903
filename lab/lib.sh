# shellcheck shell=sh disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# What the lab's scripts share: where things are, how they are started, how long to wait. Sourced; POSIX shell.
# LAB_DIR: state of the running lab; BUILD: where meson built.

LAB_TOP=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
LAB_DIR=${LAB_DIR:-/tmp/holdfast-lab-$(id -u)}
LAB_BUILD=${BUILD:-$("$LAB_TOP/tool/build_directory")}
case "$LAB_BUILD" in /*) ;; *) LAB_BUILD="$LAB_TOP/$LAB_BUILD" ;; esac
LAB_BIN="$LAB_BUILD/lab"
LAB_HOLDFAST="$LAB_BUILD/src/bin/holdfast"
LAB_REGIONS="taiwan tokyo"
LAB_SITES="taiwan tokyo witness"
# Of the running lab, as lab/up wrote it down. LAB_STORE: sqlite (one controller, at the witness) or etcd (one in each site).
# LAB_NET: the first number of every address: 127 on the loopback of this machine, 10 where each site has a network namespace.
# LAB_PID_SITE: whose namespace that is; LAB_PID_DESK: of one more, from which operators ask.
# LAB_CACHE: 1 where there is a Redis for sessions behind relays.
LAB_STORE=etcd
LAB_NET=127
LAB_CACHE=${LAB_CACHE:-0}
# shellcheck disable=SC1091
[ ! -f "$LAB_DIR/lab.env" ] || . "$LAB_DIR/lab.env"
# PostgreSQL refuses to run as root; as an ordinary user everything runs as that user.
if [ "$(id -u)" -eq 0 ]; then LAB_USER=postgres; else LAB_USER=-; fi
export LC_ALL=C
# An ordinary user of Debian does not have the directories of haproxy in the path.
export PATH="$PATH:/usr/sbin:/sbin"
# Every verb of holdfast finds controller and token there.
export HOLDFAST_CONFIG="$LAB_DIR/holdfast.yaml"

lab_die() { echo "lab: $*" >&2; exit 1; }

lab_number() {
    case "$1" in taiwan) echo 1 ;; tokyo) echo 2 ;; witness) echo 3 ;; *) lab_die "no region \"$1\": taiwan or tokyo" ;; esac
}

# The newest PostgreSQL from 15 on.
lab_pgbin() {
    found=""
    for bin in /usr/lib/postgresql/*/bin; do
        version=$(basename "$(dirname "$bin")")
        case "$version" in *[!0-9]*) continue ;; esac
        if [ "$version" -ge 15 ] && [ -x "$bin/postgres" ]; then found=$bin; fi
    done
    [ -n "$found" ] || lab_die "no PostgreSQL 15 or later below /usr/lib/postgresql; run tool/setup test"
    echo "$found"
}

# lab_in SITE|desk COMMAND...: in the network of the site.
lab_in() {
    place=$1
    shift
    if [ "$LAB_NET" = 127 ]; then "$@"; else nsenter --net="/proc/$(lab_pid "$place")/ns/net" -- "$@"; fi
}

lab_pid() {
    case "$1" in
    taiwan) echo "$LAB_PID_TAIWAN" ;; tokyo) echo "$LAB_PID_TOKYO" ;; witness) echo "$LAB_PID_WITNESS" ;;
    desk) echo "$LAB_PID_DESK" ;; switch) echo "$LAB_PID_SWITCH" ;;
    *) lab_die "no place \"$1\"" ;;
    esac
}

lab_keeper() { "$LAB_BIN/lab-keeper" send "$LAB_DIR" "$@"; }

lab_running() { [ -S "$LAB_DIR/keeper/root" ] && lab_keeper root list >/dev/null 2>&1; }

# lab_start GROUP NAME PROGRAM ARGUMENT...
lab_start() {
    group=$1 name=$2
    shift 2
    lab_keeper "$group" start "$name" "$LAB_USER" "$@" >/dev/null || lab_die "cannot start $name in $group"
}

# CLOCK_BOOTTIME in microseconds, to a hundredth of a second.
lab_now_us() { awk '{ printf "%.0f\n", $1 * 1000000 }' /proc/uptime; }

# lab_wait SECONDS WHAT COMMAND...: until the command succeeds. Seconds of the clock, however long each try takes.
lab_wait() {
    until_us=$(($(lab_now_us) + $1 * 1000000)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$(lab_now_us)" -le "$until_us" ] || return 1
        lab_running || lab_die "the lab has ended while waiting for $what"
        sleep 0.2
    done
}

lab_hf() { lab_in desk "$LAB_HOLDFAST" "$@"; }

# lab_curl ARGUMENT...: never through a proxy of this machine.
lab_curl() { lab_in desk curl -sf --noproxy '*' "$@"; }

# The sites with a controller; the witness first, which outlives both regions.
lab_controllers() { if [ "$LAB_STORE" = etcd ]; then echo witness tokyo taiwan; else echo witness; fi; }

# lab_api_at SITE PATH: GET, JSON on standard output. A follower sends to the leader.
lab_api_at() {
    lab_curl --connect-timeout 1 --max-time 5 --location-trusted -H "@$LAB_DIR/secret/header" "http://$LAB_NET.$(lab_number "$1").0.1:7080$2"
}

# lab_api PATH: from whichever controller has it.
lab_api() {
    for controller in $(lab_controllers); do
        lab_api_at "$controller" "$1" && return 0
    done
    return 1
}

# Who leads and in which term, "witness 3": the word of the controller that leads itself; else nothing.
lab_leader() {
    for controller in $(lab_controllers); do
        lab_api_at "$controller" /v1/controllers | jq -r 'select(.leads) | .answered_by + " " + (.term | tostring)'
    done | sort -k 2 -n | tail -n 1
}

# The site whose etcd member leads etcd; nothing while there is none.
lab_etcd_leader() {
    for site in $LAB_SITES; do
        lab_curl --connect-timeout 1 --max-time 2 -d '{}' "http://$LAB_NET.$(lab_number "$site").0.61:2379/v3/maintenance/status" |
            jq -r --arg site "$site" 'select(.leader != null and .leader == .header.member_id) | $site'
    done | tail -n 1
}

# lab_psql HOST PORT ARGUMENT...: as the superuser, in the shop's database. A server that falls silent in the middle of a
# statement (its region is lost, a commit waits for a standby) ends it after 30 s.
lab_psql() {
    host=$1 port=$2
    shift 2
    PGPASSFILE="$LAB_DIR/secret/pgpass" PGCONNECT_TIMEOUT=10 lab_in desk timeout --foreground 30 psql -X -q -v ON_ERROR_STOP=1 -h "$host" -p "$port" -U postgres "$@"
}

# lab_streams HOST PORT: both standbys stream from there (a base backup under way streams as well, and does not count), and one at
# least is waited for by tier-1 commits.
lab_streams() {
    [ "$(lab_psql "$1" "$2" -d shop -Atc "SELECT count(*), count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')) > 0
        FROM pg_stat_replication WHERE state = 'streaming' AND application_name <> 'pg_basebackup'")" = "2|t" ]
}
