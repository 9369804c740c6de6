#include "core/allocate.h"

#include <errno.h>
#include <string.h>

#include "core/block.h"
#include "core/geometry.h"
#include "support/dies.h"
#include "support/random.h"

static bool is_zero(const char *memory, size_t size) {
    return memory[0] == 0 && memcmp(memory, memory + 1, size - 1) == 0;
}

static void test_all_sizes(void **state) {
    (void)state;
    for (size_t size = 0; size <= 3 * SLAB_MAX; size += size < 2000 ? 1 : 97) {
        char *object = take(size);
        assert_non_null(object);
        assert_int_equal((uintptr_t)object % 16, 0);
        size_t usable = usable_size("malloc_usable_size", object);
        assert_true(usable >= size && usable > 0);
        memset(object, 1, usable);
        give(object);
    }
    assert_intact();
    assert_int_equal(usable_size("malloc_usable_size", NULL), 0);
}

/* No two live objects share a byte. */
static void test_distinct(void **state) {
    (void)state;
    enum { OBJECTS = 3000 };
    static unsigned char *objects[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = take(i);
        memset(objects[i], (int)(i % 251), i);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_true(objects[i][k] == i % 251);
        }
        give(objects[i]);
    }
    assert_intact();
}

/* Fresh, used before, purged: always zero. */
static void test_zeroed(void **state) {
    (void)state;
    static const size_t sizes[] = {1,    16,    17,    100,   1024,   3000,
                                   9000, 16384, 16385, 32769, 200000, 5000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int round = 0; round < 200; round++) {
            char *object = take_zeroed(sizes[i]);
            char *other = take_zeroed(sizes[i]);
            assert_true(is_zero(object, sizes[i]));
            assert_true(is_zero(other, sizes[i]));
            memset(object, 1, usable_size("malloc_usable_size", object));
            memset(other, 1, usable_size("malloc_usable_size", other));
            give(object);
            if (round % 2 != 0) {
                give(other);
            }
            if (round == 10) {
                (void)chunks_purge_all();
            }
            if (sizes[i] > 100000 && round == 11) {
                break;
            }
        }
    }
    assert_intact();
}

static void test_alignment(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 100, 5000, 16384, 16385, 32769, 100000};
    for (size_t alignment = 1; alignment <= (size_t)1 << 30; alignment *= 2) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            char *object = allocate_aligned(alignment, sizes[i]);
            assert_non_null(object);
            assert_int_equal((uintptr_t)object % alignment, 0);
            assert_int_equal((uintptr_t)object % 16, 0);
            size_t usable = usable_size("malloc_usable_size", object);
            assert_true(usable >= sizes[i]);
            memset(object, 1, sizes[i]);
            object = resize(object, 2 * sizes[i] + 1);
            assert_non_null(object);
            assert_true(sizes[i] == 0 || object[sizes[i] - 1] == 1);
            give(object);
        }
    }
    assert_intact();
}

static void test_refusals(void **state) {
    (void)state;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4096, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX,
                                   (size_t)1 << 48};
    char *object = take(100);
    object[99] = 9;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        errno = 0;
        assert_null(take(sizes[i]));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(take_zeroed(sizes[i]));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(allocate_aligned(4096, sizes[i]));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(resize(object, sizes[i]));
        assert_int_equal(errno, ENOMEM);
    }
    errno = 0;
    assert_null(allocate_aligned((size_t)1 << 62, 1));
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(object[99], 9);
    give(object);
    assert_intact();
}

static void test_free_keeps_errno(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 1000, 16384, 16385, 100000, 50000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *object = take(sizes[i]);
        memset(object, 1, sizes[i]);
        errno = EILSEQ;
        give(object);
        assert_int_equal(errno, EILSEQ);
        object = take(sizes[i]);
        memset(object, 1, sizes[i]);
        errno = EILSEQ;
        assert_non_null(object = resize(object, sizes[i] * 2));
        assert_int_equal(errno, EILSEQ);
        give(object);
    }
    errno = EILSEQ;
    give(NULL);
    free_slow("free", NULL);
    assert_int_equal(errno, EILSEQ);
}

