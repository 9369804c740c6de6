/* The two fast paths, shared by malloc, operator new, cairn_malloc and their kin.
 *
 * Everything unusual (no heap yet, no slab yet, an empty bin; a slab that is full, another
 * thread's, large, or no slab at all) shows in the one value that is compared anyway.  Their
 * instructions are counted by a test against a budget: see scripts/check-fast-paths. */
#ifndef CAIRN_CORE_FAST_H
#define CAIRN_CORE_FAST_H

#include <string.h>

#include "core/allocate.h"
#include "core/chunk_map.h"
#include "core/heap.h"
#include "core/slab.h"
#include "core/threads.h"

FAST_PATH struct bin *bin_for(size_t size) {
    uintptr_t heap = (uintptr_t)&heap_origin + heap_distance;
    return (struct bin *)(heap + heap_origin.bin_offsets[(size + GRANULE - 1) / GRANULE]);
}

/* slow(size): allocate_slow, or what operator new does instead when there is no memory. */
FAST_PATH void *fast_allocate_or(size_t size, void *(*slow)(size_t)) {
    if (likely(size <= SLAB_MAX)) {
        struct bin *bin = bin_for(size);
        uint64_t avail = owner_word_read(bin->avail);
        if (likely(avail != 0)) {
            return bin_take(bin, avail);
        }
    }
    return slow(size);
}

FAST_PATH void *fast_allocate(size_t size) { return fast_allocate_or(size, allocate_slow); }

FAST_PATH void *fast_allocate_zeroed(size_t size) {
    if (likely(size <= SLAB_MAX)) {
        struct bin *bin = bin_for(size);
        uint64_t avail = owner_word_read(bin->avail);
        if (likely(avail != 0)) {
            void *object = bin_take(bin, avail);
            return bin->zeroed ? object : memset(object, 0, size);
        }
    }
    return allocate_zeroed_slow(size);
}

/* What the program claims of an object that it frees (form.h), and who is told: nobody if NULL. */
struct told {
    size_t size, alignment;
    void (*slow)(void *pointer, size_t size, size_t alignment);
};

/* An interceptor lets nothing get beyond the owner: so up to there claims are kept. */
FAST_PATH void fast_free_other(void *pointer, struct told told, void (*slow)(void *)) {
    if (told.slow != NULL) {
        told.slow(pointer, told.size, told.alignment);
    } else {
        slow(pointer);
    }
}

/* slow(pointer): free_slow under the name of the function that was called. */
FAST_PATH void fast_free_told(void *pointer, struct told told, void (*slow)(void *)) {
    uintptr_t address = (uintptr_t)pointer;
    if (unlikely(!address_is_mappable(address))) {
        fast_free_other(pointer, told, slow);
        return;
    }
    const struct chunk *chunk = chunk_of(address);
    if (unlikely(chunk_owner(chunk) != heap_distance)) {
        fast_free_other(pointer, told, slow);
        return;
    }
    bool exact;
    uint64_t index = object_index(chunk, address, &exact);
    if (unlikely(!exact)) {
        slow(pointer);
        return;
    }
    enum freed freed = slab_free_object(chunk, index);
    if (unlikely(freed == FREED_TWICE)) {
        slow(pointer);
    } else if (unlikely(freed == FREED_ALL_OF_WORD)) {
        free_emptied(pointer);
    }
}

FAST_PATH void fast_free(void *pointer, void (*slow)(void *)) {
    fast_free_told(pointer, (struct told){0}, slow);
}

#endif
