/* Statistics of the heap: how much is live, what the rest of the resident memory is, and why it has
 * not gone back.
 *
 *     struct cairn_heap_stats stats;
 *     cairn_stats(&stats, sizeof stats);
 *     printf("%zu live bytes\n", (size_t)stats.live_bytes);
 *
 * or as text: cairn_stats_json(), cairn_stats_openmetrics(), and the same to a file descriptor.
 * While the program runs nothing is counted but in slow paths: objects are counted in the heap's
 * bitmaps when they are asked for, pages where the kernel keeps them.
 *
 * When not: in a loop that must be fast.  Cost: a cache line and the bitmap of each slab, and a
 * system call for each 2 MiB that are mapped: 256 MiB in objects of 1000 bytes take 6 ms, in
 * objects of 16 bytes 85.
 *
 * All functions may be called by any thread at any time, before constructors, after destructors
 * and in a signal handler too (with 24 KiB of stack), whatever the interrupted code was doing: they
 * take no lock, stop nobody, allocate nothing and keep errno.  What other threads change meanwhile
 * is seen before or after; a slab that is made or released while it is looked at counts as one or
 * the other, or as in transit.  With all other threads quiet every equation below holds exactly.
 *
 * WHAT ADDS UP (gauges of one snapshot; sums that a snapshot makes itself hold at any time)
 *   mapped_bytes        = slab_bytes + large_chunk_bytes + spare_bytes + transit_bytes +
 *                         dirty_bytes + clean_bytes
 *   slab_bytes          = small_live_bytes + free_bytes + end_bytes
 *   live_bytes          = small_live_bytes + large_live_bytes + sampled_live_bytes
 *   resident_bytes      = heap_resident_bytes + metadata_bytes + outside_bytes
 *   heap_resident_bytes = live_resident_bytes + fragmentation_bytes + cached_bytes
 *   fragmentation_bytes = kept_bytes[CAIRN_PINNED] + kept_bytes[CAIRN_END]
 *   cached_bytes        = sum of all other kept_bytes
 *   allocations         = frees + live_objects
 *
 * docs/MEMORY.md tells how memory flows, and explains each figure. */
#ifndef CAIRN_STATS_H
#define CAIRN_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN_STATS_VERSION 1

/* Why a byte that no live object has is resident: X(NAME, name, group, sentence).  The kernel gives
 * and takes whole pages, so the reason is the page's, and the first one that applies. */
#define CAIRN_REASONS(X)                                                                         \
    X(PINNED, pinned, fragmentation, "a free object on a page that holds a live one")            \
    X(END, end, fragmentation,                                                                   \
      "behind the last object of a slab, or behind a large object in its last chunk")            \
    X(UNMERGED, unmerged, cached,                                                                \
      "a page whose last objects other threads have freed: the owner has yet to take notice")    \
    X(READY, ready, cached, "a page of which a thread holds objects ready for its next mallocs") \
    X(FRESH, fresh, cached,                                                                      \
      "a page of a slab that the slab has not handed out yet: resident from an earlier use, or " \
      "with a huge page")                                                                        \
    X(EMPTY, empty, cached, "a page of a slab without any live object, kept for its class")      \
    X(HOLE, hole, cached, "a page without a live object in a slab that has some on other pages") \
    X(SPARE, spare, cached, "a chunk in no use that a thread keeps at hand")                     \
    X(DIRTY, dirty, cached, "a chunk in no use that is kept for reuse, up to a cap")             \
    X(CLEAN, clean, cached,                                                                      \
      "a chunk in no use that the kernel filled by itself, with a huge page, or has locked")     \
    X(TRANSIT, transit, cached, "a chunk that was being taken, given back or purged")

enum cairn_reason {
#define CAIRN_REASON_NAME(NAME, name, group, sentence) CAIRN_##NAME,
    CAIRN_REASONS(CAIRN_REASON_NAME)
#undef CAIRN_REASON_NAME
        CAIRN_REASON_COUNT
};

