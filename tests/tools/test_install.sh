#!/usr/bin/env bash
# An installed tree is complete wherever it is moved: programs find the library through pkg-config
# and the CMake package in all its forms, and the command finds it too.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export DESTDIR=$folder/stage
cmake --install "$CAIRN_BUILD_DIR" --prefix /opt/cairn >/dev/null
unset DESTDIR
mv "$folder/stage/opt/cairn" "$folder/moved"

libdir=$(dirname "$(find "$folder/moved" -name libcairn.so)")
for file in "$libdir/libcairn.a" "$libdir/cairn.o" "$libdir/pkgconfig/cairn.pc" \
    "$folder/moved/include/cairn/cairn.h" "$folder/moved/bin/cairn"; do
    [[ -f $file ]] || {
        echo "not installed: $file" >&2
        exit 1
    }
done

"$folder/moved/bin/cairn" run grep -q "$libdir/libcairn.so" /proc/self/maps

cat >"$folder/program.c" <<'C'
#include <cairn/cairn.h>
#include <stdlib.h>

int main(void) {
    void *volatile memory = malloc(100);
    free(memory);
    return memory == NULL;
}
C
export PKG_CONFIG_PATH=$libdir/pkgconfig
# shellcheck disable=SC2046
gcc "$folder/program.c" -o "$folder/program" $(pkg-config --cflags --libs cairn)
readelf -d "$folder/program" | grep 'NEEDED.*libcairn\.so' >/dev/null
LD_LIBRARY_PATH=$libdir "$folder/program"

cat >"$folder/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(cairn 0.1 REQUIRED)
foreach(form cairn static object)
  add_executable(with_${form} program.c)
  target_link_libraries(with_${form} PRIVATE cairn::${form})
endforeach()
CMAKE
cmake -S "$folder" -B "$folder/build" -DCMAKE_PREFIX_PATH="$folder/moved" >/dev/null
cmake --build "$folder/build" >/dev/null
for form in cairn static object; do
    "$folder/build/with_$form"
done
for form in static object; do
    nm --defined-only "$folder/build/with_$form" | grep ' T malloc$' >/dev/null || {
        echo "malloc is not linked into with_$form" >&2
        exit 1
    }
done
echo "installed, moved and used in every form"
