#!/bin/bash
# git: import, commit, merge, repack, clone, collect garbage and check; all objects are compared.
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
need git git

export HOME=$WORK GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@localhost GIT_AUTHOR_DATE='1700000000 +0000'
export GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@localhost GIT_COMMITTER_DATE='1700000000 +0000'

awk -f "$HERE/input/history.awk" >"$WORK/history"
interposed git init -q "$WORK/probe.git"
interposed git clone -q --no-local "$WORK/probe.git" "$WORK/probe.clone"

both history bash "$HERE/input/history.sh" "$WORK/history"
grep -q 'refs/tags/v4000' "$WORK/history.out" || fail "git did not come to the end of its work"
