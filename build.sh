#!/bin/bash
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
#
# PyTake's verbs.  './build.sh help' names them; README.md explains them.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=${PYTAKE_BUILD:-$TOP/build}
PERL=/usr/bin/perl
READY_S=10 # for a run that was ready before

export LC_ALL=C.UTF-8
# An ordinary user's PATH lacks the folder that NGINX is in.
export PATH=$PATH:/usr/sbin:/sbin
umask 022
cd "$TOP"

# shellcheck source=tools/lib.sh
. "$TOP/tools/lib.sh"
# shellcheck source=tools/deps.sh
. "$TOP/tools/deps.sh"
# shellcheck source=tools/state.sh
. "$TOP/tools/state.sh"


usage() {
    cat << 'END'
usage: ./build.sh VERB

  deps              install Debian's packages (12 or 13; root or sudo)
  build             compile everything into build/
  run               the demo in the foreground; Ctrl-C ends all of it
  up, down, status  the same in the background
  test [SUITE|long] unit fuzz io nginx e2e fault dates lint; all of them by default
  bench [NAME]      measure against references in the same run
  lint              format, static analysis, banned functions, sizes
  clean             remove what build, test, up and run made (not while up)

Environment: PYTAKE_STATE PYTAKE_PORT PYTAKE_LISTEN, and the names of real
servers (DATABASE_URL, REDIS_URL ...): see docs/operations.md.
END
}

# Builds what is not current, and says so when something is not.
build_quietly() {
    local log="$BUILD/build.log"

    can_write "$BUILD"

    # The build folder's own lock: "test" may build beside "up".
    if ! { flock "$BUILD/lock" make --no-print-directory -j"$(nproc)" \
               BUILD="${BUILD#"$TOP"/}" 2>&1 3>&- | build_words > "$log"
         } 3>&1
    then
        tail -n 20 "$log" | cut -c 1-400 >&2
        die "the build failed, see $log"
    fi

    build_web
}

# The browser inbox, if it is not current.
build_web() {
    deps_need "$(deps_node)"
    flock "$BUILD/lock" "$TOP/tools/web" build
}

# Passes make's words on; the first command that make runs is worth a line.
build_words() {
    local line quiet=1

    while IFS= read -r line; do
        if [ -n "$quiet" ] && [[ $line != make* ]]; then
            quiet=
            say "building the module and the sidecar" \
                "(a minute or two the first time) ..." >&3
        fi
        printf '%s\n' "$line"
    done
}

