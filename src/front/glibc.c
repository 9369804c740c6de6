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

static size_t arena_bytes(const struct statistics *statistics) {
    return statistics->committed_bytes - statistics->large.chunk_bytes;
}

/* --- mallinfo --------------------------------------------------------------------------------- */

struct mallinfo2 glibc_mallinfo2(void) {
    struct statistics statistics;
    statistics_take(&statistics);
    size_t free_objects = 0;
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        free_objects += statistics.classes[c].free_objects;
    }
    return (struct mallinfo2){
        .arena = arena_bytes(&statistics),
        .ordblks = free_objects,
        .smblks = statistics.heaps.bin_objects,
        .hblks = statistics.large.objects,
        .hblkhd = statistics.large.bytes,
        .usmblks = statistics.taken_peak_bytes,
        .fsmblks = statistics.heaps.bin_bytes,
        .uordblks = statistics.small_bytes,
        .fordblks = arena_bytes(&statistics) - statistics.small_bytes,
        .keepcost = statistics.dirty_bytes,
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
static void print_heap(FILE *stream, const struct statistics *statistics) {
    fprintf(stream, "<heap nr=\"0\">\n<sizes>\n");
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        const struct class_statistics *class = &statistics->classes[c];
        size_t before = c == 0 ? 0 : statistics->classes[c - 1].object_bytes;
        if (class->free_objects != 0) {
            fprintf(stream, "  <size from=\"%zu\" to=\"%zu\" total=\"%zu\" count=\"%zu\"/>\n",
                    before + 1, class->object_bytes, class->free_objects * class->object_bytes,
                    class->free_objects);
        }
    }
    fprintf(stream, "</sizes>\n");
}

static void print_totals(FILE *stream, const struct statistics *statistics) {
    size_t free_objects = 0;
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        free_objects += statistics->classes[c].free_objects;
    }
    const struct heap_statistics *heaps = &statistics->heaps;
    size_t arena = arena_bytes(statistics);
    fprintf(stream, "<total type=\"fast\" count=\"%zu\" size=\"%zu\"/>\n", heaps->bin_objects,
            heaps->bin_bytes);
    fprintf(stream, "<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n", free_objects,
            arena - statistics->small_bytes);
}

static void print_system(FILE *stream, const struct statistics *statistics) {
    size_t arena = arena_bytes(statistics);
    fprintf(stream, "<system type=\"current\" size=\"%zu\"/>\n", arena);
    fprintf(stream, "<system type=\"max\" size=\"%zu\"/>\n",
            arena > statistics->taken_peak_bytes ? arena : statistics->taken_peak_bytes);
    fprintf(stream, "<aspace type=\"total\" size=\"%zu\"/>\n", statistics->committed_bytes);
    fprintf(stream, "<aspace type=\"mprotect\" size=\"%zu\"/>\n", statistics->committed_bytes);
}

/* The program's threads share one heap as far as this text goes. */
CAIRN_EXPORT int malloc_info(int options, FILE *stream) {
    if (options != 0) {
        return EINVAL;
    }
    struct statistics statistics;
    statistics_take(&statistics);
    fprintf(stream, "<malloc version=\"1\">\n");
    print_heap(stream, &statistics);
    print_totals(stream, &statistics);
    print_system(stream, &statistics);
    fprintf(stream, "</heap>\n");
    print_totals(stream, &statistics);
    fprintf(stream, "<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>\n", statistics.large.objects,
            statistics.large.bytes);
    print_system(stream, &statistics);
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

CAIRN_EXPORT void malloc_stats(void) {
    struct statistics statistics;
    statistics_take(&statistics);
    struct text text = {0};
    line(&text, "live bytes", statistics.live_bytes);
    line(&text, "live bytes in large objects", statistics.large.bytes);
    line(&text, "large objects", statistics.large.objects);
    line(&text, "slab bytes", statistics.slab_bytes);
    line(&text, "free bytes in slabs", statistics.free_bytes);
    line(&text, "free bytes kept for reuse", statistics.dirty_bytes);
    line(&text, "bytes given back to the system so far", statistics.purged_bytes);
    line(&text, "mapped bytes", statistics.committed_bytes);
    line(&text, "reserved address space", statistics.reserved_bytes);
    line(&text, "metadata bytes", statistics_metadata_bytes());
    line(&text, "heaps of running threads", statistics.heaps.active);
    line(&text, "heaps of ended threads", statistics.heaps.parked);
    line(&text, "frees by other threads, as merged", statistics.heaps.remote_frees);
    line(&text, "refills of bins", statistics.heaps.refills);
    text_write(&text, STDERR_FILENO);
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