/* Up and down through all sizes, the content kept. */
static void test_resize(void **state) {
    (void)state;
    size_t size = 1;
    char *object = take(1);
    object[0] = 'a';
    for (size_t step = 0; step < 160; step++) {
        size_t next = step < 80 ? size + size / 5 + 1 : size - size / 6;
        object = resize(object, next);
        assert_non_null(object);
        assert_true(usable_size("malloc_usable_size", object) >= next);
        size_t kept = next < size ? next : size;
        assert_int_equal(object[0], 'a');
        assert_true(kept == 1 || object[kept - 1] == (step == 0 || kept < size ? 'b' : 'e'));
        memset(object, 'b', next);
        object[0] = 'a';
        object[next - 1] = next == 1 ? 'a' : 'e';
        size = next;
    }
    assert_intact();
    give(object);
}

/* Growing and shrinking a little stays in place; to less than half moves. */
static void test_resize_in_place(void **state) {
    (void)state;
    char *object = take(1000);
    assert_ptr_equal(resize(object, 1024), object);
    assert_ptr_equal(resize(object, 512), object);
    char *smaller = resize(object, 511);
    assert_ptr_not_equal(smaller, object);
    assert_int_equal(usable_size("malloc_usable_size", smaller), 512);
    give(smaller);
}

/* The same address and at least so many bytes, or nothing changes. */
static void test_expand(void **state) {
    (void)state;
    char *object = take(1000);
    assert_true(resize_in_place("cairn_expand", object, 1024));
    assert_true(resize_in_place("cairn_expand", object, 0));
    assert_false(resize_in_place("cairn_expand", object, 1025));
    assert_false(resize_in_place("cairn_expand", object, SIZE_MAX));
    assert_int_equal(usable_size("malloc_usable_size", object), 1024);
    char *large = take(3000000);
    memset(large, 7, 200000);
    assert_true(resize_in_place("cairn_expand", large, 200000));
    assert_true(usable_size("malloc_usable_size", large) < 210000);
    assert_true(resize_in_place("cairn_expand", large, 3000000)); /* nobody else is here */
    assert_true(usable_size("malloc_usable_size", large) >= 3000000);
    memset(large + 200000, 8, 2800000);
    assert_false(resize_in_place("cairn_expand", large, (size_t)1 << 47));
    assert_false(resize_in_place("cairn_expand", large, PTRDIFF_MAX));
    assert_false(resize_in_place("cairn_expand", large, SIZE_MAX));
    assert_true(usable_size("malloc_usable_size", large) >= 3000000);
    assert_intact();
    assert_true(resize_in_place("cairn_expand", large, 100)); /* whole pages are given back */
    assert_true(usable_size("malloc_usable_size", large) < 20000);
    assert_true(resize_in_place("cairn_expand", large, 0));
    assert_true(usable_size("malloc_usable_size", large) > 0);
    assert_int_equal(large[99], 7);
    assert_intact();
    give(large);
    give(object);
}

/* One array up and down through all sizes, so that it stays, grows in place, moves and is copied;
 * what is around it is dirty. */
static void test_resize_zeroed(void **state) {
    (void)state;
    uint64_t random = 1;
    for (int round = 0; round < 40; round++) {
        size_t size = 1;
        char *object = take_zeroed(1);
        void *in_the_way = NULL;
        object[0] = 1;
        for (int step = 0; step < 60; step++) {
            size_t next = random_below(&random, (size_t)1 << random_below(&random, 24)) + 1;
            char *resized = reallocate_zeroed("cairn_recalloc", object, size, next);
            assert_non_null(resized);
            size_t kept = size < next ? size : next;
            assert_true(resized[0] == 1 && memcmp(resized, resized + 1, kept - 1) == 0);
            assert_true(next == kept || is_zero(resized + kept, next - kept));
            memset(resized, 1, usable_size("malloc_usable_size", resized));
            object = resized;
            size = next;
            if (step % 4 == 0) {
                give(in_the_way);
                in_the_way = take(next);
                memset(in_the_way, 1, next);
            }
        }
        give(object);
        give(in_the_way);
        assert_intact();
        if (round % 4 == 0) {
            (void)chunks_purge_all();
        }
    }
}

