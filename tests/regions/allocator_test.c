/* The heap behind the allocator interface. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <cairn/allocator.h>

enum { ROUNDS = 200 };

static void allocates_resizes_and_frees(void **state) {
    (void)state;
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        size_t size = 1;
        unsigned char *object = cairn_allocate(NULL, size, alignment);
        assert_non_null(object);
        object[0] = 0;
        for (int i = 1; i < ROUNDS; i++) {
            size_t next = (size_t)(i * 37 % 5000 + 1);
            object = cairn_resize(NULL, object, size, next, alignment);
            assert_non_null(object);
            assert_int_equal((uintptr_t)object % alignment, 0);
            size_t kept = size < next ? size : next;
            for (size_t at = 0; at < kept; at++) {
                assert_int_equal(object[at], (unsigned char)at);
            }
            for (size_t at = kept; at < next; at++) {
                object[at] = (unsigned char)at;
            }
            size = next;
        }
        assert_null(cairn_resize(NULL, object, size, 0, alignment));
    }
}

static void null_and_the_heap_are_one(void **state) {
    (void)state;
    void *object = cairn_allocate(&cairn_heap_allocator, 100, 16);
    assert_non_null(object);
    memset(object, 1, 100);
    cairn_release(NULL, object, 100, 16);
    cairn_release(NULL, NULL, 0, 16);
}

static void too_much_is_refused(void **state) {
    (void)state;
    unsigned char *object = cairn_allocate(NULL, 100, 16);
    memset(object, 7, 100);
    assert_null(cairn_allocate(NULL, SIZE_MAX / 2, 16));
    assert_null(cairn_resize(NULL, object, 100, SIZE_MAX / 2, 16));
    assert_null(cairn_resize(NULL, object, 100, SIZE_MAX / 2, 64));
    assert_int_equal(object[99], 7);
    cairn_release(NULL, object, 100, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocates_resizes_and_frees),
        cmocka_unit_test(null_and_the_heap_are_one),
        cmocka_unit_test(too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
