#!/bin/bash
# lua: tables, strings, closures, coroutines, both collectors, and running out of memory.
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
need lua5.4 lua5.4

interposed lua5.4 -e 'print("ok")'
both workload lua5.4 "$HERE/input/workload.lua"