static void test_resize_zeroed_without_memory(void **state) {
    (void)state;
    char *object = take(200000);
    memset(object, 1, 200000);
    errno = 0;
    assert_null(reallocate_zeroed("cairn_recalloc", object, 200000, (size_t)1 << 47));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(reallocate_zeroed("cairn_recalloc", object, 200000, SIZE_MAX));
    assert_int_equal(errno, ENOMEM);
    assert_true(object[0] == 1 && memcmp(object, object + 1, 199999) == 0);
    give(object);
}

/* --- mistakes
 * ------------------------------------------------------------------------------------------- */

static void free_it(void *pointer) { give(pointer); }
static void resize_it(void *pointer) { (void)resize(pointer, 10); }
static void recalloc_it(void *pointer) {
    (void)reallocate_zeroed("cairn_recalloc", pointer, 100, 200);
}
static void expand_it(void *pointer) { (void)resize_in_place("cairn_expand", pointer, 10); }
static void ask_size(void *pointer) { (void)usable_size("malloc_usable_size", pointer); }

static void assert_reported(void (*function)(void *), const char *name, void *pointer,
                            const char *what) {
    char text[300];
    (void)snprintf(text, sizeof text, "cairn: %s(0x%lx): %s; thread ", name, (unsigned long)pointer,
                   what);
    assert_dies(function, pointer, text);
}

static void test_reports(void **state) {
    (void)state;
    char *keep = take(1000), *small = take(1000), *large = take(200000);
    char text[200];
    give(small);
    assert_reported(free_it, "free", small, "double free of an object of size class 1024");
    assert_reported(resize_it, "realloc", small, "use after free of an object of size class 1024");
    assert_reported(recalloc_it, "cairn_recalloc", small,
                    "use after free of an object of size class 1024");
    assert_reported(expand_it, "cairn_expand", small,
                    "use after free of an object of size class 1024");
    assert_reported(ask_size, "malloc_usable_size", small,
                    "use after free of an object of size class 1024");
    (void)snprintf(text, sizeof text,
                   "pointer 8 bytes into an object of size class 1024 that starts at 0x%lx",
                   (unsigned long)keep);
    assert_reported(free_it, "free", keep + 8, text);
    (void)snprintf(text, sizeof text,
                   "pointer 70000 bytes into a large object of 200704 bytes that starts at 0x%lx",
                   (unsigned long)large);
    assert_reported(free_it, "free", large + 70000, text);
    give(large);
    assert_reported(free_it, "free", large, "pointer into memory that was released");
    assert_reported(free_it, "free", text, "pointer that cairn never allocated");
    assert_reported(free_it, "free", (void *)((uintptr_t)1 << 60),
                    "pointer that cairn never allocated");
    char *odd = take(1152), *tail = odd - (uintptr_t)odd % CHUNK_SIZE + 28 * 1152;
    assert_reported(free_it, "free", tail,
                    "pointer behind the last object of a slab of size class 1152");
    give(odd);
    give(keep);
    assert_intact();
}

static void recalloc_of_others(void *pointer) {
    (void)reallocate_zeroed("cairn_recalloc", pointer,
                            usable_size("malloc_usable_size", pointer) + 1, 10);
}

static void test_wrong_sizes(void **state) {
    (void)state;
    char *small = take(1000), *large = take(200000);
    assert_reported(recalloc_of_others, "cairn_recalloc", small,
                    "an object of 1024 usable bytes was called one of 1025; give the size that it "
                    "was allocated with");
    assert_reported(recalloc_of_others, "cairn_recalloc", large,
                    "an object of 200704 usable bytes was called one of 200705; give the size that "
                    "it was allocated with");
    require_size("cairn_free_sized", small, 1024);
    require_size("cairn_free_sized", large, 200704);
    require_size("cairn_free_sized", NULL, 1);
    give(small);
    give(large);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_sizes),
                                       cmocka_unit_test(test_distinct),
                                       cmocka_unit_test(test_zeroed),
                                       cmocka_unit_test(test_alignment),
                                       cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_free_keeps_errno),
                                       cmocka_unit_test(test_resize),
                                       cmocka_unit_test(test_resize_in_place),
                                       cmocka_unit_test(test_expand),
                                       cmocka_unit_test(test_resize_zeroed),
                                       cmocka_unit_test(test_resize_zeroed_without_memory),
                                       cmocka_unit_test(test_wrong_sizes),
                                       cmocka_unit_test(test_reports)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
