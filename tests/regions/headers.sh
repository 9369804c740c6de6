#!/usr/bin/env bash
# Each public header by itself, in C and C++, with gcc and clang, as strict programs include it.
set -euo pipefail
cd "$CAIRN_SOURCE_DIR"
warnings=(-Wall -Wextra -Wshadow -Wconversion -Werror -Iinclude -fsyntax-only)
count=0
for header in include/cairn/*.h; do
    line="#include <cairn/${header##*/}>"
    for compiler in "gcc -std=c11 -xc" "gcc -std=gnu17 -xc" "clang -std=c17 -xc" \
        "g++ -std=c++11 -xc++" "g++ -std=c++20 -xc++" "clang++ -std=c++17 -xc++"; do
        $compiler "${warnings[@]}" - <<<"$line"$'\n'"$line"
        count=$((count + 1))
    done
done
for header in include/cairn/*.hpp; do
    line="#include <cairn/${header##*/}>"
    for compiler in "g++ -std=c++17" "g++ -std=c++20 -fno-exceptions -fno-rtti" "g++ -std=gnu++23" \
        "clang++ -std=c++17" "clang++ -std=c++20"; do
        $compiler "${warnings[@]}" -xc++ - <<<"$line"$'\n'"$line"
        count=$((count + 1))
    done
done
# An array of nothing, which GNU C has, would divide by its size.
if gcc -fsyntax-only -Iinclude -xc - 2>/dev/null <<<'#include <cairn/vec.h>
struct nothing {}; CAIRN_VEC(nothings, struct nothing)'; then
    echo "CAIRN_VEC() takes items without a size" >&2
    exit 1
fi
# headers.cc has them all.
for header in include/cairn/*.h; do
    grep -q "#include <cairn/${header##*/}>" tests/regions/headers.cc || {
        echo "tests/regions/headers.cc leaves out $header" >&2
        exit 1
    }
done
echo "$count times a header stood by itself"
