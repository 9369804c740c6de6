#include "core/allocate.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "core/background.h"
#include "core/fast.h"
#include "core/holes.h"
#include "core/interceptor.h"
#include "core/large.h"
#include "core/limit.h"
#include "core/object.h"
#include "core/remote.h"
#include "os/os.h"

/* An alignment above it can't be satisfied in 48 bits of address. */
#define ALIGNMENT_MAX ((size_t)1 << 40)

static void *out_of_memory(void) {
    errno = ENOMEM;
    return NULL;
}

struct large_requests large_requests;

/* --- allocating ------------------------------------------------------------------------------- */

static void note(struct requests *requests, size_t size) {
    requests->count++;
    requests->bytes += size;
}

/* A request that is made again where the hard limit stood in its way. */
struct request {
    size_t size, alignment;
    bool *zeroed;
};

static void *take_small_once(size_t size, bool *zeroed) {
    unsigned class = class_of(size);
    struct heap *heap = likely(heap_distance != 0) ? heap_self() : threads_attach();
    if (unlikely(heap == NULL)) {
        return threads_take_late(class, zeroed);
    }
    void *object = likely(heap->guard == NULL) ? heap_take_slow(heap, class, true, zeroed)
                                               : heap_take_at_random(heap, class, true, zeroed);
    if (likely(object != NULL)) {
        note(&heap->requests[class], size);
    }
    return object;
}

static void *take_small_again(void *request) {
    const struct request *again = request;
    return take_small_once(again->size, again->zeroed);
}

void *take_small(size_t size, bool *zeroed) {
    void *object = take_small_once(size, zeroed);
    if (unlikely(object == NULL)) {
        struct request request = {size, GRANULE, zeroed};
        object = limit_insist(take_small_again, &request, size);
    }
    background_watch();
    return likely(object != NULL) ? object : out_of_memory();
}

void note_large(size_t size) {
    (void)atomic_fetch_add_explicit(&large_requests.count, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&large_requests.bytes, size, memory_order_relaxed);
    size_t bytes = round_up(size, os_page_size());
    (void)atomic_fetch_add_explicit(&large_requests.rounded_bytes, bytes, memory_order_relaxed);
    if (heap_distance != 0) {
        struct heap_counters *counters = &heap_self()->counters;
        counters->large_objects++;
        counters->large_bytes += bytes;
    }
}

static void *take_large_again(void *request) {
    const struct request *again = request;
    return large_allocate(again->size, again->alignment, again->zeroed);
}

void *take_large(size_t size, size_t alignment, bool *zeroed) {
    if (size > REQUEST_MAX || alignment > ALIGNMENT_MAX) {
        return out_of_memory();
    }
    struct request request = {size, alignment, zeroed};
    void *object = take_large_again(&request);
    if (unlikely(object == NULL)) {
        object = limit_insist(take_large_again, &request, size);
    }
    if (unlikely(object == NULL)) {
        return out_of_memory();
    }
    note_large(size);
    background_watch();
    return object;
}

void *allocate_slow(size_t size) {
    if (unlikely(interceptor != NULL)) {
        return interceptor->allocate(size, GRANULE, false);
    }
    bool zeroed;
    return size <= SLAB_MAX ? take_small(size, &zeroed) : take_large(size, CHUNK_SIZE, &zeroed);
}

void *allocate_zeroed_slow(size_t size) {
    if (unlikely(interceptor != NULL)) {
        return interceptor->allocate(size, GRANULE, true);
    }
    bool zeroed = false;
    void *object =
        size <= SLAB_MAX ? take_small(size, &zeroed) : take_large(size, CHUNK_SIZE, &zeroed);
    if (object != NULL && !zeroed) {
        memset(object, 0, size);
    }
    return object;
}

size_t aligned_room(size_t size, size_t alignment) {
    if (size <= SLAB_MAX && alignment <= SLAB_MAX) {
        for (unsigned c = class_of(size); c < CLASS_COUNT; c++) {
            if (size_classes[c].size % alignment == 0) {
                return size_classes[c].size;
            }
        }
    }
    return 0;
}

void *allocate_aligned(size_t alignment, size_t size) {
    if (alignment <= GRANULE) {
        return fast_allocate(size);
    }
    if (unlikely(interceptor != NULL)) {
        return interceptor->allocate(size, alignment, false);
    }
    size_t room = aligned_room(size, alignment);
    if (room != 0) {
        return fast_allocate(room);
    }
    bool zeroed;
    return take_large(size == 0 ? 1 : size, alignment < CHUNK_SIZE ? CHUNK_SIZE : alignment,
                      &zeroed);
}

/* --- freeing ---------------------------------------------------------------------------------- */

/* An object of a slab that is not the caller's, or is and is full.  False: there is none at this
 * address, or it was free already. */
bool free_object(struct chunk *slab, uint64_t index) {
    uintptr_t owner = chunk_owner(slab);
    if (owner_heap(owner) != own_distance()) {
        return remote_free(slab, index);
    }
    if (owner != own_distance()) {
        return heap_free_into_full(heap_self(), slab, index);
    }
    enum freed freed = slab_free_object(slab, index);
    if (unlikely(freed == FREED_ALL_OF_WORD)) {
        unsigned class = slab->class;
        heap_word_freed(heap_self(), slab);
        holes_look(heap_self(), class);
    }
    return freed != FREED_TWICE;
}

static bool free_in_slab(uintptr_t address) {
    struct chunk *slab = address_is_mappable(address) ? chunk_of(address) : NULL;
    if (slab == NULL || !chunk_is(slab, CHUNK_SLAB)) {
        return false;
    }
    bool exact;
    uint64_t index = object_index(slab, address, &exact);
    if (!exact || index >= slab_class(slab)->capacity) {
        return false;
    }
    return free_object(slab, index);
}

