#!/bin/bash
# PostgreSQL under pgbench; at the end the sums of the accounts must agree with the history.
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
need setpriv util-linux

# Debian keeps the server's programs beside each other, one folder for each major version.
shopt -s nullglob
folders=(/usr/lib/postgresql/*/bin)
[ ${#folders[@]} -gt 0 ] || fail "no PostgreSQL; it is in Debian's package postgresql"
bin=${folders[-1]}
for program in postgres initdb pgbench psql; do
    need "$bin/$program" postgresql
done

# The server refuses to be root. Then it is the user of Debian's package, who must be able to read
# the library, wherever it was built.
mkdir "$WORK/home"
as_owner=(env)
user=$(id -un)
if [ "$(id -u)" = 0 ]; then
    user=postgres
    as_owner=(setpriv --reuid=postgres --regid=postgres --init-groups)
    chown postgres "$WORK/home"
fi
cp "$LIBRARY" "$WORK/library.so"
chmod 755 "$WORK/library.so"
LIBRARY=$WORK/library.so
export PGHOST=$WORK/home PGUSER=$user PGDATABASE=postgres HOME=$WORK/home
cd "$WORK/home"

interposed "$bin/postgres" --version
interposed "$bin/pgbench" --version

owned() { "${as_owner[@]}" env LD_PRELOAD="$LIBRARY" "$@"; }
query() { "$bin/psql" -X -q -A -t -c "$1"; }
answers() { [ "$(query 'SELECT 1')" = 1 ]; }
stop() {
    kill -INT "$server"
    ended "$server" server
}

# start: the server with the library. No network: its socket is in a folder of its own.
start() {
    start_server server "${as_owner[@]}" env LD_PRELOAD="$LIBRARY" "$bin/postgres" \
        -D "$WORK/home/data" -k "$WORK/home" -c listen_addresses= -c shared_buffers=16MB \
        -c dynamic_shared_memory_type=mmap -c max_wal_size=128MB -c checkpoint_timeout=30s \
        -c fsync=off -c work_mem=1MB -c autovacuum_naptime=1s -c jit=off \
        -c min_parallel_table_scan_size=0 -c parallel_setup_cost=0 -c parallel_tuple_cost=0
    await answers
    mapped "$server" 5
}

# expect ANSWER QUERY
expect() {
    local answer
    answer=$(query "$2")
    [ "$answer" = "$1" ] || fail "$answer is not $1, the answer to: $2" "$WORK/server.log"
}

sums_agree() {
    local history
    history=$(query 'SELECT count(*) || $$ $$ || coalesce(sum(delta), 0) FROM pgbench_history')
    [ "${history% *}" -ge "$1" ] || fail "only ${history% *} transactions in the history"
    for table in account branch teller; do
        plural=$table
        [ $table = branch ] && plural=branche
        expect "${history#* }" "SELECT sum(${table:0:1}balance) FROM pgbench_${plural}s"
    done
}

# A backend sorts, hashes, aggregates and parses; a server without the library gives the answers to
# compare with.
answers_of() { "$bin/psql" -X -q -A -t -f "$HERE/input/queries.sql"; }

"${as_owner[@]}" true 2>"$WORK/user" || fail "there is no user $user" "$WORK/user"
owned "$bin/initdb" -D "$WORK/home/data" -A trust -N --no-instructions -U "$user" \
    -E UTF8 --locale=C.UTF-8 >"$WORK/initdb.log" 2>&1 || fail "initdb" "$WORK/initdb.log"
no_reports "$WORK/initdb.log"

start
preloaded fill "$bin/pgbench" -i -s 2 -q
preloaded bench "$bin/pgbench" -c 6 -j 2 -T 6 -n
preloaded prepared "$bin/pgbench" -c 4 -j 2 -T 3 -n -M prepared
preloaded connects "$bin/pgbench" -c 3 -t 30 -n -C
sums_agree 290
answers_of >"$WORK/queries.out" 2>"$WORK/queries.log" || fail "the queries" "$WORK/queries.log"
query 'CREATE EXTENSION amcheck'
preloaded dump "$bin/pg_dump" --no-owner
stop

# What is on the disk is read again, with the library and then without.
start
sums_agree 290
query "SELECT count(bt_index_check(oid, true)) FROM pg_class
       WHERE relkind = 'i' AND relam = (SELECT oid FROM pg_am WHERE amname = 'btree')" >/dev/null ||
    fail "an index is damaged" "$WORK/server.log"
stop
start_server server "${as_owner[@]}" "$bin/postgres" -D "$WORK/home/data" \
    -k "$WORK/home" -c listen_addresses=
await answers
sums_agree 290
answers_of >"$WORK/queries.plain.out" 2>"$WORK/queries.plain.err"
same "$WORK/queries.out" "$WORK/queries.plain.out"
plain dump "$bin/pg_dump" --no-owner
# Each dump has a random word of its own to keep meta-commands out.
sed -i '/^.\(un\)\?restrict /d' "$WORK/dump.out" "$WORK/dump.plain.out"
same "$WORK/dump.out" "$WORK/dump.plain.out"
stop
if grep -E 'PANIC|terminated by signal' "$WORK/server.log" >"$WORK/crashes"; then
    fail "a process of the server died" "$WORK/crashes"
fi
