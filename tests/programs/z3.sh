#!/bin/bash
# z3: problems of several theories. It counts what it allocates in front of each object from malloc.
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
need z3 z3

interposed z3 --version
for problem in pigeons bits numbers arrays words reals; do
    awk -v problem=$problem -f "$HERE/input/problems.awk" >"$WORK/$problem.smt2"
    both $problem z3 -smt2 "$WORK/$problem.smt2"
    if grep -q -e error -e unknown -e timeout "$WORK/$problem.plain.out"; then
        fail "z3 has no answer to $problem" "$WORK/$problem.plain.out"
    fi
done

# Several threads; which of them is the first to know differs, the answer does not.
both parallel z3 parallel.enable=true parallel.threads.max=4 "$WORK/pigeons.smt2"
