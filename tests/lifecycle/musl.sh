#!/bin/bash
# musl.sh ROOT WORK: build the library's sources and a static program with musl-gcc, run the program.
set -eu
root=$1
work=$2
mkdir -p "$work"

if ! command -v musl-gcc >/dev/null; then
    echo "musl-gcc is missing: install musl-tools (scripts/install-deps does)" >&2
    exit 1
fi

shopt -s nullglob
sources=("$root"/src/*/*.c)
if [ "${#sources[@]}" -eq 0 ]; then
    echo "no sources below $root/src" >&2
    exit 1
fi
flags=(-std=gnu17 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -fno-builtin -fno-pie
       "-I$root/include" "-I$root/src" '-DCAIRN_VERSION="musl"')

objects=()
for source in "${sources[@]}"; do
    object=$work/$(basename "$(dirname "$source")")-$(basename "$source" .c).o
    musl-gcc "${flags[@]}" -fvisibility=hidden -ftls-model=initial-exec -c "$source" -o "$object"
    objects+=("$object")
done
musl-gcc "${flags[@]}" -static "$root/tests/lifecycle/musl.c" "${objects[@]}" -o "$work/musl_program"
if nm "$work/musl_program" | grep -q -E ' [tT] __libc_malloc_impl$'; then
    echo "the program contains musl's own malloc" >&2
    exit 1
fi
timeout 120 "$work/musl_program"
