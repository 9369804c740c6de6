#include "core/metadata.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "core/mapping_names.h"
#include "os/mutex.h"
#include "os/os.h"

/* Segments grow with what is there, from 64 KiB to 4 MiB: few mappings, little waste. */
#define SEGMENT_MIN ((size_t)64 << 10)
#define SEGMENT_MAX ((size_t)4 << 20)

struct spare {
    struct spare *next;
};

/* At the start of each segment. */
struct segment {
    _Alignas(CACHE_LINE) struct segment *older; /* written once */
    size_t bytes;                               /* likewise */
};

/* A slab's bitmap is this long at most.  There are lists of more in programs that give back more,
 * so that all that a small one writes here lies on one page with what it writes elsewhere. */
enum { FEW_LINES = 16, MANY_LISTS = METADATA_KEPT_LINES - FEW_LINES };
_Static_assert(MANY_LISTS * sizeof(struct spare *) % CACHE_LINE == 0, "whole lines");

static struct mutex lock = MUTEX(RANK_METADATA);
static struct spare *spares[FEW_LINES + 1];
static struct spare **spares_of_many;      /* NULL, or MANY_LISTS; under the lock */
static char *bump, *bump_end;              /* METADATA_MARGIN bytes behind bump_end are mapped */
static size_t mapped;                      /* sum over the segments' bytes; under the lock */
static _Atomic(struct segment *) youngest; /* written under the lock */

void metadata_lock(void) { mutex_lock(&lock); }
void metadata_unlock(void) { mutex_unlock(&lock); }
void metadata_reset_lock(void) { mutex_reset(&lock); }

/* What is left of the segment before is lost: less than `size`. */
static bool new_segment(size_t size) {
    size_t needed = sizeof(struct segment) + size + METADATA_MARGIN;
    size_t bytes = mapped < SEGMENT_MIN ? SEGMENT_MIN : mapped;
    bytes = bytes > SEGMENT_MAX ? SEGMENT_MAX : bytes;
    bytes = round_up(bytes < needed ? needed : bytes, os_page_size());
    struct segment *segment = os_map(bytes);
    if (segment == NULL) {
        return false;
    }
    mapping_name_tables(segment, bytes);
    segment->older = atomic_load_explicit(&youngest, memory_order_relaxed);
    segment->bytes = bytes;
    /* release: who walks the list finds the two above. */
    atomic_store_explicit(&youngest, segment, memory_order_release);
    mapped += bytes;
    bump = (char *)(segment + 1);
    bump_end = (char *)segment + bytes - METADATA_MARGIN;
    return true;
}

static void *take_fresh(size_t size) {
    if ((size_t)(bump_end - bump) < size && !new_segment(size)) {
        return NULL;
    }
    void *memory = bump;
    bump += size;
    return memory;
}

/* NULL: there is no list for so many. */
static struct spare **spares_of(size_t lines) {
    if (lines <= FEW_LINES) {
        return &spares[lines];
    }
    bool has_list = spares_of_many != NULL && lines <= METADATA_KEPT_LINES;
    return has_list ? &spares_of_many[lines - FEW_LINES - 1] : NULL;
}

void *metadata_take(size_t lines) {
    mutex_lock(&lock);
    void *memory;
    struct spare **list = spares_of(lines);
    if (list != NULL && *list != NULL) {
        struct spare *spare = *list;
        *list = spare->next;
        spare->next = NULL;
        memory = spare;
    } else {
        memory = take_fresh(lines * CACHE_LINE);
    }
    mutex_unlock(&lock);
    return memory;
}

void metadata_give(void *memory, size_t lines) {
    struct spare *spare = memory;
    mutex_lock(&lock);
    if (lines > FEW_LINES && spares_of_many == NULL) {
        spares_of_many = take_fresh(MANY_LISTS * sizeof *spares_of_many);
    }
    struct spare **list = spares_of(lines);
    if (list == NULL) { /* no memory for the lists: it serves those who want less */
        list = &spares[FEW_LINES];
    }
    spare->next = *list;
    *list = spare;
    mutex_unlock(&lock);
}

static const struct segment *first_segment(void) {
    return atomic_load_explicit(&youngest, memory_order_acquire);
}

size_t metadata_mapped(void) {
    size_t bytes = 0;
    for (const struct segment *at = first_segment(); at != NULL; at = at->older) {
        bytes += at->bytes;
    }
    return bytes;
}

void metadata_each_segment(void (*visit)(void *address, size_t size)) {
    for (const struct segment *at = first_segment(); at != NULL; at = at->older) {
        visit((void *)(uintptr_t)at, at->bytes);
    }
}

size_t metadata_resident(void) {
    size_t bytes = 0;
    for (const struct segment *at = first_segment(); at != NULL; at = at->older) {
        bytes += os_resident_bytes((void *)(uintptr_t)at, at->bytes);
    }
    return bytes;
}
