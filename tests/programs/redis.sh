#!/bin/bash
# redis-server under redis-benchmark; then its data against a server without the library, through
# reload, background save, restart and asynchronous deletion.
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
need redis-server redis-server
need redis-benchmark redis-tools

# Debian's redis is linked to jemalloc, so that a preloaded library serves it is worth a proof.
interposed redis-server --version
interposed redis-benchmark --version

io_threads=1

# start LABEL [COMMAND...]: a server whose data lies in $WORK/LABEL; sets $port and $server.
start() {
    local label=$1
    shift
    mkdir -p "$WORK/$label"
    port=$(free_port)
    start_server "$label" "$@" redis-server --bind 127.0.0.1 --port "$port" --dir "$WORK/$label" \
        --save '' --daemonize no --enable-debug-command local \
        --lazyfree-lazy-user-del yes --lazyfree-lazy-user-flush yes --io-threads "$io_threads" \
        --io-threads-do-reads yes
    await answers "$port"
}

answers() { [ "$(redis-cli -p "$1" ping)" = PONG ]; }
cli() { redis-cli -p "$@"; }

# succeeds WORDS...: a command that must answer OK.
succeeds() {
    local answer
    answer=$(cli "$@")
    [ "$answer" = OK ] || fail "redis answered $answer to: ${*:2}"
}

commands() { awk -f "$HERE/input/commands.awk"; }

# fill PORT: with data that is always the same, in one pipe; no command may be refused.
fill() {
    commands | cli "$1" --pipe >"$WORK/pipe" 2>&1 || fail "redis-cli --pipe" "$WORK/pipe"
    grep -q 'errors: 0,' "$WORK/pipe" || fail "redis refused commands" "$WORK/pipe"
}

# digest_is PORT DIGEST WHEN
digest_is() {
    local digest
    digest=$(cli "$1" debug digest)
    [ "$digest" = "$2" ] || fail "the data has digest $digest and not $2 $3"
}

background_save_done() { cli "$1" info persistence | grep -q 'rdb_bgsave_in_progress:0'; }
rewrite_done() { cli "$1" info persistence | grep -q 'aof_rewrite_in_progress:0'; }
saved_well() { cli "$1" info persistence | grep -q "$2:ok" || fail "$2 is not ok"; }

start expected
expected_port=$port expected_server=$server
fill "$expected_port"
expected=$(cli "$expected_port" debug digest)
[ ${#expected} -eq 40 ] || fail "no digest: $expected"

start served env LD_PRELOAD="$LIBRARY"
mapped "$server"
preloaded benchmark redis-benchmark -h 127.0.0.1 -p "$port" -n 20000 -c 30 -r 20000 --csv
[ "$(grep -c '^"' "$WORK/benchmark.out")" -ge 20 ] ||
    fail "redis-benchmark left tests out" "$WORK/benchmark.out"
preloaded pipelined redis-benchmark -h 127.0.0.1 -p "$port" -n 200000 -c 30 -r 50000 -d 300 \
    -P 16 --threads 2 -t set,get,incr,lpush,rpop,sadd,hset,zadd,mset --csv
succeeds "$port" flushall async

fill "$port"
digest_is "$port" "$expected" "after the commands"
succeeds "$port" debug reload
digest_is "$port" "$expected" "after DEBUG RELOAD"

# A fork of a process with several threads, while others keep it busy.
cli "$port" bgsave >/dev/null
preloaded busy redis-benchmark -h 127.0.0.1 -p "$port" -n 20000 -c 10 -q -t set
await background_save_done "$port"
saved_well "$port" rdb_last_bgsave_status
cli "$port" unlink key:__rand_int__ >/dev/null
succeeds "$port" config set appendonly yes
await rewrite_done "$port"
saved_well "$port" aof_last_bgrewrite_status
digest_is "$port" "$expected" "after a background save and a rewrite of the log"
cli "$port" memory doctor >/dev/null
succeeds "$port" memory purge
succeeds "$port" config set appendonly no

# Stop with a save; read it with the library, and without.
cli "$port" shutdown save || true
ended "$server" served
preloaded check redis-check-rdb "$WORK/served/dump.rdb"
# Its threads for input and output spin while they wait, so they get little to do: what one thread
# allocates another frees.
io_threads=2
start served env LD_PRELOAD="$LIBRARY"
digest_is "$port" "$expected" "after a restart"
preloaded threaded redis-benchmark -h 127.0.0.1 -p "$port" -n 5000 -c 40 -q -t ping,get -d 2000
commands | awk '{ print "UNLINK " $2 }' | cli "$port" --pipe >"$WORK/pipe"
cli "$port" shutdown nosave || true
ended "$server" served

cli "$expected_port" shutdown nosave || true
ended "$expected_server" expected
cp "$WORK/served/dump.rdb" "$WORK/expected/dump.rdb"
io_threads=1
start expected
digest_is "$port" "$expected" "as a server without the library reads the saved data"
