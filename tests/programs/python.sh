#!/bin/bash
# python3's own regression tests, with its own small-object allocator and with malloc in its place.
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
need $python python3

# By default python serves objects of up to 512 bytes itself, from memory that it maps. So these are
# the tests whose work is threads, processes, and large or foreign buffers.
default_tests=(
    test_multiprocessing_fork test_subprocess test_io test_threading test_queue test_fork1
    test_lzma test_bz2 test_zlib test_zipfile test_mmap test_ctypes test_hashlib test_resource
    test_interpreters test_tracemalloc test_os test_posix test_bytes test_unicode test_buffer
)
# With PYTHONMALLOC=malloc every object is one of the library's.
malloc_tests=(
    test_weakref test_pickle test_compile test_gc test_ast test_decimal test_itertools test_set
    test_exceptions test_traceback test_thread test_threading_local test_json test_long test_re
    test_bytes test_unicode test_codecs test_descr test_deque test_enum test_csv test_typing
    test_marshal test_tuple test_array test_coroutines test_functools test_collections test_heapq
    test_tokenize test_dataclasses test_ordered_dict test_dis test_dict test_list test_struct
    test_memoryview test_xml_etree test_xml_etree_c test_pyexpat test_sax test_minidom
    test_generators test_sort test_copy test_string test_format test_email test_shelve
    test_finalization test_context test_buffer test_ctypes test_zlib test_interpreters
    test_queue test_fork1
)

# provided TEST...: a test that is not there would fail with and without the library.
provided() {
    $python - "$@" 2>"$WORK/missing" <<'END'
import importlib.util, sys
missing = [t for t in sys.argv[1:] if not importlib.util.find_spec("test." + t)]
if missing:
    version = "%d.%d" % sys.version_info[:2]
    sys.exit("install Debian's package libpython%s-testsuite (scripts/install-deps programs); "
             "it has: %s" % (version, " ".join(missing)))
END
}

regression() {
    mkdir -p "$WORK/temporary"
    "$@" $python -m test -j3 --timeout 150 --tempdir "$WORK/temporary" -W "${tests[@]}"
}

# failed_tests FILE: their names, from the summary at its end.
failed_tests() {
    awk '/^[0-9]+ tests? failed:$/ { on = 1; next } !/^ / { on = 0 } on' "$1" | xargs -n 1
}

# check LABEL TEST...: a test that fails under the library must fail without it too.
check() {
    local label=$1 status=0 name found bad
    shift
    tests=("$@")
    (regression with_preload) >"$WORK/$label.out" 2>"$WORK/$label.err" </dev/null || status=$?
    no_reports "$WORK/$label.out" "$WORK/$label.err"
    [ $status -ne 0 ] || return 0
    found=$(failed_tests "$WORK/$label.out")
    [ -n "$found" ] || fail "status $status from the tests: $label" "$WORK/$label.out"
    mapfile -t tests <<<"$found"
    [ ${#tests[@]} -le 5 ] || fail "${#tests[@]} tests fail ($label)" "$WORK/$label.out"
    (regression env) >"$WORK/$label.plain.out" 2>&1 </dev/null || true
    bad=$(failed_tests "$WORK/$label.plain.out")
    for name in "${tests[@]}"; do
        grep -qx "$name" <<<"$bad" ||
            fail "$name fails under the library and not without ($label)" "$WORK/$label.out"
        say "$name fails without the library too ($label)"
    done
}

interposed $python -c 'print("ok")'
provided "${default_tests[@]}" "${malloc_tests[@]}" ||
    fail "python's regression tests are missing" "$WORK/missing"

check default "${default_tests[@]}"
export PYTHONMALLOC=malloc
check malloc "${malloc_tests[@]}"
