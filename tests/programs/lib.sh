#!/bin/bash
# What all tests of real programs share; each script sources it first.
#
# $LIBRARY  the library under test, an absolute path (set by `run`)
# $HERE     this folder
# $WORK     a temporary folder, removed at the end unless KEEP=1 is set
# shellcheck shell=bash

set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
NAME=$(basename "$0" .sh)
: "${LIBRARY:?start the tests by: run NAME LIBRARY}"
WORK=$(mktemp -d "${TMPDIR:-/tmp}/cairn-$NAME.XXXXXX")
chmod 755 "$WORK"
servers=()

say() { printf '%s: %s\n' "$NAME" "$*"; }

# fail SENTENCE [FILE]: ends the test; FILE's last lines are shown with the sentence.
fail() {
    say "FAILED: $1" >&2
    if [ $# -gt 1 ] && [ -s "$2" ]; then
        sed 's/^/    /' "$2" | tail -n 25 >&2
    fi
    exit 1
}

# need PROGRAM PACKAGE: a program that is missing is an error, never a reason to skip.
need() {
    command -v "$1" >/dev/null ||
        fail "$1 is not installed; it is in Debian's package $2 (scripts/install-deps programs)"
}

clean_up() {
    local status=$? pid
    trap - EXIT
    for pid in "${servers[@]}"; do
        kill -TERM "$pid" 2>/dev/null || continue
        for _ in {1..50}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
    done
    if [ "${KEEP:-0}" = 1 ]; then
        say "kept $WORK"
    else
        rm -rf "$WORK"
    fi
    [ $status -eq 0 ] && say "passed in $SECONDS s"
    exit $status
}
trap clean_up EXIT
trap 'say "FAILED: stopped by a signal or out of time" >&2; exit 1' TERM INT HUP

# --- commands ------------------------------------------------------------------------------------

with_preload() { env LD_PRELOAD="$LIBRARY" "$@"; }

# no_reports FILE...: the allocator must have had nothing to report, even where a program's death
# would go unnoticed because its parent starts another.
no_reports() {
    local file
    for file in "$@"; do
        [ -e "$file" ] || fail "there is no $file to look for reports in"
        if grep -a '^cairn:' "$file" >"$WORK/reports"; then
            fail "the allocator reported an error" "$WORK/reports"
        fi
    done
}

# preloaded LABEL COMMAND...: runs the command under the library; its output goes to
# $WORK/LABEL.out and $WORK/LABEL.err. It must end with status 0.
preloaded() {
    local label=$1 status=0
    shift
    env LD_PRELOAD="$LIBRARY" "$@" >"$WORK/$label.out" 2>"$WORK/$label.err" </dev/null ||
        status=$?
    no_reports "$WORK/$label.out" "$WORK/$label.err"
    [ $status -eq 0 ] ||
        fail "status $status under the library: $label" "$WORK/$label.err"
}

# plain LABEL COMMAND...: the same without the library, into LABEL.plain.out and LABEL.plain.err.
plain() {
    local label=$1.plain status=0
    shift
    "$@" >"$WORK/$label.out" 2>"$WORK/$label.err" </dev/null || status=$?
    [ $status -eq 0 ] ||
        fail "status $status without the library: $label" "$WORK/$label.err"
}

# same FILE EXPECTED: byte by byte; an empty file proves nothing, so it is a failure too.
same() {
    [ -s "$2" ] || fail "$2 is empty: nothing to compare with"
    cmp "$1" "$2" >"$WORK/cmp" 2>&1 && return
    diff -a "$2" "$1" 2>/dev/null | head -n 10 | cut -c 1-160 >>"$WORK/cmp" || true
    fail "other bytes than without the library: ${1##*/}" "$WORK/cmp"
}

# both LABEL COMMAND...: runs the command without and with the library, each in a folder of its own
# ($WORK/plain and $WORK/preloaded), and compares what it prints.
both() {
    mkdir -p "$WORK/plain" "$WORK/preloaded"
    cd "$WORK/plain"
    plain "$@"
    cd "$WORK/preloaded"
    preloaded "$@"
    cd "$WORK"
    same "$1.out" "$1.plain.out"
}

# --- proof that the library serves the program ---------------------------------------------------

# interposed COMMAND...: runs the command once more while the dynamic linker writes down what it
# binds. In every process that the command starts, each call of the malloc family must go to the
# library: that it is mapped would not show that it is used. A program that takes a function's
# address may bind it to its own entry for that function, which is then bound to the library.
interposed() {
    local logs=$WORK/bindings log
    rm -rf "$logs"
    mkdir -m 777 "$logs"
    env LD_DEBUG=bindings LD_DEBUG_OUTPUT="$logs/process" LD_BIND_NOW=1 \
        LD_PRELOAD="$LIBRARY" "$@" >"$WORK/probe" 2>&1 </dev/null ||
        fail "it does not start under the library: $*" "$WORK/probe"
    for log in "$logs"/process.*; do
        [ -e "$log" ] || fail "the dynamic linker wrote nothing about: $*"
        awk -v library="$LIBRARY" -f "$HERE/bindings.awk" "$log" >"$WORK/strays" ||
            fail "the library does not serve: $*" "$WORK/strays"
    done
    rm -rf "$logs"
}

# mapped PID [COUNT]: a running process and its children, as far as they live on, have the library;
# there are at least COUNT of them.
mapped() {
    local pid maps seen=0
    for pid in "$1" $(cat "/proc/$1/task/$1/children"); do
        maps=$(cat "/proc/$pid/maps" 2>/dev/null) || continue
        [ -n "$maps" ] || continue
        [[ $maps == *" $LIBRARY"* ]] || fail "process $pid runs without the library"
        seen=$((seen + 1))
    done
    [ $seen -ge "${2:-1}" ] || fail "$seen processes to look into, and not ${2:-1}"
}

# --- servers -------------------------------------------------------------------------------------

# free_port: a TCP port below the range that the kernel hands out itself.
free_port() {
    local port
    while :; do
        port=$((10000 + SRANDOM % 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    printf '%s\n' "$port"
}

# start_server LABEL COMMAND...: in the background, its output in $WORK/LABEL.log, its pid in
# $server; it is told to end with this script, whatever ends that.
start_server() {
    local label=$1
    shift
    setpriv --pdeathsig TERM "$@" >>"$WORK/$label.log" 2>&1 </dev/null &
    server=$!
    servers+=("$server")
}

# await COMMAND...: until it succeeds, for 30 seconds at most and while $server lives.
await() {
    local _
    for _ in {1..300}; do
        "$@" >"$WORK/await" 2>&1 && return
        kill -0 "$server" 2>/dev/null || fail "the server ended by itself" "$(newest_log)"
        sleep 0.1
    done
    fail "waited in vain for: $*" "$WORK/await"
}

newest_log() {
    find "$WORK" -name '*.log' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2
}

# ended PID LABEL: waits for a server that was told to stop, which must end with status 0, having
# reported nothing.
ended() {
    local status=0 pid others=()
    wait "$1" || status=$?
    for pid in "${servers[@]}"; do
        [ "$pid" = "$1" ] || others+=("$pid")
    done
    servers=("${others[@]}")
    no_reports "$WORK/$2.log"
    [ $status -eq 0 ] || fail "the server ended with status $status" "$WORK/$2.log"
}
