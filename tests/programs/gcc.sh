#!/bin/bash
# gcc and g++: compile, assemble, link and run; every object file is compared.
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
need gcc gcc
need g++ g++

# compile FOLDER [COMMAND...]: everything below FOLDER, each compiler started by COMMAND. Relative
# paths, and a debug directory that is mapped away, keep the files of two folders comparable.
compile() {
    local file map=-fdebug-prefix-map=$1=/build
    cd "$1"
    shift
    "$@" gcc -O2 -Wall -c calls.c -o calls.o
    "$@" gcc -O0 -g "$map" -c calls.c -o calls-g.o
    "$@" gcc -O3 -flto=2 calls.c -o c-lto -lm
    "$@" gcc calls.o -o calls -lm
    "$@" g++ -std=gnu++20 -O2 -Wall -c headers.cc -o headers.o
    "$@" g++ -std=gnu++20 -O0 -g "$map" -c templates.cc -o templates-g.o
    "$@" g++ -std=gnu++20 -O1 -save-temps=obj -c templates.cc -o templates.o
    "$@" g++ -pthread headers.o templates.o -o templates
    for file in "${sources[@]}"; do
        "$@" gcc -std=gnu17 -O2 -g "$map" -fPIC -I src -I include -DCAIRN_VERSION='"0"' \
            -c "$file" -o "$(tr / - <<<"${file%.c}").o"
    done
    "$@" g++ -x c++-header -std=gnu++20 all.hh -o all.hh.gch
    "$@" g++ -std=gnu++20 -include all.hh -fsyntax-only templates.cc
    # An error, with its explanation, is an answer too.
    ! "$@" g++ -std=gnu++20 -c wrong.cc -o wrong.o 2>wrong.txt
}

# sources_in FOLDER: what both runs compile; this repository's own sources are among it.
sources_in() {
    mkdir -p "$1"
    cp "$HERE"/input/{headers,templates,wrong}.cc "$1"
    printf '#include <%s>\n' algorithm any array atomic bitset chrono complex deque filesystem \
        functional future iostream list map memory mutex numeric optional random ranges regex set \
        string thread tuple unordered_map variant vector >"$1/all.hh"
    awk -f "$HERE/input/calls.awk" >"$1/calls.c"
    cp -R "$repository/src" "$repository/include" "$1"
}

repository=$(cd "$HERE/../.." && pwd)
cd "$repository"
sources=(src/*/*.c)
[ -e "${sources[0]}" ] || fail "no sources below $repository/src"
sources_in "$WORK/plain"
sources_in "$WORK/preloaded"

# The driver starts the compiler proper, the assembler and the linker: the proof is for all of them.
printf '#include <string>\nint main() { return std::string("a").empty(); }\n' >"$WORK/probe.cc"
interposed g++ -O1 -flto "$WORK/probe.cc" -o "$WORK/probe.bin"
interposed gcc -x c -c /dev/null -o "$WORK/probe.o"

# Both at once: neither is of use to the other.
compile "$WORK/plain" env >"$WORK/compile.plain.out" 2>&1 &
plain_run=$!
servers+=("$plain_run")
compile "$WORK/preloaded" with_preload >"$WORK/compile.out" 2>&1 &
preloaded_run=$!
status=0
wait "$preloaded_run" || status=$?
wait "$plain_run" ||
    fail "the sources do not compile without the library" "$WORK/compile.plain.out"
no_reports "$WORK/compile.out" "$WORK/preloaded/wrong.txt"
[ $status -eq 0 ] || fail "the sources do not compile under the library" "$WORK/compile.out"
same "$WORK/compile.out" "$WORK/compile.plain.out"

compared=0
for file in "$WORK"/plain/{*.o,*.s,*.ii,calls,c-lto,templates,wrong.txt}; do
    same "$WORK/preloaded/${file##*/}" "$file"
    compared=$((compared + 1))
done
[ $compared -ge 12 ] || fail "only $compared files to compare"

both calls "$WORK/plain/calls"
both c-lto "$WORK/plain/c-lto"
both templates "$WORK/plain/templates"