/* Of each size class: X(kind, name, sentence).  GAUGE is how it is now, COUNTER since the start. */
#define CAIRN_CLASS_FIGURES(X)                                                                    \
    X(GAUGE, object_bytes, "size of an object")                                                   \
    X(GAUGE, slabs, "slabs of the class")                                                         \
    X(GAUGE, slab_bytes, "their memory: live_bytes + free_bytes + end_bytes")                     \
    X(GAUGE, live_objects, "objects that were allocated and not freed")                           \
    X(GAUGE, live_bytes, "their memory, object_bytes each")                                       \
    X(GAUGE, free_objects, "objects of the slabs that are not live")                              \
    X(GAUGE, free_bytes, "their memory")                                                          \
    X(GAUGE, end_bytes, "what is left over at the end of each slab")                              \
    X(GAUGE, ready_objects, "of the free: held ready by a thread for its next mallocs")           \
    X(GAUGE, unmerged_objects, "of the free: freed by other threads, not noticed by the owner")   \
    X(COUNTER, allocations, "objects allocated")                                                  \
    X(COUNTER, frees, "objects freed")                                                            \
    X(GAUGE, rounding_bytes,                                                                      \
      "estimate of the bytes of live objects that nobody asked for, from the requests that took " \
      "the "                                                                                      \
      "slow path")                                                                                \
    X(GAUGE, rounding_max_bytes,                                                                  \
      "bound of that: live_objects times the most a request leaves over")                         \
    X(GAUGE, largest_free_bytes, "longest run of neighbouring free objects")                      \
    X(GAUGE, resident_bytes, "of slab_bytes: in physical memory")                                 \
    X(GAUGE, live_resident_bytes, "of that: live objects")                                        \
    X(GAUGE, pinned_bytes, "of that: free objects on pages that hold a live one")

/* Of the whole heap: likewise. */
#define CAIRN_FIGURES(X)                                                                           \
    X(GAUGE, reserved_bytes, "address space of all regions")                                       \
    X(GAUGE, mapped_bytes, "of that: readable and writable")                                       \
    X(GAUGE, slab_bytes, "of mapped_bytes: slabs")                                                 \
    X(GAUGE, large_chunk_bytes, "of mapped_bytes: chunks of large objects")                        \
    X(GAUGE, spare_bytes, "of mapped_bytes: in no use, kept at hand by threads")                   \
    X(GAUGE, transit_bytes, "of mapped_bytes: being taken, given back or purged just now")         \
    X(GAUGE, dirty_bytes, "of mapped_bytes: in no use, kept for reuse")                            \
    X(GAUGE, clean_bytes, "of mapped_bytes: in no use, given back to the kernel or never used")    \
    X(GAUGE, taken_peak_bytes, "most bytes of slabs and large objects at any time")                \
    X(GAUGE, live_objects, "objects that were allocated and not freed")                            \
    X(GAUGE, live_bytes, "their memory: of the size class, or whole pages")                        \
    X(GAUGE, small_live_bytes, "of live_bytes: in slabs")                                          \
    X(GAUGE, large_objects, "of live_objects: large ones")                                         \
    X(GAUGE, large_live_bytes, "of live_bytes: large objects")                                     \
    X(GAUGE, free_bytes, "free objects in slabs")                                                  \
    X(GAUGE, end_bytes, "what is left over at the ends of slabs")                                  \
    X(GAUGE, ready_objects, "free objects that threads hold ready for their next mallocs")         \
    X(GAUGE, ready_bytes, "their memory")                                                          \
    X(GAUGE, unmerged_objects,                                                                     \
      "free objects whose owners have not noticed that others freed them")                         \
    X(GAUGE, unmerged_bytes, "their memory")                                                       \
    X(COUNTER, allocations, "objects allocated")                                                   \
    X(COUNTER, frees, "objects freed")                                                             \
    X(COUNTER, large_allocations, "of allocations: large objects")                                 \
    X(GAUGE, rounding_bytes, "estimate of the bytes of live objects that nobody asked for")        \
    X(GAUGE, rounding_max_bytes, "bound of that")                                                  \
    X(GAUGE, available_bytes,                                                                      \
      "all that is free: free_bytes + spare_bytes + dirty_bytes + clean_bytes")                    \
    X(GAUGE, largest_free_bytes, "longest free run of it")                                         \
    X(GAUGE, resident_bytes, "physical memory of the process, as the kernel says")                 \
    X(GAUGE, resident_peak_bytes, "the most of it at any time, as the kernel says")                \
    X(GAUGE, heap_resident_bytes, "of resident_bytes: in mapped_bytes")                            \
    X(GAUGE, live_resident_bytes, "of heap_resident_bytes: live objects, rounding included")       \
    X(GAUGE, fragmentation_bytes, "of heap_resident_bytes: free, and on pages that can't go back") \
    X(GAUGE, cached_bytes, "of heap_resident_bytes: free, and on pages that could go back")        \
    X(GAUGE, metadata_bytes, "of resident_bytes: descriptors, bitmaps, heaps")                     \
    X(GAUGE, metadata_mapped_bytes, "address space of these")                                      \
    X(GAUGE, outside_bytes, "of resident_bytes: the rest of the process, stacks and code say")     \
    X(COUNTER, purged_bytes, "given back to the kernel, by threads as they free")                  \
    X(COUNTER, purge_calls, "runs of chunks given back")                                           \
    X(COUNTER, purge_failures, "of these: refused, as for locked memory")                          \
    X(COUNTER, refaulted_bytes, "purged, and needed again soon")                                   \
    X(COUNTER, refills, "times a thread went to its slabs for more objects")                       \
    X(COUNTER, slabs_created, "slabs made")                                                        \
    X(COUNTER, slabs_released, "slabs given back as their last object was freed")                  \
    X(COUNTER, slabs_adopted, "slabs taken over from threads that have ended")                     \
    X(COUNTER, remote_frees, "objects freed by threads that did not own them")                     \
    X(GAUGE, active_heaps, "heaps of running threads")                                             \
    X(GAUGE, parked_heaps, "heaps whose threads have ended, for later threads")                    \
    X(GAUGE, sampled_objects, "of live_objects: samples beside guard pages")                       \
    X(GAUGE, sampled_live_bytes, "of live_bytes: their memory, as asked for; resident outside")    \
    X(COUNTER, sampled_allocations, "of allocations: samples beside guard pages")                  \
    X(COUNTER, sampled_misses, "requests that were to be samples, and there was no slot or time")

