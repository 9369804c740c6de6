#!/usr/bin/env bash
# Small programs with one mistake each: gcc, with its analyzer, must find what their first line
# says, by what the headers say of ownership; and nothing in the one that is right.
set -euo pipefail
cd "$CAIRN_SOURCE_DIR"
failed=0
count=0
for program in tests/regions/analyzer/*.c; do
    expected=$(sed -n '1s/.*expects: \([^ ]*\).*/\1/p' "$program")
    said=$(gcc -std=gnu17 -O2 -fanalyzer -Wall -Wextra -Iinclude -S -o /dev/null "$program" 2>&1)
    if [[ -n $expected && $said != *"[$expected"* ]] || [[ -z $expected && -n $said ]]; then
        echo "$program: expected ${expected:-nothing}, but gcc says: $said" >&2
        failed=1
    fi
    count=$((count + 1))
done
[[ $failed -eq 0 ]] && echo "$count programs are judged as they should be"
exit $failed
