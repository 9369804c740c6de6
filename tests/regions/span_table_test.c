#include "regions/span_table.h"

#include <stdlib.h>

#include "support/core.h"
#include "support/random.h"

enum { GRANULE_LOG = 12, SPANS = 16 };

static struct cairn_span none;

static struct cairn_span_table *make(size_t entries) {
    void *memory = malloc(span_table_bytes(entries));
    assert_non_null(memory);
    return span_table_init(memory, entries, GRANULE_LOG, &none);
}

/* All their home slots are the same. */
static struct cairn_span colliding(const struct cairn_span_table *table, size_t number) {
    return (struct cairn_span){(table->mask + 1) * number << GRANULE_LOG, 100};
}

static void finds_exactly_what_is_inside(void **state) {
    (void)state;
    struct cairn_span_table *table = make(4);
    struct cairn_span span = {5 << GRANULE_LOG, (3 << GRANULE_LOG) - 1};
    assert_null(span_table_find(table, span.start));
    span_table_add(table, &span);
    for (size_t at = 0; at < span.bytes; at += 511) {
        assert_ptr_equal(span_table_find(table, span.start + at), &span);
    }
    assert_ptr_equal(span_table_find(table, span.start + span.bytes - 1), &span);
    assert_null(span_table_find(table, span.start - 1));
    assert_null(span_table_find(table, span.start + span.bytes));
    assert_null(span_table_find(table, 0));
    assert_null(span_table_find(table, UINTPTR_MAX));
    span_table_remove(table, &span);
    assert_null(span_table_find(table, span.start));
    free(table);
}

/* A span that was removed must not hide those that had to go to the slots behind it. */
static void removal_hides_nothing(void **state) {
    (void)state;
    struct cairn_span_table *table = make(SPANS);
    struct cairn_span spans[SPANS];
    for (size_t i = 0; i < SPANS; i++) {
        spans[i] = colliding(table, i + 1);
        span_table_add(table, &spans[i]);
    }
    for (size_t removed = 0; removed < SPANS; removed++) {
        span_table_remove(table, &spans[removed]);
        for (size_t i = 0; i < SPANS; i++) {
            assert_ptr_equal(span_table_find(table, spans[i].start + 99),
                             i > removed ? &spans[i] : NULL);
        }
    }
    free(table);
}

/* Adding and removing for ever needs no more slots: the places of the removed are used again. */
static void goes_on_for_ever(void **state) {
    (void)state;
    struct cairn_span_table *table = make(SPANS);
    struct cairn_span spans[SPANS];
    uint64_t random = 1;
    for (size_t i = 0; i < SPANS; i++) {
        spans[i] = colliding(table, i + 1);
        span_table_add(table, &spans[i]);
    }
    for (size_t round = 0; round < 10000; round++) {
        size_t i = random_below(&random, SPANS);
        span_table_remove(table, &spans[i]);
        spans[i].start = (random_below(&random, 1 << 20) * SPANS + i) << GRANULE_LOG;
        span_table_add(table, &spans[i]);
        size_t j = random_below(&random, SPANS);
        assert_ptr_equal(span_table_find(table, spans[j].start), &spans[j]);
    }
    free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_exactly_what_is_inside),
        cmocka_unit_test(removal_hides_nothing),
        cmocka_unit_test(goes_on_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
