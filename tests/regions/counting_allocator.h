/* An allocator that counts what it has given out, and fails when told to. */
#ifndef CAIRN_TESTS_REGIONS_COUNTING_ALLOCATOR_H
#define CAIRN_TESTS_REGIONS_COUNTING_ALLOCATOR_H

#include <cairn/allocator.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counting {
    _Atomic(size_t) bytes;
    _Atomic(long) left; /* allocations until they fail; below 0: they never do */
};

static inline void *counting_resize(void *context, void *pointer, size_t old_size, size_t size,
                                    size_t alignment) {
    struct counting *counting = context;
    if (size == 0) {
        counting->bytes -= old_size;
        free(pointer);
        return NULL;
    }
    if (counting->left == 0) {
        return NULL;
    }
    if (counting->left > 0) {
        counting->left--;
    }
    size_t rounded = (size + alignment - 1) / alignment * alignment;
    void *memory = aligned_alloc(alignment < 16 ? 16 : alignment, rounded);
    if (memory != NULL) {
        counting->bytes += size;
    }
    return memory;
}

static inline struct cairn_allocator counting_allocator(struct counting *counting) {
    return (struct cairn_allocator){.resize = counting_resize, .context = counting};
}

#endif
