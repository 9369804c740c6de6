/* glibc's statistics and tuning: mallinfo, malloc_info, malloc_stats, malloc_trim, mallopt.
 *
 * How glibc's words are to be read here:
 *   arena     readable and writable memory of the heap, without large objects
 *   uordblks  live bytes of that;  fordblks  the rest:  arena = uordblks + fordblks
 *   hblks, hblkhd     large objects, and their bytes (glibc: what is mapped one by one)
 *   smblks, fsmblks   free objects that threads hold ready, and their bytes (glibc: fastbins)
 *   ordblks   free objects in slabs
 *   usmblks   most bytes that were ever in use (glibc: 0)
 *   keepcost  free memory that malloc_trim() gives back (without what lies inside slabs) */
#include <stdlib.h> /* says which C library it is */

#ifdef __GLIBC__

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/text.h"
#include "core/statistics.h"
#include "core/trim.h"
#include "front/glibc.h"

static size_t free_objects(const struct cairn_heap_stats *stats) {
    size_t objects = 0;
    for (unsigned c = 0; c < stats->class_count; c++) {
        objects += stats->classes[c].free_objects;
    }
    return objects;
}

static size_t arena_bytes(const struct cairn_heap_stats *stats) {
    return stats->mapped_bytes - stats->large_chunk_bytes;
}

/* --- mallinfo --------------------------------------------------------------------------------- */

struct mallinfo2 glibc_mallinfo2(void) {
    struct cairn_heap_stats stats;
    statistics_count(&stats);
    return (struct mallinfo2){
        .arena = arena_bytes(&stats),
        .ordblks = free_objects(&stats),
        .smblks = stats.ready_objects,
        .hblks = stats.large_objects,
        .hblkhd = stats.large_live_bytes,
        .usmblks = stats.taken_peak_bytes,
        .fsmblks = stats.ready_bytes,
        .uordblks = stats.small_live_bytes,
        .fordblks = arena_bytes(&stats) - stats.small_live_bytes,
        .keepcost = stats.dirty_bytes,
    };
}

/* What does not fit an int reads as the largest one; glibc lets it wrap around. */
static int clamp(size_t number) { return number > INT_MAX ? INT_MAX : (int)number; }

struct mallinfo glibc_mallinfo(void) {
    struct mallinfo2 info = glibc_mallinfo2();
    return (struct mallinfo){
        .arena = clamp(info.arena),
        .ordblks = clamp(info.ordblks),
        .smblks = clamp(info.smblks),
        .hblks = clamp(info.hblks),
        .hblkhd = clamp(info.hblkhd),
        .usmblks = clamp(info.usmblks),
        .fsmblks = clamp(info.fsmblks),
        .uordblks = clamp(info.uordblks),
        .fordblks = clamp(info.fordblks),
        .keepcost = clamp(info.keepcost),
    };
}

CAIRN_EXPORT struct mallinfo2 mallinfo2(void) { return glibc_mallinfo2(); }

CAIRN_EXPORT struct mallinfo mallinfo(void) { return glibc_mallinfo(); }

/* --- malloc_info ------------------------------------------------------------------------------ */

/* glibc's elements and attributes; <size> is for a class here, and tells of its free objects as
 * there. */
static void print_heap(FILE *stream, const struct cairn_heap_stats *stats) {
    fprintf(stream, "<heap nr=\"0\">\n<sizes>\n");
    for (unsigned c = 0; c < stats->class_count; c++) {
        const struct cairn_class_stats *class = &stats->classes[c];
        size_t before = c == 0 ? 0 : stats->classes[c - 1].object_bytes;
        if (class->free_objects != 0) {
            fprintf(stream, "  <size from=\"%zu\" to=\"%zu\" total=\"%zu\" count=\"%zu\"/>\n",
                    before + 1, class->object_bytes, class->free_objects * class->object_bytes,
                    class->free_objects);
        }
    }
    fprintf(stream, "</sizes>\n");
}

static void print_totals(FILE *stream, const struct cairn_heap_stats *stats) {
    size_t arena = arena_bytes(stats);
    fprintf(stream, "<total type=\"fast\" count=\"%zu\" size=\"%zu\"/>\n", stats->ready_objects,
            stats->ready_bytes);
    fprintf(stream, "<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n", free_objects(stats),
            arena - stats->small_live_bytes);
}

