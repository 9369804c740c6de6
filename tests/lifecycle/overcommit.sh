#!/bin/bash
# overcommit.sh LIBRARY PROGRAM...: run each program under the library with strict overcommit.
#
# The setting belongs to the whole machine, so it is changed for the shortest time, under a lock,
# and put back however this ends. Where it cannot be changed the test says so and is skipped.
set -u
setting=/proc/sys/vm/overcommit_memory
library=$1
shift

exec 9>"${TMPDIR:-/tmp}/cairn-overcommit.lock"
flock 9
before=$(cat "$setting")
if ! { echo 2 >"$setting"; } 2>/dev/null; then
    echo "NOT POSSIBLE here: $setting ($before) cannot be written; strict overcommit is untested"
    exit 77
fi
trap 'echo "$before" >"$setting"' EXIT
trap 'exit 1' INT TERM HUP
echo "$setting is $(cat "$setting") for now"

failed=0
for program in "$@"; do
    if LD_PRELOAD=$library timeout 60 "$program"; then
        echo "pass $program"
    else
        echo "FAIL $program: status $?"
        failed=1
    fi
done
exit "$failed"
