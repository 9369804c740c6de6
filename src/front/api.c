/* The public functions of <cairn/cairn.h>. */
#include <cairn/cairn.h>

#include "base/bits.h"
#include "core/idle.h"
#include "core/object.h"
#include "core/trim.h"
#include "front/rules.h"
#include "os/os.h"

static SLOW_PATH void slow_cairn_free(void *pointer) { free_slow("cairn_free", pointer); }

static SLOW_PATH void slow_cairn_realloc(void *pointer) { free_slow("cairn_realloc", pointer); }

static const struct called called_cairn_realloc = {"cairn_realloc", slow_cairn_realloc};

CAIRN_EXPORT void *cairn_malloc(size_t size) { return fast_allocate(size); }

CAIRN_EXPORT void *cairn_calloc(size_t count, size_t size) { return rules_calloc(count, size); }

CAIRN_EXPORT void *cairn_realloc(void *pointer, size_t size) {
    return rules_realloc(&called_cairn_realloc, pointer, size);
}

CAIRN_EXPORT void *cairn_aligned_alloc(size_t alignment, size_t size) {
    return rules_aligned_alloc(alignment, size);
}

CAIRN_EXPORT void cairn_free(void *pointer) { fast_free(pointer, slow_cairn_free); }

CAIRN_EXPORT size_t cairn_usable_size(const void *pointer) {
    return usable_size("cairn_usable_size", pointer);
}

CAIRN_EXPORT size_t cairn_good_size(size_t size) {
    if (size <= SLAB_MAX) {
        return size_classes[class_of(size)].size;
    }
    size_t page = os_page_size();
    return size <= REQUEST_MAX - page ? round_up(size, page) : 0;
}

CAIRN_EXPORT bool cairn_is_mine(const void *address) {
    struct object object;
    struct finding finding;
    return object_find(address, &object, &finding) == FOUND_LIVE;
}

CAIRN_EXPORT size_t cairn_purge(void) { return trim(); }

CAIRN_EXPORT void cairn_thread_idle(void) { idle(); }

CAIRN_EXPORT const char *cairn_version(void) { return CAIRN_VERSION; }
