#!/bin/sh
# no_libc_malloc.sh PROGRAM: a static program with cairn must not contain libc's malloc as well.
set -eu
names=$(nm "$1")
theirs=' [tT] (_int_malloc|_int_free|ptmalloc_init|__libc_malloc_impl)$'
if printf '%s\n' "$names" | grep -E "$theirs"; then
    echo "$1 contains libc's own malloc" >&2
    exit 1
fi
printf '%s\n' "$names" | grep -q -E ' [TtWi] malloc$'
printf '%s\n' "$names" | grep -q -E ' [TtWi] cairn_malloc$'
