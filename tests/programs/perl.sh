#!/bin/bash
# perl: hashes, regular expressions, sorting, processes and threads.
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
need perl perl

perl -Mthreads -MStorable -MDigest::SHA -e 1 2>"$WORK/modules" ||
    fail "perl lacks modules that Debian's package perl has" "$WORK/modules"
interposed perl -e 'print "ok\n"'

# The order of hashes is made repeatable for those parts that print it.
export PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0
both workload perl "$HERE/input/workload.pl"
