#include "regions/fixed_heap.h"

#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "core/report.h"
#include "core/size_class.h"
#include "os/mutex.h"
#include "regions/registry.h"

struct fixed_heap {
    struct cairn_heap handle;
    struct mutex lock;
    uintptr_t base; /* address of granule 0; a multiple of GRANULE */
    size_t granules;
    size_t bytes;             /* of the memory, all in all */
    uint64_t *taken, *starts; /* bit g % 64 of word g / 64 */
    /* The lock. */
    size_t lowest;
    size_t objects, used, peak; /* bytes of whole granules */
};

static bool has_bit(const uint64_t *words, size_t at) {
    return (words[at / 64] >> at % 64 & 1) != 0;
}

static void set_bit(uint64_t *words, size_t at) { words[at / 64] |= UINT64_C(1) << at % 64; }

static void clear_bit(uint64_t *words, size_t at) { words[at / 64] &= ~(UINT64_C(1) << at % 64); }

/* Sets or clears [from, to). */
static void fill_bits(uint64_t *words, size_t from, size_t to, bool value) {
    while (from < to) {
        size_t end = (from / 64 + 1) * 64 < to ? (from / 64 + 1) * 64 : to;
        uint64_t mask = low_mask((unsigned)(end - from)) << from % 64;
        words[from / 64] = value ? words[from / 64] | mask : words[from / 64] & ~mask;
        from = end;
    }
}

/* The first place from `from` on, and below `end`, with a bit of that value; else `end`. */
static size_t find_bit(const uint64_t *words, size_t from, size_t end, bool value) {
    while (from < end) {
        uint64_t word = (value ? words[from / 64] : ~words[from / 64]) >> from % 64;
        if (word != 0) {
            size_t at = from + lowest_bit(word);
            return at < end ? at : end;
        }
        from = (from / 64 + 1) * 64;
    }
    return end;
}

/* --- objects, by granules; lock held ---------------------------------------------------------- */

static size_t granules_for(size_t size) { return size == 0 ? 1 : (size + GRANULE - 1) / GRANULE; }

static uintptr_t address_of(const struct fixed_heap *heap, size_t granule) {
    return heap->base + granule * GRANULE;
}

static size_t end_of(const struct fixed_heap *heap, size_t start) {
    size_t next = find_bit(heap->starts, start + 1, heap->granules, true);
    return find_bit(heap->taken, start, next, false);
}

static size_t size_of(const struct fixed_heap *heap, size_t start) {
    return (end_of(heap, start) - start) * GRANULE;
}

/* A multiple of the alignment at or above granule g. */
static size_t align_granule(const struct fixed_heap *heap, size_t g, size_t alignment) {
    uintptr_t address = address_of(heap, g);
    uintptr_t aligned = (address + alignment - 1) & ~(uintptr_t)(alignment - 1);
    return aligned < address ? heap->granules : g + (aligned - address) / GRANULE;
}

/* SIZE_MAX: there is none. */
static size_t find_place(const struct fixed_heap *heap, size_t count, size_t alignment) {
    size_t g = find_bit(heap->taken, heap->lowest, heap->granules, false);
    while (g < heap->granules) {
        size_t start = align_granule(heap, g, alignment);
        if (start >= heap->granules || heap->granules - start < count) {
            return SIZE_MAX;
        }
        size_t end = find_bit(heap->taken, start, start + count, true);
        if (end == start + count) {
            return start;
        }
        g = find_bit(heap->taken, end, heap->granules, false);
    }
    return SIZE_MAX;
}

static void count_used(struct fixed_heap *heap, size_t more, size_t less) {
    heap->used += more * GRANULE - less * GRANULE;
    heap->peak = heap->used > heap->peak ? heap->used : heap->peak;
}

static void take(struct fixed_heap *heap, size_t start, size_t count) {
    if (start == heap->lowest) {
        heap->lowest = start + count;
    }
    fill_bits(heap->taken, start, start + count, true);
    set_bit(heap->starts, start);
    heap->objects++;
    count_used(heap, count, 0);
}

