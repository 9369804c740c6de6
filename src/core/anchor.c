/* The anchor, filled in from the structures themselves: it can't get out of step with where fields
 * are.  The assertions keep it in step with what they are. */
#include <cairn/anchor.h>
#include <stddef.h>

#include "base/compiler.h"
#include "core/block.h"
#include "core/chunk_map.h"
#include "core/heap.h"
#include "core/region.h"
#include "core/size_class.h"
#include "core/threads.h"

#define AT(type, field) offsetof(struct type, field)

CAIRN_EXPORT __attribute__((used)) const struct cairn_anchor cairn_anchor = {
    .magic = {'c', 'a', 'i', 'r', 'n', '\0', '\0', '\1'},
    .version = CAIRN_ANCHOR_VERSION,
    .bytes = sizeof(struct cairn_anchor),
    .self = (uintptr_t)&cairn_anchor,
    .library_version = CAIRN_VERSION,
    .geometry = {.chunk_shift = CHUNK_SHIFT,
                 .block_shift = BLOCK_SHIFT,
                 .window_shift = WINDOW_SHIFT,
                 .address_bits = ADDRESS_BITS,
                 .class_count = CLASS_COUNT},
    .address = {.chunk_map = (uintptr_t)&chunk_map,
                .regions = (uintptr_t)&regions,
                .size_classes = (uintptr_t)&size_classes,
                .first_heap = (uintptr_t)&all_heaps,
                .heap_origin = (uintptr_t)&heap_origin,
                .totals = (uintptr_t)&block_totals},
    .chunk_map = {.bytes = sizeof(struct chunk_map), .leaf_distance = AT(chunk_map, leaf_distance)},
    .leaf = {.bytes = sizeof(struct leaf),
             .chunks = AT(leaf, chunks),
             .shared = AT(leaf, shared),
             .blocks = AT(leaf, blocks)},
    .chunk = {.bytes = sizeof(struct chunk),
              .owner = AT(chunk, owner),
              .start = AT(chunk, start),
              .words = AT(chunk, words),
              .large_bytes = AT(chunk, large.bytes),
              .large_chunks = AT(chunk, large.chunks),
              .kind = AT(chunk, kind),
              .class_index = AT(chunk, class),
              .fresh = AT(chunk, fresh)},
    .shared = {.bytes = sizeof(struct chunk_shared),
               .remote = AT(chunk_shared, remote),
               .summary = AT(chunk_shared, summary)},
    .slab_word = {.bytes = sizeof(struct slab_word),
                  .avail = AT(slab_word, avail),
                  .freed = AT(slab_word, freed)},
    .block = {.bytes = sizeof(struct block),
              .address = AT(block, address),
              .free = AT(block, free),
              .dirty = AT(block, dirty)},
    .regions = {.entry_bytes = sizeof(struct region),
                .base = AT(region, base),
                .reserved = AT(region, reserved),
                .committed = AT(region, committed),
                .entries = AT(region_table, region),
                .count = AT(region_table, count)},
    .size_class = {.bytes = sizeof(struct size_class),
                   .size = AT(size_class, size),
                   .capacity = AT(size_class, capacity),
                   .words = AT(size_class, words)},
    .heap = {.bytes = sizeof(struct heap),
             .next = AT(heap, next),
             .thread = AT(heap, thread),
             .state = AT(heap, state),
             .bins = AT(heap, bins),
             .refills = AT(heap, counters.refills),
             .slabs_created = AT(heap, counters.slabs_created),
             .slabs_released = AT(heap, counters.slabs_released),
             .slabs_adopted = AT(heap, counters.slabs_adopted),
             .remote_frees = AT(heap, counters.remote_frees)},
    .bin = {.bytes = sizeof(struct bin),
            .avail = AT(bin, avail),
            .base = AT(bin, base),
            .size = AT(bin, size)},
    .totals = {.taken = AT(block_totals, taken),
               .taken_peak = AT(block_totals, taken_peak),
               .dirty = AT(block_totals, dirty),
               .purged_bytes = AT(block_totals, purged_bytes)},
    .slab = {.chunks = AT(chunk, chunks), .capacity = AT(chunk, capacity)},
};

/* Its size is part of what a version promises: who adds a field raises the version. */
_Static_assert(CAIRN_ANCHOR_VERSION == 2 && sizeof(struct cairn_anchor) == 344, "see above");

_Static_assert((int)CAIRN_CHUNK_NEVER == (int)CHUNK_NEVER, "published value");
_Static_assert((int)CAIRN_CHUNK_RELEASED == (int)CHUNK_RELEASED, "published value");
_Static_assert((int)CAIRN_CHUNK_SLAB == (int)CHUNK_SLAB, "published value");
_Static_assert((int)CAIRN_CHUNK_LARGE == (int)CHUNK_LARGE, "published value");
_Static_assert((int)CAIRN_CHUNK_BODY == (int)CHUNK_BODY, "published value");
_Static_assert((int)CAIRN_HEAP_ACTIVE == (int)HEAP_ACTIVE, "published value");
_Static_assert((int)CAIRN_HEAP_PARKED == (int)HEAP_PARKED, "published value");
_Static_assert((int)CAIRN_HEAP_LOST == (int)HEAP_LOST, "published value");
_Static_assert((int)CAIRN_HEAP_SHARED == (int)HEAP_SHARED, "published value");
_Static_assert(CAIRN_OWNER_FULL == OWNER_FULL && CAIRN_OWNER_EMPTIED == OWNER_EMPTIED &&
                   CAIRN_OWNER_TAGS == CACHE_LINE - 1,
               "published values");

#define IS_OF(size, type, field) \
    _Static_assert(sizeof(((struct type *)0)->field) == (size), "published type")
IS_OF(8, chunk_map, leaf_distance[0]);
IS_OF(8, chunk, owner);
IS_OF(8, chunk, start);
_Static_assert(sizeof(void *) == 8, "published type");
IS_OF(8, chunk, large.bytes);
IS_OF(8, chunk, large.chunks);
IS_OF(1, chunk, kind);
IS_OF(1, chunk, class);
IS_OF(2, chunk, fresh);
IS_OF(1, chunk, chunks);
IS_OF(2, chunk, capacity);
IS_OF(8, chunk_shared, summary);
IS_OF(8, slab_word, avail);
IS_OF(8, slab_word, freed);
IS_OF(8, block, address);
IS_OF(8, block, free);
IS_OF(8, block, dirty);
IS_OF(8, region, base);
IS_OF(8, region, reserved);
IS_OF(8, region, committed);
IS_OF(8, region_table, count);
IS_OF(4, size_class, size);
IS_OF(2, size_class, capacity);
IS_OF(1, size_class, words);
IS_OF(4, heap, thread);
IS_OF(4, heap, state);
IS_OF(8, heap, counters.refills);
IS_OF(8, bin, base);
IS_OF(4, bin, size);
IS_OF(8, block_totals, taken);
IS_OF(8, block_totals, purged_bytes);
