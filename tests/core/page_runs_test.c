#include "core/page_runs.h"

#include "os/os.h"
#include "support/core.h"

enum { PAGES = 200, MANY = 64 };

struct seen {
    char *next; /* where the next run has to begin */
    size_t count, resident, longest;
};

static void see(void *run, size_t bytes, bool is_resident, void *argument) {
    struct seen *seen = argument;
    size_t pages = bytes / os_page_size();
    assert_ptr_equal(run, seen->next);
    assert_int_equal(bytes % os_page_size(), 0);
    assert_true(pages != 0);
    seen->next += bytes;
    seen->count++;
    seen->resident += is_resident ? pages : 0;
    seen->longest = pages > seen->longest ? pages : seen->longest;
}

static struct seen look(char *memory, size_t pages) {
    struct seen seen = {.next = memory};
    page_runs_each(memory, pages * os_page_size(), see, &seen);
    assert_ptr_equal(seen.next, memory + pages * os_page_size());
    return seen;
}

static void runs_are_as_pages_are(void **state) {
    (void)state;
    size_t page = os_page_size();
    char *memory = os_map(PAGES * page);
    assert_non_null(memory);
    assert_int_equal(look(memory, 0).count, 0);
    assert_int_equal(look(memory, PAGES).resident, 0);
    for (size_t i = 10; i < 150; i++) {
        memory[i * page] = 1;
    }
    memory[151 * page] = 1;
    struct seen seen = look(memory, PAGES);
    assert_int_equal(seen.resident, 141);
    assert_in_range(seen.longest, 22, 140); /* a long run may come in parts */
    assert_in_range(seen.count, 5, 5 + PAGES / MANY);
    assert_int_equal(look(memory + 10 * page, 3).count, 1);
    assert_int_equal(look(memory + 149 * page, 3).count, 3);
    os_unreserve(memory, PAGES * page);
}

/* The memory is no longer there, so the kernel says nothing of it: nothing is left out. */
static void what_is_not_known_counts_as_resident(void **state) {
    (void)state;
    size_t page = os_page_size();
    char *memory = os_map(PAGES * page);
    assert_non_null(memory);
    os_unreserve(memory, PAGES * page);
    assert_int_equal(look(memory, PAGES).resident, PAGES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_as_pages_are),
        cmocka_unit_test(what_is_not_known_counts_as_resident),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