/* [from, to) of an object. */
static void give(struct fixed_heap *heap, size_t from, size_t to) {
    fill_bits(heap->taken, from, to, false);
    heap->lowest = from < heap->lowest ? from : heap->lowest;
    count_used(heap, 0, to - from);
}

static bool is_inside(const struct fixed_heap *heap, const void *pointer) {
    uintptr_t address = (uintptr_t)pointer;
    return address >= heap->base && address - heap->base < heap->granules * GRANULE;
}

static size_t granule_of(const struct fixed_heap *heap, const void *pointer) {
    return ((uintptr_t)pointer - heap->base) / GRANULE;
}

static bool is_object(const struct fixed_heap *heap, const void *pointer) {
    return is_inside(heap, pointer) && (uintptr_t)pointer % GRANULE == 0 &&
           has_bit(heap->starts, granule_of(heap, pointer));
}

/* --- reports ---------------------------------------------------------------------------------- */

static _Noreturn void report_inside(const struct fixed_heap *heap, const char *function,
                                    const void *pointer) {
    size_t start = granule_of(heap, pointer);
    struct text text;
    report_begin(&text, function, (uintptr_t)pointer);
    if (!has_bit(heap->taken, start)) {
        text_string(&text, "pointer to no live object (it is free already, or never was one) of ");
        registry_describe(&text, &heap->handle.region);
        report_end(&text);
    }
    while (!has_bit(heap->starts, start)) {
        start--;
    }
    text_string(&text, "pointer ");
    text_decimal(&text, (uintptr_t)pointer - address_of(heap, start));
    text_string(&text, " bytes into an object of ");
    text_decimal(&text, size_of(heap, start));
    text_string(&text, " bytes of ");
    registry_describe(&text, &heap->handle.region);
    text_string(&text, " that starts at ");
    text_address(&text, address_of(heap, start));
    report_end(&text);
}

/* Lock held; the granule of a live object. */
static size_t require_object(const struct fixed_heap *heap, const char *function,
                             const void *pointer) {
    if (unlikely(!is_object(heap, pointer))) {
        if (is_inside(heap, pointer)) {
            report_inside(heap, function, pointer);
        }
        heap_report_foreign(&heap->handle, function, pointer);
    }
    return granule_of(heap, pointer);
}

/* --- beginning -------------------------------------------------------------------------------- */

/* As many granules as fit with their bits: each group of 64 takes two words. */
static size_t granules_in(size_t bytes) {
    size_t group = 2 * sizeof(uint64_t) + 64 * GRANULE;
    size_t granules = bytes / group * 64;
    size_t rest = bytes % group;
    return rest <= 2 * sizeof(uint64_t) ? granules
                                        : granules + (rest - 2 * sizeof(uint64_t)) / GRANULE;
}

struct cairn_heap *fixed_heap_create(void *memory, size_t bytes) {
    uintptr_t start = ((uintptr_t)memory + GRANULE - 1) & ~(uintptr_t)(GRANULE - 1);
    size_t lost = start - (uintptr_t)memory;
    size_t header = round_up(sizeof(struct fixed_heap), GRANULE);
    if (bytes < lost + header) {
        return NULL;
    }
    size_t granules = granules_in(bytes - lost - header);
    if (granules == 0) {
        return NULL;
    }
    size_t words = (granules + 63) / 64;
    struct fixed_heap *heap = (struct fixed_heap *)start;
    *heap = (struct fixed_heap){.lock = MUTEX(RANK_HEAP), .granules = granules, .bytes = bytes};
    heap->handle.fixed = heap;
    heap->taken = (uint64_t *)(start + header);
    heap->starts = heap->taken + words;
    heap->base = (uintptr_t)(heap->starts + words);
    memset(heap->taken, 0, 2 * words * sizeof *heap->taken);
    return &heap->handle;
}

