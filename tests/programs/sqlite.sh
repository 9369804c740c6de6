#!/bin/bash
# The sqlite3 shell over a large script; the output and the database file are compared.
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
need sqlite3 sqlite3

interposed sqlite3 :memory: 'SELECT 1'

# With its own small-object pool, as it comes, and a file; then all of it from malloc, in memory.
both file sqlite3 -batch -bail database.db ".read $HERE/input/workload.sql"
same "$WORK/preloaded/database.db" "$WORK/plain/database.db"
both memory sqlite3 -batch -bail -lookaside 0 0 :memory: ".read $HERE/input/workload.sql"

preloaded integrity sqlite3 "$WORK/preloaded/database.db" 'PRAGMA integrity_check'
[ "$(cat "$WORK/integrity.out")" = ok ] ||
    fail "the database is damaged" "$WORK/integrity.out"

# Dump it, load the dump, and dump that again.
both dump sqlite3 database.db .dump
preloaded load sqlite3 -batch -bail "$WORK/copy.db" ".read $WORK/dump.out"
preloaded again sqlite3 "$WORK/copy.db" .dump
same "$WORK/again.out" "$WORK/dump.plain.out"
