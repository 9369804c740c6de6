#include "core/chunk_map.h"

#include <stdatomic.h>

#include "base/bits.h"
#include "base/check.h"
#include "core/mapping_names.h"
#include "os/os.h"

_Alignas(CACHE_LINE) struct chunk_map chunk_map;

_Static_assert(offsetof(struct leaf, shared) == sizeof(struct chunk) * CHUNKS_PER_WINDOW,
               "shared_of() relies on it");

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
        mapping_name_tables(leaf, round_up(sizeof *leaf, os_page_size()));
        block_total_add(&block_totals.leaves, 1);
        /* release: a thread that finds the leaf through the map finds it zeroed. */
        __atomic_store_n(&chunk_map.leaf_distance[window], (uintptr_t)leaf - (uintptr_t)&chunk_map,
                         __ATOMIC_RELEASE);
    }
    return true;
}

size_t chunk_map_reserved(void) { return block_total(&block_totals.leaves) * sizeof(struct leaf); }

/* Of the leaves of [first, end). */
static size_t resident_of_windows(uintptr_t first, uintptr_t end) {
    size_t bytes = 0;
    for (uintptr_t window = first; window < end; window++) {
        uintptr_t distance = __atomic_load_n(&chunk_map.leaf_distance[window], __ATOMIC_ACQUIRE);
        if (distance != 0) {
            struct leaf *leaf = (struct leaf *)((uintptr_t)&chunk_map + distance);
            bytes += os_resident_bytes(leaf, round_up(sizeof *leaf, os_page_size()));
        }
    }
    return bytes;
}

/* Only pages of the root that are there can have an entry: most are not, and to read them all would
 * make them. */
size_t chunk_map_resident(void) {
    enum { AT_ONCE = 256 };
    unsigned char present[AT_ONCE];
    size_t page = os_page_size();
    uintptr_t root = (uintptr_t)chunk_map.leaf_distance;
    uintptr_t end = root + sizeof chunk_map.leaf_distance;
    uintptr_t first = round_down(root, page);
    size_t pages = (round_up(end, page) - first) / page;
    size_t bytes = 0;
    for (size_t i = 0; i < pages; i++) {
        if (i % AT_ONCE == 0) {
            size_t count = pages - i < AT_ONCE ? pages - i : AT_ONCE;
            (void)os_resident_pages((void *)(first + i * page), count * page, present);
        }
        if (present[i % AT_ONCE] != 0) {
            uintptr_t from = first + i * page, to = from + page;
            bytes += resident_of_windows((from > root ? from - root : 0) / sizeof(uintptr_t),
                                         ((to < end ? to : end) - root) / sizeof(uintptr_t));
        }
    }
    return bytes;
}
