/* The regions of the process: every arena, pool, object cache, heap and map that is alive, for who
 * wants to look.
 *
 *     static void show(void *file, const struct cairn_region_view *region) {
 *         fprintf(file, "%s %s: %zu bytes\n", region->kind, region->name, region->usage.used);
 *     }
 *     cairn_regions_each(show, stderr);
 *
 * When not: to count one region of your own; its own statistics are exact and take no lock.
 *
 * Thread-safe.  Figures of a region that another thread uses meanwhile may lag behind by what that
 * thread is just doing.  Regions register themselves; nothing is paid for it when memory is taken.
 * Cost: a lock and one call per region. */
#ifndef CAIRN_REGIONS_H
#define CAIRN_REGIONS_H

#include <stddef.h>
#include <stdint.h>

#include <cairn/cairn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cairn_region_usage {
    size_t used;     /* bytes handed out and not taken back, with what alignment costs */
    size_t reserved; /* bytes that the region holds for that; used <= reserved */
    size_t peak;     /* the most that used has been; used <= peak */
};

struct cairn_region_view {
    const char *name; /* as its maker gave it, "" if it has none */
    const char *kind; /* "arena", "pool", ... */
    struct cairn_region_usage usage;
};

/* Calls visit(context, region) for each, the newest first.  A visit may allocate; it must not make,
 * destroy or list regions, which is reported on stderr and ends the process. */
void cairn_regions_each(void (*visit)(void *context, const struct cairn_region_view *region),
                        void *context);

/* What a region keeps of itself in the list: a part of each region's structure, written by the
 * registry once the region has filled in the first three. */
struct cairn_region {
    const char *name; /* NULL: none */
    const char *kind;
    void (*read)(const struct cairn_region *region, struct cairn_region_usage *usage);
    struct cairn_region *newer;
    struct cairn_region *older;
    uintptr_t maker; /* the thread that registered it; 0: it is not registered */
};

#ifdef __cplusplus
}
#endif

#endif