/* --- objects ---------------------------------------------------------------------------------- */

/* Lock held. */
static void *allocate(struct fixed_heap *heap, size_t size, size_t alignment) {
    if (size > heap->granules * GRANULE) {
        return NULL;
    }
    size_t count = granules_for(size);
    size_t start = find_place(heap, count, alignment < GRANULE ? GRANULE : alignment);
    if (start == SIZE_MAX) {
        return NULL;
    }
    take(heap, start, count);
    return (void *)address_of(heap, start);
}

void *fixed_heap_allocate(struct fixed_heap *heap, size_t size, size_t alignment) {
    mutex_lock(&heap->lock);
    void *object = allocate(heap, size, alignment);
    mutex_unlock(&heap->lock);
    return object;
}

/* Lock held. */
static void free_object(struct fixed_heap *heap, size_t start) {
    size_t end = end_of(heap, start);
    clear_bit(heap->starts, start);
    heap->objects--;
    give(heap, start, end);
}

void fixed_heap_free(struct fixed_heap *heap, const char *function, void *pointer) {
    mutex_lock(&heap->lock);
    free_object(heap, require_object(heap, function, pointer));
    mutex_unlock(&heap->lock);
}

/* Lock held.  Where it is, or false. */
static bool resize_in_place(struct fixed_heap *heap, size_t start, size_t count) {
    size_t end = end_of(heap, start);
    if (count <= end - start) {
        give(heap, start + count, end);
        return true;
    }
    if (heap->granules - start < count ||
        find_bit(heap->taken, end, start + count, true) != start + count) {
        return false;
    }
    fill_bits(heap->taken, end, start + count, true);
    count_used(heap, start + count - end, 0);
    return true;
}

void *fixed_heap_resize(struct fixed_heap *heap, const char *function, void *pointer, size_t size,
                        size_t alignment) {
    mutex_lock(&heap->lock);
    size_t start = require_object(heap, function, pointer);
    void *resized = NULL;
    if (size <= heap->granules * GRANULE) {
        if (resize_in_place(heap, start, granules_for(size))) {
            resized = pointer;
        } else {
            resized = allocate(heap, size, alignment);
        }
    }
    if (resized != NULL && resized != pointer) {
        memcpy(resized, pointer, size_of(heap, start)); /* it did not fit, so it is larger now */
        free_object(heap, start);
    }
    mutex_unlock(&heap->lock);
    return resized;
}

size_t fixed_heap_usable_size(struct fixed_heap *heap, const char *function, const void *pointer) {
    mutex_lock(&heap->lock);
    size_t size = size_of(heap, require_object(heap, function, pointer));
    mutex_unlock(&heap->lock);
    return size;
}

/* --- looking ---------------------------------------------------------------------------------- */

bool fixed_heap_contains(struct fixed_heap *heap, const void *pointer) {
    mutex_lock(&heap->lock);
    bool contains = is_object(heap, pointer);
    mutex_unlock(&heap->lock);
    return contains;
}

struct cairn_heap_figures fixed_heap_figures(struct fixed_heap *heap) {
    mutex_lock(&heap->lock);
    struct cairn_heap_figures figures = {
        .objects = heap->objects,
        .used = heap->used,
        .held = heap->bytes,
        .peak = heap->peak,
        .limit = heap->bytes,
    };
    mutex_unlock(&heap->lock);
    return figures;
}

size_t fixed_heap_walk(struct fixed_heap *heap,
                       void (*visit)(void *context, void *object, size_t bytes), void *context) {
    size_t count = 0;
    for (size_t next = 0;; next++) {
        mutex_lock(&heap->lock);
        next = find_bit(heap->starts, next, heap->granules, true);
        size_t size = next < heap->granules ? size_of(heap, next) : 0;
        mutex_unlock(&heap->lock);
        if (size == 0) {
            return count;
        }
        visit(context, (void *)address_of(heap, next), size);
        count++;
    }
}
