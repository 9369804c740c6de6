#include "core/chunk_map.h"

#include "base/bits.h"
#include "base/check.h"
#include "os/os.h"

_Alignas(CACHE_LINE) struct chunk_map chunk_map;

_Static_assert(offsetof(struct leaf, shared) == sizeof(struct chunk) * CHUNKS_PER_WINDOW,
               "shared_of() relies on it");

static size_t leaves;

static struct leaf *leaf_of(uintptr_t address) {
    uintptr_t distance = chunk_map.leaf_distance[address >> WINDOW_SHIFT];
    return distance == 0 ? NULL : (struct leaf *)((uintptr_t)&chunk_map + distance);
}

struct block *block_of(uintptr_t address) {
    struct leaf *leaf = address_is_mappable(address) ? leaf_of(address) : NULL;
    return leaf == NULL ? NULL : &leaf->blocks[(address >> BLOCK_SHIFT) % BLOCKS_PER_WINDOW];
}

bool chunk_map_cover(uintptr_t address, size_t size) {
    uintptr_t last = (address + size - 1) >> WINDOW_SHIFT;
    for (uintptr_t window = address >> WINDOW_SHIFT; window <= last; window++) {
        if (window >= WINDOWS) {
            return false;
        }
        if (leaf_of(window << WINDOW_SHIFT) != NULL) {
            continue;
        }
        struct leaf *leaf = os_map(round_up(sizeof(struct leaf), os_page_size()));
        if (leaf == NULL) {
            return false;
        }
        leaves++;
        /* release: a thread that finds the leaf through the map finds it zeroed. */
        __atomic_store_n(&chunk_map.leaf_distance[window], (uintptr_t)leaf - (uintptr_t)&chunk_map,
                         __ATOMIC_RELEASE);
    }
    return true;
}

size_t chunk_map_reserved(void) { return leaves * sizeof(struct leaf); }

size_t chunk_map_resident(void) {
    size_t bytes = 0;
    for (uintptr_t window = 0; window < WINDOWS; window++) {
        uintptr_t distance = __atomic_load_n(&chunk_map.leaf_distance[window], __ATOMIC_ACQUIRE);
        if (distance != 0) {
            struct leaf *leaf = (struct leaf *)((uintptr_t)&chunk_map + distance);
            bytes += os_resident_bytes(leaf, round_up(sizeof *leaf, os_page_size()));
        }
    }
    return bytes;
}