#define CAIRN_FIGURE_FIELD(kind, name, sentence) uint64_t name;

struct cairn_class_stats {
    CAIRN_CLASS_FIGURES(CAIRN_FIGURE_FIELD)
};

enum { CAIRN_CLASSES_MAX = 64 };

/* A later version of the library may add to it, at its end only. */
struct cairn_heap_stats {
    uint32_t version;     /* CAIRN_STATS_VERSION of the library */
    uint32_t class_count; /* of classes, those that there are */
    CAIRN_FIGURES(CAIRN_FIGURE_FIELD)
    uint64_t kept_bytes[CAIRN_REASON_COUNT]; /* resident and free, by enum cairn_reason */
    struct cairn_class_stats classes[CAIRN_CLASSES_MAX];
};

#undef CAIRN_FIGURE_FIELD

/* Fills in the first `bytes` bytes of *stats; pass sizeof *stats.  What the library does not know,
 * being older than its caller, is zero. */
void cairn_stats(struct cairn_heap_stats *stats, size_t bytes);

/* The same as a JSON object, and in the OpenMetrics text format (1.0, "# EOF" included).  As
 * snprintf does, they write `size` bytes at most with a zero byte at their end, and return how long
 * the text is without it; buffer may be NULL if size is 0.  The length differs from call to call as
 * figures do. */
size_t cairn_stats_json(char *buffer, size_t size);
size_t cairn_stats_openmetrics(char *buffer, size_t size);

/* The same, written to a file descriptor; 0, or the error number of the write() that failed. */
int cairn_stats_write_json(int fd);
int cairn_stats_write_openmetrics(int fd);

/* One line for each reason, "a free object on a page that holds a live one" say; NULL for a number
 * that is none. */
const char *cairn_reason_sentence(enum cairn_reason reason);

/* External fragmentation as textbooks define it: 1 - largest free run / all that is free, and 0
 * where nothing is.  0: all of it could serve one request; near 1: it is in many pieces. */
static inline double cairn_external_fragmentation(uint64_t largest, uint64_t available) {
    return available == 0 ? 0.0 : 1.0 - (double)largest / (double)available;
}

#ifdef __cplusplus
}
#endif

#endif
