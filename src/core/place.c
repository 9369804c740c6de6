#include "core/place.h"

#include "base/bits.h"
#include "core/block.h"
#include "core/chunk_map.h"
#include "core/chunk_mask.h"
#include "core/region.h"

static size_t dirty_from(uintptr_t address, size_t count) {
    size_t dirty = 0;
    while (count > 0) {
        unsigned first = (unsigned)(address / CHUNK_SIZE) % ALL_CHUNKS;
        size_t here = ALL_CHUNKS - first < count ? ALL_CHUNKS - first : count;
        dirty += count_bits(block_of(address)->dirty & mask_of(first, here));
        address += here * CHUNK_SIZE;
        count -= here;
    }
    return dirty;
}

static void consider_at(struct place *best, uintptr_t address) {
    size_t dirty = dirty_from(address, best->count);
    if (best->address == 0 || dirty > best->dirty) {
        best->address = address;
        best->dirty = dirty;
    }
}

/* The run may lie at either end of [first, end), which is free; or where its room is behind it. */
static void consider(struct place *best, uintptr_t first, uintptr_t end) {
    size_t size = best->count * CHUNK_SIZE;
    if (best->room != 0) {
        uintptr_t address = first + (best->from - first) % BLOCK_SIZE;
        if (address + size + best->room * CHUNK_SIZE <= end) {
            consider_at(best, address);
        }
    } else if (end - first >= size) {
        consider_at(best, first);
        consider_at(best, end - size);
    }
}

/* All stretches of free chunks that reach from one block into the next. */
static void consider_region(struct place *best, const struct region *region) {
    uintptr_t end = region->base + region->committed;
    uintptr_t first = region->base;
    for (uintptr_t at = first; at < end; at += BLOCK_SIZE) {
        uint64_t free = block_of(at)->free;
        if (free != WHOLE) {
            consider(best, first, at + run_length(free) * CHUNK_SIZE);
            size_t at_end = (size_t)__builtin_clzll(~free);
            first = at + BLOCK_SIZE - at_end * CHUNK_SIZE;
        }
    }
    consider(best, first, end);
}

void place_find(struct place *place) {
    for (size_t i = 0; i < regions.count && place->dirty < place->count; i++) {
        consider_region(place, &regions.region[i]);
    }
}
