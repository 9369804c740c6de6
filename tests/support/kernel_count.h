/* The statistics of the heap against what the kernel counts in /proc/self/smaps, for programs that
 * are linked with the library.  Nothing here allocates, so a child of _Fork() may use it too. */
#ifndef CAIRN_TESTS_SUPPORT_KERNEL_COUNT_H
#define CAIRN_TESTS_SUPPORT_KERNEL_COUNT_H

#include <cairn/anchor.h>
#include <cairn/stats.h>
#include <stdbool.h>

#include "support/testkit.h"

struct kernel_count {
    size_t heap;    /* resident bytes of the regions' mappings */
    size_t process; /* of all mappings */
};

struct region_span {
    uint64_t base, reserved;
};

/* cairn_anchor tells where the regions are. */
static inline uint64_t region_count(void) {
    const struct cairn_anchor *a = &cairn_anchor;
    uint64_t count;
    memcpy(&count, (const char *)a->address.regions + a->regions.count, sizeof count);
    return count;
}

static inline struct region_span region_span(uint64_t r) {
    const struct cairn_anchor *a = &cairn_anchor;
    const char *entries = (const char *)a->address.regions + a->regions.entries;
    const char *entry = entries + r * a->regions.entry_bytes;
    struct region_span span;
    memcpy(&span.base, entry + a->regions.base, sizeof span.base);
    memcpy(&span.reserved, entry + a->regions.reserved, sizeof span.reserved);
    return span;
}

/* Whether a mapping is of a region: it begins there.  Where it goes beyond, *within is false.
 *
 * Mappings without access that touch are one mapping: two regions side by side, and a region with
 * what the program or its libc reserves for a moment, as for a thread's stack, or the library
 * itself before it cuts a new region to size.  Such a mapping has no memory. */
static inline bool is_in_region(uintptr_t from, uintptr_t to, bool *within) {
    uintptr_t guard = (uintptr_t)sysconf(_SC_PAGESIZE); /* on each side of a region */
    bool begins = false;
    *within = true;
    for (uint64_t r = 0, count = region_count(); r < count; r++) {
        struct region_span span = region_span(r);
        uintptr_t low = span.base - guard, high = span.base + span.reserved + guard;
        begins = begins || (from >= low && from < high);
        *within = *within && (to <= low || from >= high || (from >= low && to <= high));
    }
    return begins;
}

static inline const char *read_smaps(void) {
    static char text[4 * MIB];
    size_t length = 0;
    int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
    EXPECT(fd >= 0);
    for (ssize_t n = 1; n > 0 && length < sizeof text - 1; length += (size_t)n) {
        n = read(fd, text + length, sizeof text - 1 - length);
        EXPECT(n >= 0);
    }
    close(fd);
    EXPECT(length < sizeof text - 1);
    text[length] = '\0';
    return text;
}

static inline struct kernel_count ask_kernel(void) {
    struct kernel_count count = {0, 0};
    bool in_region = false, within = true;
    for (const char *line = read_smaps(); *line != '\0'; line = strchr(line, '\n') + 1) {
        char *end;
        uintptr_t from = strtoull(line, &end, 16);
        if (*end == '-' && end != line) {
            in_region = is_in_region(from, strtoull(end + 1, NULL, 16), &within);
        } else if (strncmp(line, "Rss:", 4) == 0) {
            size_t bytes = strtoull(line + 4, NULL, 10) * KIB;
            EXPECT(within || bytes == 0);
            count.process += bytes;
            count.heap += in_region ? bytes : 0;
        }
    }
    return count;
}

static inline size_t distance(size_t a, size_t b) { return a > b ? a - b : b - a; }

/* Within 2 %, and a few pages of a small program. */
static inline bool is_close(size_t ours, size_t kernels) {
    return distance(ours, kernels) <= kernels / 50 + 16 * 4 * KIB;
}

/* The first equation that does not hold of those that hold at any time, whatever other threads are
 * doing; NULL: all hold. */
static inline const char *wrong_sum(const struct cairn_heap_stats *s) {
    uint64_t kept = 0, kept_on_live_pages = s->kept_bytes[CAIRN_PINNED] + s->kept_bytes[CAIRN_END];
    for (int reason = 0; reason < CAIRN_REASON_COUNT; reason++) {
        kept += s->kept_bytes[reason];
    }
#define CAIRN_CHECK_SUM(equation) \
    if (!(equation)) {            \
        return #equation;         \
    }
    CAIRN_CHECK_SUM(s->mapped_bytes == s->slab_bytes + s->large_chunk_bytes + s->spare_bytes +
                                           s->transit_bytes + s->dirty_bytes + s->clean_bytes)
    CAIRN_CHECK_SUM(s->slab_bytes == s->small_live_bytes + s->free_bytes + s->end_bytes)
    CAIRN_CHECK_SUM(s->live_bytes ==
                    s->small_live_bytes + s->large_live_bytes + s->sampled_live_bytes)
    CAIRN_CHECK_SUM(s->resident_bytes ==
                    s->heap_resident_bytes + s->metadata_bytes + s->outside_bytes)
    CAIRN_CHECK_SUM(s->heap_resident_bytes ==
                    s->live_resident_bytes + s->fragmentation_bytes + s->cached_bytes)
    CAIRN_CHECK_SUM(s->fragmentation_bytes == kept_on_live_pages)
    CAIRN_CHECK_SUM(s->cached_bytes == kept - kept_on_live_pages)
    CAIRN_CHECK_SUM(s->allocations == s->frees + s->live_objects)
#undef CAIRN_CHECK_SUM
    return NULL;
}

#endif
