/* An allocator that keeps its users to the contract of <cairn/allocator.h>, and has as much memory
 * as it is told: it remembers what size and alignment each object has, and ends the program if a
 * call says otherwise.  Objects move on every resize, and what they leave is overwritten.
 * Thread-safe, but for what it is told. */
#ifndef CAIRN_TESTS_SUPPORT_TIGHT_ALLOCATOR_H
#define CAIRN_TESTS_SUPPORT_TIGHT_ALLOCATOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cairn/allocator.h>

#include "support/child.h"

struct tight_allocator {
    size_t limit;     /* bytes that may be in use at once */
    size_t most;      /* bytes of one object; 0: any */
    size_t fail_at;   /* the number of the call that fails; 0: none */
    size_t fail_from; /* the same, and all after it */
    _Atomic(size_t) used;
    _Atomic(size_t) objects;
    _Atomic(size_t) calls; /* for memory */
};

struct tight_header {
    size_t size;
    size_t alignment;
    void *block;
    uint64_t magic;
};

#define TIGHT_MAGIC UINT64_C(0x7469676874206d65)

static inline struct tight_header *tight_header_of(void *object) {
    struct tight_header *header = (struct tight_header *)object - 1;
    REQUIRE(header->magic == TIGHT_MAGIC);
    return header;
}

static inline void *tight_take(struct tight_allocator *tight, size_t size, size_t alignment) {
    size_t call = ++tight->calls;
    bool refused = tight->fail_from != 0 && call >= tight->fail_from;
    if (refused || call == tight->fail_at || size > tight->limit - tight->used ||
        (tight->most != 0 && size > tight->most)) {
        return NULL;
    }
    size_t grain = alignment < 16 ? 16 : alignment;
    char *block = malloc(size + sizeof(struct tight_header) + 2 * grain);
    REQUIRE(block != NULL);
    uintptr_t object = ((uintptr_t)block + sizeof(struct tight_header) + grain) & ~(grain - 1);
    struct tight_header *header = (struct tight_header *)object - 1;
    *header = (struct tight_header){size, alignment, block, TIGHT_MAGIC};
    memset((void *)object, 0xA5, size);
    tight->used += size;
    tight->objects++;
    return (void *)object;
}

static inline void tight_give(struct tight_allocator *tight, void *object) {
    struct tight_header *header = tight_header_of(object);
    tight->used -= header->size;
    tight->objects--;
    header->magic = 0;
    memset(object, 0x5A, header->size);
    free(header->block);
}

static inline void *tight_resize(void *context, void *pointer, size_t old_size, size_t size,
                                 size_t alignment) {
    struct tight_allocator *tight = context;
    REQUIRE(pointer != NULL || old_size == 0);
    if (pointer != NULL) {
        const struct tight_header *header = tight_header_of(pointer);
        REQUIRE(header->size == old_size && header->alignment == alignment);
    }
    void *object = size == 0 ? NULL : tight_take(tight, size, alignment);
    if (pointer != NULL && (object != NULL || size == 0)) {
        if (object != NULL) {
            memcpy(object, pointer, old_size < size ? old_size : size);
        }
        tight_give(tight, pointer);
    }
    return object;
}

#define TIGHT_ALLOCATOR(tight) \
    { .resize = tight_resize, .context = (tight) }

#endif
