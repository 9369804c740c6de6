/* Which mappings get names, and that a kernel without names is asked once. */
#include "core/mapping_names.h"

#include "core/block.h"
#include "core/metadata.h"
#include "os/os_faulty.h"
#include "support/child.h"
#include "support/core.h"

static int names_all(void *unused) {
    (void)unused;
    os_faulty_arm(0, 0, false);
    give(take(16));
    REQUIRE(os_faulty_calls(OS_CALL_NAME) == 0); /* not before it is asked for */
    mapping_names_start();
    /* The region, its descriptors, the first segment of tables. */
    size_t first = os_faulty_calls(OS_CALL_NAME);
    REQUIRE(first >= 3 && first <= 4);
    /* Each one that comes later; nothing more for memory that comes and goes. */
    size_t reserves = os_faulty_calls(OS_CALL_RESERVE), maps = os_faulty_calls(OS_CALL_MAP);
    for (int i = 0; i < 100; i++) {
        void *object = take((size_t)200 << 20);
        REQUIRE(object != NULL);
        give(object);
    }
    (void)metadata_take(METADATA_KEPT_LINES * 100);
    size_t more = os_faulty_calls(OS_CALL_RESERVE) - reserves + os_faulty_calls(OS_CALL_MAP) - maps;
    REQUIRE(more >= 2 && os_faulty_calls(OS_CALL_NAME) == first + more);
    return 0;
}

static int asks_once(void *unused) {
    (void)unused;
    give(take(16));
    os_faulty_arm(1u << OS_CALL_NAME, 1, true);
    mapping_names_start();
    REQUIRE(os_faulty_calls(OS_CALL_NAME) == 1);
    void *object = take((size_t)200 << 20);
    REQUIRE(object != NULL && os_faulty_calls(OS_CALL_NAME) == 1);
    give(object);
    return 0;
}

static void test_names(void **state) {
    (void)state;
    assert_int_equal(in_child(names_all, NULL), 0);
}

static void test_no_names(void **state) {
    (void)state;
    assert_int_equal(in_child(asks_once, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_no_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