static void print_system(FILE *stream, const struct cairn_heap_stats *stats) {
    size_t arena = arena_bytes(stats);
    fprintf(stream, "<system type=\"current\" size=\"%zu\"/>\n", arena);
    fprintf(stream, "<system type=\"max\" size=\"%zu\"/>\n",
            arena > stats->taken_peak_bytes ? arena : stats->taken_peak_bytes);
    fprintf(stream, "<aspace type=\"total\" size=\"%zu\"/>\n", stats->mapped_bytes);
    fprintf(stream, "<aspace type=\"mprotect\" size=\"%zu\"/>\n", stats->mapped_bytes);
}

/* The program's threads share one heap as far as this text goes. */
CAIRN_EXPORT int malloc_info(int options, FILE *stream) {
    if (options != 0) {
        return EINVAL;
    }
    struct cairn_heap_stats stats;
    statistics_count(&stats);
    fprintf(stream, "<malloc version=\"1\">\n");
    print_heap(stream, &stats);
    print_totals(stream, &stats);
    print_system(stream, &stats);
    fprintf(stream, "</heap>\n");
    print_totals(stream, &stats);
    fprintf(stream, "<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>\n", stats.large_objects,
            stats.large_live_bytes);
    print_system(stream, &stats);
    fprintf(stream, "</malloc>\n");
    return 0;
}

/* --- malloc_stats ----------------------------------------------------------------------------- */

static void line(struct text *text, const char *what, uint64_t number) {
    text_string(text, what);
    text_string(text, ": ");
    text_decimal(text, number);
    text_string(text, "\n");
}

/* A reason and how much it keeps. */
static void kept_line(struct text *text, const char *sentence, uint64_t bytes) {
    if (bytes != 0) {
        text_string(text, "    ");
        text_decimal(text, bytes);
        text_string(text, ": ");
        text_string(text, sentence);
        text_string(text, "\n");
    }
}

CAIRN_EXPORT void malloc_stats(void) {
    struct cairn_heap_stats stats;
    statistics_take(&stats);
    struct text text = {0};
    line(&text, "live bytes", stats.live_bytes);
    line(&text, "live bytes in large objects", stats.large_live_bytes);
    line(&text, "large objects", stats.large_objects);
    line(&text, "slab bytes", stats.slab_bytes);
    line(&text, "free bytes in slabs", stats.free_bytes);
    line(&text, "free bytes kept for reuse", stats.dirty_bytes);
    line(&text, "bytes given back to the system so far", stats.purged_bytes);
    line(&text, "mapped bytes", stats.mapped_bytes);
    line(&text, "reserved address space", stats.reserved_bytes);
    line(&text, "heaps of running threads", stats.active_heaps);
    line(&text, "heaps of ended threads", stats.parked_heaps);
    line(&text, "objects allocated", stats.allocations);
    line(&text, "objects freed", stats.frees);
    line(&text, "frees by other threads", stats.remote_frees);
    line(&text, "refills of bins", stats.refills);
    line(&text, "resident bytes of the process", stats.resident_bytes);
    line(&text, "  live objects", stats.live_resident_bytes);
    line(&text, "  metadata bytes", stats.metadata_bytes);
    line(&text, "  outside of the heap", stats.outside_bytes);
    line(&text, "  free", stats.fragmentation_bytes + stats.cached_bytes);
#define KEPT_LINE(NAME, name, group, sentence) \
    kept_line(&text, sentence, stats.kept_bytes[CAIRN_##NAME]);
    CAIRN_REASONS(KEPT_LINE)
    (void)text_write(&text, STDERR_FILENO);
}

/* --- malloc_trim, mallopt --------------------------------------------------------------------- */

/* The pad says how much glibc leaves at the top of its heap; there is no such top. */
CAIRN_EXPORT int malloc_trim(size_t pad) {
    (void)pad;
    return trim() != 0;
}

/* What the parameters tune does not exist here, so all are accepted and none has an effect: there
 * is no threshold for mapping (M_MMAP_THRESHOLD, M_MMAP_MAX) or trimming (M_TRIM_THRESHOLD,
 * M_TOP_PAD), no fastbins (M_MXFAST) and no arenas (M_ARENA_TEST, M_ARENA_MAX); misuse always
 * aborts (M_CHECK_ACTION); and freed memory holds nothing of the allocator's that M_PERTURB could
 * bring to light.  Returns what glibc does: 1, also for an unknown parameter, but 0 for M_MXFAST
 * out of range. */
int glibc_mallopt(int parameter, int value) {
    enum { MXFAST_LIMIT = 80 * (int)sizeof(size_t) / 4 };
    return parameter != M_MXFAST || (value >= 0 && value <= MXFAST_LIMIT);
}

CAIRN_EXPORT int mallopt(int parameter, int value) { return glibc_mallopt(parameter, value); }

#endif