verb_build() {
    deps_need "$RUN_PKGS"
    can_write "$BUILD"
    flock "$BUILD/lock" make --no-print-directory -j"$(nproc)" \
        BUILD="${BUILD#"$TOP"/}" "$@"
    [ $# -ne 0 ] || build_web
}

prepare() {
    deps_need "$RUN_PKGS"
    state_paths
    state_lock
    build_quietly
    state_prepare
}

verb_up() {
    prepare

    if [ "$BACK_IN" = 1 ]; then
        wait_demo
        wait_ready
    else
        "$TOP/tools/supervise" --background "$STATE" 9>&- || exit 1
    fi

    "$TOP/tools/logins" "$STATE"
}

verb_run() {
    prepare
    [ "$BACK_IN" = 0 ] \
        || die "it runs already: './build.sh status', './build.sh down'"
    exec "$TOP/tools/supervise" --foreground "$STATE"
}

# A run in the foreground may still be starting.
wait_demo() {
    local end=$((SECONDS + 120))

    until [ -s "$STATE/demo.json" ]; do
        state_alive || die "the run in $STATE ended while starting"
        [ $SECONDS -lt $end ] || die "the run in $STATE does not get ready"
        sleep 0.05
    done
}

# Prints why the run is not ready, and the remedy; nothing when it is.
not_ready() {
    local answer code

    answer=$(curl -sS -m 3 -w '\n%{http_code}' \
                 --url "$(jq -r .url "$STATE/demo.json")/health/ready" 2>&1) \
        || true
    code=${answer##*$'\n'}
    [ "$code" != 200 ] || return 0

    answer=$(head -c 400 <<< "${answer%$'\n'*}" | tr '\n' ' ')
    printf '%s: ' "${answer% }"
    if grep -q '^pg_bin=.' "$STATE/settings"; then
        printf '%s' "'./build.sh down' and './build.sh up' start it anew"
    else
        printf '%s' "see to the server that DATABASE_URL or DB_HOST names"
    fi
    printf '%s\n' " (logs: $HOME_DIR/log)"
}

# Health may be good while every session fails.
wait_ready() {
    local why end=$((SECONDS + READY_S))

    while why=$(not_ready); [ -n "$why" ]; do
        [ $SECONDS -lt $end ] || die "it runs, but is not ready: $why"
        sleep 0.2
    done
}

verb_down() {
    state_paths
    [ -d "$STATE" ] || { say "PyTake is down"; return 0; }
    state_may w lock
    # A start in progress holds the lock; its end is wanted, so tell it.
    state_latch
    if ! flock -n 9; then
        ! state_alive || kill -TERM "$(cat "$STATE/alive")" 2>/dev/null || true
        flock -w 120 9 || die "another build.sh holds $STATE/lock"
    fi
    state_stop
    state_unsocket
    say "PyTake is down"
}

verb_status() {
    local part pid born why

    state_paths
    state_may r alive

    if ! state_alive; then
        say "PyTake is down (state: $STATE)"
        return 3
    fi

    say "state    $STATE"
    [ "$HOME_DIR" = "$STATE" ] || say "home     $HOME_DIR (data, logs, secrets)"
    [ "$SOCKETS" = "$HOME_DIR/run" ] || say "sockets  $SOCKETS"
    say "logs     $HOME_DIR/log"

    if [ ! -s "$STATE/demo.json" ]; then
        say "health   starting"
        return 1
    fi

    say "url      $(jq -r .url "$STATE/demo.json")"
    while read -r part pid born; do
        if [ "${born:+set}" = set ] && [ -d "/proc/$pid" ]; then
            printf '%-8s %s\n' "$part" "pid $pid"
        fi
    done < "$STATE/pids"
    say "health   $(curl -sS -m 3 \
                        --url "$(jq -r .url "$STATE/demo.json")/health" \
                        2>&1 | head -c 400 | tr '\n' ' ')"
    why=$(not_ready)
    [ -z "$why" ] || die "it runs, but is not ready: $why"
}

verb_test() {
    # A bare system's perl cannot even run that.
    ! "$PERL" -MTime::HiRes -e 1 2> /dev/null \
        || "$TOP/t/run" --check "$@" || exit 1
    deps_need "$RUN_PKGS $TEST_PKGS $(deps_clients)"
    can_write "$TOP/build"
    deps_test_nginx
    exec "$TOP/t/run" "$@"
}

verb_bench() {
    deps_need "$RUN_PKGS $TEST_PKGS $BENCH_PKGS"
    can_write "$TOP/build"
    exec "$TOP/t/bench/run" "$@"
}

verb_lint() {
    deps_need "$RUN_PKGS $TEST_PKGS"
    exec "$TOP/tools/lint" "$@"
}

verb_clean() {
    local dir

    state_paths
    ! state_alive || die "it runs: './build.sh down' first"

    for dir in "$STATE" "$TOP/.pytake-test"; do
        [ -d "$dir" ] || continue
        if [ -O "$dir" ]; then
            state_drop "$dir/home"
            state_drop "$dir/sockets"
        fi
        rm -rf "$dir"
    done

    rm -rf "$TOP/build" "$TOP/build-asan" "$TOP/build-faults"
    rm -rf "$TOP"/web/{node_modules,dist,.next,shots}
    rm -rf "$TOP"/clients/ts/{node_modules,dist}
}

verb=${1:-help}
[ $# -eq 0 ] || shift

case $verb in
deps | run | up | down | status | clean)
    [ $# -eq 0 ] || die "'$verb' takes no '$1': see './build.sh help'"
    "verb_$verb" ;;
build | test | bench | lint)
    "verb_$verb" "$@" ;;
help | -h | --help)
    usage ;;
*)
    usage >&2
    die "there is no verb '$verb'" ;;
esac
