#include "core/mapping_names.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "core/block.h"
#include "core/chunk_map.h"
#include "core/metadata.h"
#include "core/region.h"
#include "os/os.h"

/* relaxed: what is named too late stays without a name, nothing else. */
static _Atomic(bool) wanted;

static void name(void *address, size_t size, const char *text) {
    if (atomic_load_explicit(&wanted, memory_order_relaxed) && !os_name(address, size, text)) {
        atomic_store_explicit(&wanted, false, memory_order_relaxed);
    }
}

void mapping_name_heap(void *address, size_t size) { name(address, size, "cairn heap"); }
void mapping_name_tables(void *address, size_t size) { name(address, size, "cairn tables"); }

RUNS_ONCE static void name_region(const struct region *region) {
    uintptr_t end = region->base + region->reserved;
    mapping_name_heap((void *)region->base, region->reserved);
    for (uintptr_t at = region->base >> WINDOW_SHIFT; at <= (end - 1) >> WINDOW_SHIFT; at++) {
        mapping_name_tables(chunk_of(at << WINDOW_SHIFT),
                            round_up(sizeof(struct leaf), os_page_size()));
    }
}

RUNS_ONCE static void name_regions(void) {
    chunks_lock();
    for (size_t i = 0; i < regions.count; i++) {
        name_region(&regions.region[i]);
    }
    chunks_unlock();
}

RUNS_ONCE void mapping_names_start(void) {
    atomic_store_explicit(&wanted, true, memory_order_relaxed);
    /* As a rule there are none yet, and then not even the page of their table is touched. */
    if (chunk_map_reserved() != 0) {
        name_regions();
    }
    metadata_each_segment(mapping_name_tables);
}
