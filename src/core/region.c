#include "core/region.h"

#include "core/chunk_map.h"
#include "core/geometry.h"
#include "core/mapping_names.h"
#include "os/os.h"

#define REGION_FIRST ((size_t)16 << 20)
#define REGION_MAX   ((size_t)1 << 30)

/* Below a region a leaf of the chunk map may lie.  Who masks up to 22 bits of an object's address,
 * as attacks do to find what other allocators have there, stays in the region. */
#define REGION_ALIGNMENT (2 * BLOCK_SIZE)

/* A commit step is an eighth of what is committed, 64 MiB at most: few system calls and, under
 * strict overcommit, little charged that is not used. */
enum { COMMIT_SHARE = 8 };
#define COMMIT_MAX ((size_t)64 << 20)

struct region_table regions;

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

void regions_note_fork(void) {
    for (size_t i = 0; i < regions.count; i++) {
        regions.region[i].inherited = regions.region[i].committed;
    }
}

/* A small first region is left as it is: no system call for small programs, and few of its blocks
 * are made huge ever. */
void regions_settle(uintptr_t address, size_t size) {
    const struct region *first = &regions.region[0];
    if (first->reserved > REGION_FIRST || address - first->base >= first->reserved) {
        os_keep_small((void *)address, size);
    }
}

bool regions_merge_at(uintptr_t address) {
    for (size_t i = 0; i < regions.count; i++) {
        if (address - regions.region[i].base < regions.region[i].inherited) {
            return false;
        }
    }
    return true;
}

static struct region *region_with_room(size_t size) {
    for (size_t i = 0; i < regions.count; i++) {
        struct region *region = &regions.region[i];
        if (region->reserved - region->committed >= size) {
            return region;
        }
    }
    return NULL;
}

static struct region *region_reserve(size_t size) {
    if (regions.count == REGION_LIMIT) {
        return NULL;
    }
    size_t want = smaller(larger(regions.reserved, REGION_FIRST), REGION_MAX);
    for (want = larger(want, size); want >= size; want = larger(want / 2, size)) {
        void *base = os_reserve_guarded(want, REGION_ALIGNMENT);
        if (base != NULL && !chunk_map_cover((uintptr_t)base, want)) {
            os_unreserve_guarded(base, want);
            base = NULL;
        }
        if (base != NULL) {
            mapping_name_heap(base, want);
            struct region *region = &regions.region[regions.count];
            *region = (struct region){.base = (uintptr_t)base, .reserved = want};
            regions.reserved += want;
            regions_settle((uintptr_t)base, want);
            /* release: see regions_seen(). */
            __atomic_store_n(&regions.count, regions.count + 1, __ATOMIC_RELEASE);
            return region;
        }
        if (want == size) {
            break;
        }
        want -= want % (2 * BLOCK_SIZE);
    }
    return NULL;
}

/* What is there is committed first as a large step, then, where that is refused, just as needed. */
static uintptr_t region_commit(struct region *region, size_t size, size_t *got) {
    size_t step = larger(size, smaller(regions.committed / COMMIT_SHARE, COMMIT_MAX));
    step = smaller(step - step % BLOCK_SIZE, region->reserved - region->committed);
    uintptr_t address = region->base + region->committed;
    if (!os_commit((void *)address, step)) {
        step = size;
        if (!os_commit((void *)address, step)) {
            return 0;
        }
    }
    /* release: see region_end_seen(). */
    __atomic_store_n(&region->committed, region->committed + step, __ATOMIC_RELEASE);
    regions.committed += step;
    *got = step / BLOCK_SIZE;
    return address;
}

uintptr_t region_grow(size_t blocks, size_t *got) {
    size_t size = blocks * BLOCK_SIZE;
    struct region *region = region_with_room(size);
    if (region == NULL) {
        region = region_reserve(size);
    }
    return region == NULL ? 0 : region_commit(region, size, got);
}
