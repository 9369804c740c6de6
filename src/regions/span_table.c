#include "regions/span_table.h"

#include "base/bits.h"
#include "base/check.h"

static struct cairn_span tombstone; /* contains no address */

static size_t slots_for(size_t entries) { return next_power_of_two(2 * entries); }

size_t span_table_bytes(size_t entries) {
    return sizeof(struct cairn_span_table) + slots_for(entries) * sizeof(struct cairn_span *);
}

struct cairn_span_table *span_table_init(void *memory, size_t entries, unsigned granule_log,
                                         struct cairn_span *empty) {
    struct cairn_span_table *table = memory;
    for (size_t slot = 0; slot < slots_for(entries); slot++) {
        table->slots[slot] = empty;
    }
    table->empty = empty;
    table->mask = slots_for(entries) - 1;
    table->granule_log = granule_log;
    return table;
}

static size_t granules_of(const struct cairn_span_table *table, const struct cairn_span *span) {
    return (span->bytes - 1) >> table->granule_log;
}

static void slot_write(struct cairn_span_table *table, size_t slot, struct cairn_span *span) {
    __atomic_store_n(&table->slots[slot & table->mask], span, __ATOMIC_RELEASE);
}

void span_table_add(struct cairn_span_table *table, struct cairn_span *span) {
    for (size_t granule = 0; granule <= granules_of(table, span); granule++) {
        size_t slot = (span->start >> table->granule_log) + granule;
        size_t end = slot + table->mask + 1;
        const struct cairn_span *there;
        while ((there = span_table_slot(table, slot)) != table->empty && there != &tombstone) {
            slot++;
            CHECK(slot != end);
        }
        slot_write(table, slot, span);
    }
}

void span_table_remove(struct cairn_span_table *table, struct cairn_span *span) {
    for (size_t granule = 0; granule <= granules_of(table, span); granule++) {
        size_t slot = (span->start >> table->granule_log) + granule;
        size_t end = slot + table->mask + 1;
        while (span_table_slot(table, slot) != span) {
            slot++;
            CHECK(slot != end);
        }
        slot_write(table, slot, &tombstone);
    }
}