void free_ordinary(const char *function, void *pointer) {
    if (free_in_slab((uintptr_t)pointer)) {
        return;
    }
    struct object object;
    struct finding finding;
    bool was_live = object_find(pointer, &object, &finding) == FOUND_LIVE &&
                    chunk_is(object.chunk, CHUNK_LARGE) && large_free(object.chunk);
    if (!was_live) {
        (void)object_find(pointer, &object, &finding);
        report_finding(function, &finding);
    }
}

void free_slow(const char *function, void *pointer) {
    if (pointer == NULL) {
        return;
    }
    if (unlikely(interceptor != NULL)) {
        interceptor->free(function, pointer);
        return;
    }
    free_ordinary(function, pointer);
}

void free_emptied(void *pointer) {
    struct chunk *slab = chunk_of((uintptr_t)pointer);
    unsigned class = slab->class;
    heap_word_freed(heap_self(), slab);
    holes_look(heap_self(), class);
}

static void free_for_realloc(void *pointer) { free_slow("realloc", pointer); }

/* --- resizing --------------------------------------------------------------------------------- */

/* An object that shrinks to less than half of its room moves to a smaller one. */
static bool fits_well(size_t size, size_t usable) { return size <= usable && size >= usable / 2; }

/* Where it is, or by moving pages; the copying is the caller's.  NULL: it has to be copied. */
static void *resize_without_copy(const struct object *object, size_t size, size_t *zeroed_from) {
    *zeroed_from = SIZE_MAX;
    if (chunk_is(object->chunk, CHUNK_LARGE) && size > SLAB_MAX) {
        return large_resize(object->chunk, size, zeroed_from);
    }
    return NULL;
}

void *reallocate(const char *function, void *pointer, size_t size) {
    if (unlikely(interceptor != NULL)) {
        return interceptor->reallocate(function, pointer, SIZE_MAX, size);
    }
    struct object object = object_require(function, pointer);
    if (fits_well(size, object.usable)) {
        return pointer;
    }
    if (size > REQUEST_MAX) {
        return out_of_memory();
    }
    size_t zeroed_from;
    void *resized = resize_without_copy(&object, size, &zeroed_from);
    if (resized != NULL) {
        return resized;
    }
    void *copy = fast_allocate(size);
    if (copy == NULL) {
        return size <= object.usable ? pointer : NULL;
    }
    memcpy(copy, pointer, size < object.usable ? size : object.usable);
    fast_free(pointer, free_for_realloc);
    return copy;
}

/* Clears [from, to). */
static void *clear(void *pointer, size_t from, size_t to) {
    if (from < to) {
        memset((char *)pointer + from, 0, to - from);
    }
    return pointer;
}

/* Only what is not copied over is cleared, and only if it has to be. */
static void *copy_zeroed(void *pointer, size_t old_size, size_t size) {
    bool zeroed;
    void *copy;
    if (size <= SLAB_MAX) {
        copy = fast_allocate(size);
        zeroed = bin_for(size)->zeroed != 0; /* it came from there just now */
    } else {
        copy = take_large(size, CHUNK_SIZE, &zeroed);
    }
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, pointer, old_size < size ? old_size : size);
    fast_free(pointer, free_for_realloc);
    return zeroed ? copy : clear(copy, old_size, size);
}

void *reallocate_zeroed(const char *function, void *pointer, size_t old_size, size_t size) {
    struct object object = object_require(function, pointer);
    if (old_size > object.usable) {
        report_wrong_size(function, (uintptr_t)pointer, object.usable, old_size);
    }
    if (unlikely(interceptor != NULL)) {
        return interceptor->reallocate(function, pointer, old_size, size);
    }
    if (fits_well(size, object.usable)) {
        return clear(pointer, old_size, size);
    }
    if (size > REQUEST_MAX) {
        return out_of_memory();
    }
    size_t zeroed_from;
    void *resized = resize_without_copy(&object, size, &zeroed_from);
    if (resized != NULL) {
        return clear(resized, old_size, size < zeroed_from ? size : zeroed_from);
    }
    void *copy = copy_zeroed(pointer, old_size, size);
    return copy == NULL && size <= object.usable ? clear(pointer, old_size, size) : copy;
}

bool resize_in_place(const char *function, void *pointer, size_t size) {
    if (unlikely(interceptor != NULL)) {
        return interceptor->resize_in_place(function, pointer, size);
    }
    struct object object = object_require(function, pointer);
    size_t zeroed_from;
    if (chunk_is(object.chunk, CHUNK_LARGE)) {
        return size <= REQUEST_MAX &&
               large_resize_in_place(object.chunk, size == 0 ? 1 : size, &zeroed_from);
    }
    return size <= object.usable;
}

/* --- sizes ------------------------------------------------------------------------------------ */

size_t usable_size(const char *function, const void *pointer) {
    return pointer == NULL ? 0 : object_require(function, pointer).usable;
}

size_t good_size(size_t size) {
    if (unlikely(interceptor != NULL)) {
        return size <= REQUEST_MAX - os_page_size() ? size : 0;
    }
    if (size <= SLAB_MAX) {
        return size_classes[class_of(size)].size;
    }
    size_t page = os_page_size();
    return size <= REQUEST_MAX - page ? round_up(size, page) : 0;
}

void require_size(const char *function, const void *pointer, size_t size) {
    struct object object;
    struct finding finding;
    if (object_find(pointer, &object, &finding) == FOUND_LIVE && size > object.usable) {
        report_wrong_size(function, (uintptr_t)pointer, object.usable, size);
    }
}
