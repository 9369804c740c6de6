/* The heap behind the allocator interface. */
#include <cairn/allocator.h>

#include <string.h>

#include "core/fast.h"
#include "core/report.h"

static SLOW_PATH void slow_release(void *pointer) { free_slow("cairn_release", pointer); }

/* An alignment beyond what every object has: resizing must keep it, which realloc does not. */
static void *resize_aligned(void *pointer, size_t old_size, size_t size, size_t alignment) {
    void *resized = allocate_aligned(alignment, size);
    if (resized != NULL && pointer != NULL) {
        memcpy(resized, pointer, old_size < size ? old_size : size);
        fast_free(pointer, slow_release);
    }
    return resized;
}

static void *heap_resize(void *context, void *pointer, size_t old_size, size_t size,
                         size_t alignment) {
    (void)context;
    require_alignment("cairn_resize", pointer, alignment);
    if (size == 0) {
        fast_free(pointer, slow_release);
        return NULL;
    }
    if (alignment > GRANULE) {
        return resize_aligned(pointer, old_size, size, alignment);
    }
    return pointer == NULL ? fast_allocate(size) : reallocate("cairn_resize", pointer, size);
}

CAIRN_EXPORT const struct cairn_allocator cairn_heap_allocator = {.resize = heap_resize};
