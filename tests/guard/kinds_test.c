/* Objects that hold pointers are kept apart from those that do not, once the program tells them
 * apart. */
#include "guard/hardened.h"

#include <stdlib.h>
#include <string.h>

#include "core/interceptor.h"
#include "core/tag.h"
#include "support/core.h"
#include "support/random.h"

enum { OBJECTS = 20000 };
static void *objects[OBJECTS];
static bool kinds[OBJECTS];

static void *take_of_kind(size_t size, size_t alignment, bool holds_pointers) {
    kind_begin(holds_pointers);
    void *object = allocate_aligned(alignment, size);
    kind_end();
    assert_non_null(object);
    assert_int_equal((uintptr_t)object % alignment, 0);
    assert_int_equal(usable_size("malloc_usable_size", object), size);
    memset(object, 1, size);
    return object;
}

static int compare_addresses(const void *a, const void *b) {
    uintptr_t first = (uintptr_t)objects[*(const unsigned *)a];
    uintptr_t second = (uintptr_t)objects[*(const unsigned *)b];
    return first < second ? -1 : first > second;
}

/* No two neighbours of different kinds are in one chunk. */
static void assert_apart(void) {
    static unsigned order[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++) {
        order[i] = i;
    }
    qsort(order, OBJECTS, sizeof *order, compare_addresses);
    for (size_t i = 1; i < OBJECTS; i++) {
        unsigned before = order[i - 1], here = order[i];
        assert_true(kinds[before] == kinds[here] || (uintptr_t)objects[before] / CHUNK_SIZE !=
                                                        (uintptr_t)objects[here] / CHUNK_SIZE);
    }
}

static size_t random_size(uint64_t *random, size_t i) {
    return 1 + random_below(random, i % 50 == 0 ? 40000 : 700);
}

static void fill(uint64_t *random) {
    for (size_t i = 0; i < OBJECTS; i++) {
        kinds[i] = random_below(random, 2) != 0;
        size_t alignment = i % 10 == 0 ? 16u << random_below(random, 9) : 16;
        objects[i] = take_of_kind(random_size(random, i), alignment, kinds[i]);
    }
}

static void kinds_do_not_share_slabs(void **state) {
    (void)state;
    uint64_t random = 3;
    fill(&random);
    assert_apart();
    for (size_t i = 0; i < OBJECTS; i++) { /* nothing is told: like those without pointers */
        if (!kinds[i] && random_below(&random, 4) == 0) {
            give(objects[i]);
            objects[i] = take(random_size(&random, i));
        }
    }
    assert_apart();
    assert_intact();
    for (size_t i = 0; i < OBJECTS; i++) {
        give(objects[i]);
    }
    assert_intact();
}

static void a_resized_object_keeps_its_kind(void **state) {
    (void)state;
    uint64_t random = 5;
    fill(&random);
    for (size_t i = 0; i < OBJECTS; i++) {
        bool in_slab = chunk_is(chunk_of((uintptr_t)objects[i]), CHUNK_SLAB);
        kinds[i] = in_slab && kinds[i]; /* of large ones nothing is known */
        objects[i] = resize(objects[i], random_size(&random, i));
        assert_non_null(objects[i]);
    }
    assert_apart();
    for (size_t i = 0; i < OBJECTS; i++) {
        give(objects[i]);
    }
    assert_intact();
}

static void the_upper_half_of_tokens_holds_pointers(void **state) {
    (void)state;
    assert_false(token_holds_pointers(0));
    assert_false(token_holds_pointers(1));
    assert_true(token_holds_pointers(2));
    assert_true(token_holds_pointers(3));
    assert_false(token_holds_pointers(4));
    assert_false(token_holds_pointers(SIZE_MAX / 2));
    assert_true(token_holds_pointers(SIZE_MAX / 2 + 1));
    assert_true(token_holds_pointers(SIZE_MAX));
}

int main(void) {
    hardened_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_do_not_share_slabs),
        cmocka_unit_test(a_resized_object_keeps_its_kind),
        cmocka_unit_test(the_upper_half_of_tokens_holds_pointers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
