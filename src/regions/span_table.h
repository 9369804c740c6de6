/* Which span of memory contains an address: an open hash table of granules.
 *
 * A granule is 2^granule_log bytes, so aligned; a span starts at a granule and is entered once for
 * each granule it reaches into.  A granule's home slot is its number modulo the slots, so that
 * neighbours do not collide; a collision goes to the next slot.
 *
 *   slots = 2^n;   entries <= slots / 2, so a search ends
 *
 * An entry points at whatever begins with a struct cairn_span.  One thread changes a table at a
 * time; any thread may search it meanwhile, as an entry is one pointer, spans stay readable, and a
 * removed entry becomes a tombstone that only another span's entry replaces.  The table's memory is
 * the owner's, and must outlast every search in it. */
#ifndef CAIRN_REGIONS_SPAN_TABLE_H
#define CAIRN_REGIONS_SPAN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cairn/pool.h>

struct cairn_span_table {
    size_t mask;              /* slots - 1 */
    struct cairn_span *empty; /* what slots hold that were never used: a span of 0 bytes */
    unsigned granule_log;
    unsigned reserved;
    struct cairn_span *slots[]; /* never NULL */
};

/* Bytes of a table for that many entries. */
size_t span_table_bytes(size_t entries);

/* Makes memory of span_table_bytes(entries) an empty table. */
struct cairn_span_table *span_table_init(void *memory, size_t entries, unsigned granule_log,
                                         struct cairn_span *empty);

void span_table_add(struct cairn_span_table *table, struct cairn_span *span);
void span_table_remove(struct cairn_span_table *table, struct cairn_span *span);

/* What a slot holds, counted modulo the slots.  acquire, as it is written with release: who finds a
 * span finds its fields. */
static inline struct cairn_span *span_table_slot(const struct cairn_span_table *table,
                                                 size_t slot) {
    return __atomic_load_n(&table->slots[slot & table->mask], __ATOMIC_ACQUIRE);
}

/* The span that contains address, or NULL. */
static inline struct cairn_span *span_table_find(const struct cairn_span_table *table,
                                                 uintptr_t address) {
    size_t slot = address >> table->granule_log;
    for (size_t end = slot + table->mask + 1; slot != end; slot++) {
        struct cairn_span *span = span_table_slot(table, slot);
        if (span == table->empty) {
            return NULL;
        }
        /* relaxed: a span that was removed meanwhile, and perhaps entered for other memory,
         * contains the address neither before nor after. */
        uintptr_t start = __atomic_load_n(&span->start, __ATOMIC_RELAXED);
        if (address - start < __atomic_load_n(&span->bytes, __ATOMIC_RELAXED)) {
            return span;
        }
    }
    return NULL;
}

#endif
