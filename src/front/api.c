/* The public functions of <cairn/cairn.h> and <cairn/tag.h>. */
#include <cairn/cairn.h>

#include "core/batch.h"
#include "core/idle.h"
#include "core/object.h"
#include "core/tag.h"
#include "core/trim.h"
#include "front/rules.h"
#include "guard/profile.h"

static SLOW_PATH void slow_cairn_free(void *pointer) { free_slow("cairn_free", pointer); }

static SLOW_PATH void slow_cairn_realloc(void *pointer) { free_slow("cairn_realloc", pointer); }

static SLOW_PATH void slow_cairn_recalloc(void *pointer) { free_slow("cairn_recalloc", pointer); }

static SLOW_PATH void slow_cairn_free_sized(void *pointer) {
    free_slow("cairn_free_sized", pointer);
}

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

CAIRN_EXPORT size_t cairn_good_size(size_t size) { return good_size(size); }

/* --- beyond C --------------------------------------------------------------------------------- */

CAIRN_EXPORT struct cairn_sized cairn_malloc_at_least(size_t size) {
    size_t good = good_size(size); /* 0: no object is as large, and malloc refuses */
    void *object = fast_allocate(good != 0 ? good : size);
    return (struct cairn_sized){object, object != NULL ? good : 0};
}

CAIRN_EXPORT bool cairn_expand(void *pointer, size_t size) {
    return pointer != NULL && resize_in_place("cairn_expand", pointer, size);
}

CAIRN_EXPORT void *cairn_recalloc(void *pointer, size_t old_count, size_t count, size_t size) {
    size_t bytes;
    if (!multiply(count, size, &bytes)) {
        return NULL;
    }
    if (pointer == NULL) {
        return fast_allocate_zeroed(bytes);
    }
    size_t old_bytes;
    if (__builtin_mul_overflow(old_count, size, &old_bytes)) {
        old_bytes = SIZE_MAX; /* more than any object has */
    }
    if (bytes != 0) {
        return reallocate_zeroed("cairn_recalloc", pointer, old_bytes, bytes);
    }
    require_size("cairn_recalloc", pointer, old_bytes);
    fast_free(pointer, slow_cairn_recalloc);
    return NULL;
}

/* Whether it is an object of a slab of the caller's and as large as that: mostly so, and known from
 * what freeing looks at anyway. */
static inline bool is_own_of(const void *pointer, size_t size) {
    uintptr_t address = (uintptr_t)pointer;
    if (!address_is_mappable(address)) {
        return false;
    }
    const struct chunk *chunk = chunk_of(address);
    return chunk_owner(chunk) == heap_distance && size <= slab_class(chunk)->size;
}

CAIRN_EXPORT void cairn_free_sized(void *pointer, size_t size) {
    if (unlikely(!is_own_of(pointer, size))) {
        require_size("cairn_free_sized", pointer, size);
    }
    fast_free(pointer, slow_cairn_free_sized);
}

CAIRN_EXPORT size_t cairn_malloc_batch(size_t size, size_t count, void **pointers) {
    return batch_allocate(size, count, pointers);
}

CAIRN_EXPORT void cairn_free_batch(void *const *pointers, size_t count) {
    batch_free("cairn_free_batch", pointers, count);
}

/* --- tags ------------------------------------------------------------------------------------- */

CAIRN_EXPORT struct cairn_tag_scope cairn_tag_enter(struct cairn_tag *tag) {
    return tag_enter(tag);
}

CAIRN_EXPORT void cairn_tag_leave(struct cairn_tag_scope *scope) {
    tag_leave("cairn_tag_leave", scope);
}

CAIRN_EXPORT void cairn_tags_each(void (*visit)(void *, const struct cairn_tag_view *),
                                  void *context) {
    tag_visit_each(visit, context);
}

/* --- looking, giving back --------------------------------------------------------------------- */

CAIRN_EXPORT bool cairn_is_mine(const void *address) {
    struct object object;
    struct finding finding;
    return object_find(address, &object, &finding) == FOUND_LIVE;
}

CAIRN_EXPORT size_t cairn_purge(void) { return trim(); }

CAIRN_EXPORT void cairn_thread_idle(void) { idle(); }

CAIRN_EXPORT const char *cairn_profile(void) { return profile_name(); }

CAIRN_EXPORT const char *cairn_version(void) { return CAIRN_VERSION; }
