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
#include "core/offer.h"
#include "core/remote.h"
#include "core/sampling.h"
#include "core/shared_heap.h"
#include "os/os.h"

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
    unsigned class; /* CLASS_COUNT: large */
};

/* One that may be a sample, or cut its handful short for one. */
static SLOW_PATH void *take_near_sample(struct heap *heap, unsigned class,
                                        const struct request *request) {
    void *sample = sampling_take(heap, class, request->size, request->alignment);
    if (sample != NULL) {
        *request->zeroed = false;
        return sample;
    }
    void *object = heap_take_slow(heap, class, true, request->zeroed);
    sampling_cut(heap, class);
    return object;
}

static void *take_small_once(const struct request *request) {
    unsigned class = request->class;
    struct heap *heap = likely(heap_distance != 0) ? heap_self() : threads_attach();
    if (unlikely(heap == NULL)) {
        return threads_take_late(class, request->zeroed);
    }
    if (unlikely(heap->guard != NULL)) {
        void *any = heap_take_at_random(heap, class, true, request->zeroed);
        if (any != NULL) {
            note(&heap->queues[class].requests, request->size);
        }
        return any;
    }
    void *object = heap->shared == NULL && sampling_may_be_due(heap, class)
                       ? take_near_sample(heap, class, request)
                       : heap_take_slow(heap, class, true, request->zeroed);
    if (unlikely(object == NULL && heap->shared != NULL)) {
        heap_flush(heap); /* its limit may be reached with slabs of other classes that are empty */
        object = heap_take_slow(heap, class, true, request->zeroed);
    }
    if (likely(object != NULL)) {
        note(&heap->queues[class].requests, request->size);
    }
    return object;
}

static void *take_small_again(void *request) { return take_small_once(request); }

static void *take_small_aligned(unsigned class, size_t size, size_t alignment, bool *zeroed) {
    struct request request = {size, alignment, zeroed, class};
    void *object = take_small_once(&request);
    if (unlikely(object == NULL)) {
        object = limit_insist(take_small_again, &request, size);
    }
    background_watch();
    return likely(object != NULL) ? object : out_of_memory();
}

void *take_small(size_t size, bool *zeroed) {
    return take_small_aligned(class_of(size), size, GRANULE, zeroed);
}

/* take_small() for a thread without an interceptor, in one piece where nothing is special. */
static inline void *take_plain(size_t size, bool *zeroed) {
    unsigned class = class_of(size);
    struct heap *heap = heap_self();
    if (likely(heap_distance != 0 && !sampling_may_be_due(heap, class))) {
        void *object = heap_take_slow(heap, class, true, zeroed);
        if (likely(object != NULL)) {
            note(&heap->queues[class].requests, size);
            background_watch();
            return object;
        }
    }
    return take_small_aligned(class, size, GRANULE, zeroed);
}

void large_requests_note(size_t size) {
    (void)atomic_fetch_add_explicit(&large_requests.count, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&large_requests.bytes, size, memory_order_relaxed);
    size_t bytes = round_up(size, os_page_size());
    (void)atomic_fetch_add_explicit(&large_requests.rounded_bytes, bytes, memory_order_relaxed);
}

void note_large(size_t size) {
    if (likely(heap_distance != 0)) {
        struct heap_counters *counters = &heap_self()->counters;
        counters->large_objects++;
        counters->large_bytes += round_up(size, os_page_size());
        counters->large_asked += size;
    } else {
        large_requests_note(size);
    }
}

static void *take_large_again(void *request) {
    const struct request *again = request;
    size_t alignment = again->alignment < CHUNK_SIZE ? CHUNK_SIZE : again->alignment;
    return large_allocate(again->size, alignment, again->zeroed);
}

static SLOW_PATH void *sample_large(const struct request *request) {
    struct heap *heap = heap_distance != 0 ? heap_self() : threads_attach();
    if (heap == NULL || heap->shared != NULL || heap->guard != NULL) {
        return NULL;
    }
    *request->zeroed = false;
    return sampling_take(heap, CLASS_COUNT, request->size, request->alignment);
}

void *take_large(size_t size, size_t alignment, bool *zeroed) {
    if (size > REQUEST_MAX || alignment > ALIGNMENT_MAX) {
        return out_of_memory();
    }
    struct request request = {size, alignment, zeroed, CLASS_COUNT};
    void *sample = sampling_is_on() ? sample_large(&request) : NULL;
    if (unlikely(sample != NULL)) {
        return sample;
    }
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

/* Not while the thread's requests go to a first-class heap, which has no guards. */
static bool is_intercepted(void) {
    return interceptor != NULL &&
           (likely(distance_is_closed(heap_distance)) || heap_self()->shared == NULL);
}

static inline void *take_plain_of_any_size(size_t size, bool *zeroed) {
    return likely(size <= SLAB_MAX) ? take_plain(size, zeroed) : take_large(size, GRANULE, zeroed);
}

/* Without an interceptor.  Not inline, so that the way to one saves no registers. */
static __attribute__((noinline)) void *allocate_plain(size_t size) {
    bool zeroed;
    return take_plain_of_any_size(size, &zeroed);
}

static __attribute__((noinline)) void *allocate_otherwise(size_t size) {
    return unlikely(is_intercepted()) ? interceptor->allocate(size, GRANULE, false)
                                      : allocate_plain(size);
}

static __attribute__((noinline)) void *allocate_growing(struct heap *heap, unsigned class,
                                                        size_t size) {
    note(&heap->queues[class].requests, size);
    return heap_take_growing(heap, class);
}

/* Most refills are made here, without a call; what else may be is looked at where it is not so. */
void *allocate_slow(size_t size) {
    if (likely(size <= SLAB_MAX && interceptor == NULL)) {
        unsigned class = class_of(size);
        struct heap *heap = heap_at(heap_distance); /* without an interceptor none is closed */
        const struct chunk *slab = heap_goes_on(heap, class);
        if (likely(slab != NULL && !sampling_may_be_due(heap, class))) {
            if (slab_is_growing(slab)) {
                return allocate_growing(heap, class, size);
            }
            void *object = heap_take_swept(heap, class);
            if (likely(object != NULL)) {
                note(&heap->queues[class].requests, size);
                return object;
            }
        }
    }
    return allocate_otherwise(size);
}

void *allocate_zeroed_slow(size_t size) {
    if (unlikely(is_intercepted())) {
        return interceptor->allocate(size, GRANULE, true);
    }
    bool zeroed = false;
    void *object = take_plain_of_any_size(size, &zeroed);
    if (object != NULL && !zeroed) {
        memset(object, 0, size);
    }
    return object;
}

size_t aligned_room(size_t size, size_t alignment) {
    bool is_small = size <= SLAB_MAX && alignment <= SLAB_MAX;
    unsigned class = is_small ? aligned_class_of(alignment, size) : CLASS_COUNT;
    return class < CLASS_COUNT ? size_classes[class].size : 0;
}

void *allocate_aligned(size_t alignment, size_t size) {
    if (alignment <= GRANULE) {
        return fast_allocate(size);
    }
    if (unlikely(is_intercepted())) {
        return interceptor->allocate(size, alignment, false);
    }
    if (size <= SLAB_MAX && alignment <= SLAB_MAX) {
        unsigned class = aligned_class_of(alignment, size);
        if (class < CLASS_COUNT) {
            struct bin *bin = &heap_self()->bins[class];
            uint64_t avail = owner_word_read(bin->avail);
            bool zeroed;
            return likely(avail != 0) ? bin_take(bin, avail)
                                      : take_small_aligned(class, size, alignment, &zeroed);
        }
    }
    bool zeroed;
    return take_large(size == 0 ? 1 : size, alignment, &zeroed);
}

/* --- freeing ---------------------------------------------------------------------------------- */

bool free_object(struct chunk *slab, uint64_t index) {
    return owner_heap(chunk_owner(slab)) == own_distance() ? heap_free(heap_self(), slab, index)
                                                           : remote_free(slab, index);
}

FAST_PATH bool free_in_slab(uintptr_t address);

/* Of a first-class heap, which the calling thread does not lease.  As free_in_slab(). */
static __attribute__((noinline)) bool free_in_shared_heap(struct chunk *slab, uintptr_t owner,
                                                          uintptr_t address) {
    enum shared_freed freed = shared_heap_free(slab, owner, address);
    return freed == SHARED_MOVED ? free_in_slab(address) : freed == SHARED_FREED;
}

/* An object of a slab, mostly one that is not the caller's, or is and is full.  False: there is
 * none at this address (behind the last one bits are set for ever), or it was free already. */
FAST_PATH bool free_in_slab(uintptr_t address) {
    struct chunk *slab =
        likely(address_is_mappable(address)) ? slab_of_chunk(chunk_of(address)) : NULL;
    if (slab == NULL) {
        return false;
    }
    bool exact;
    uint64_t index = object_index(slab, address, &exact);
    if (unlikely(!exact)) {
        return false;
    }
    uintptr_t owner = chunk_owner(slab);
    if (owner_heap(owner) == own_distance()) {
        return heap_free(heap_self(), slab, index);
    }
    return likely(shared_heap_of_owner(owner) == NULL) ? remote_free(slab, index)
                                                       : free_in_shared_heap(slab, owner, address);
}

/* What is in no slab, or nothing at all. */
static __attribute__((noinline)) void free_elsewhere(const char *function, void *pointer) {
    const struct sample_source *source = sampling_source_of((uintptr_t)pointer);
    if (source != NULL) {
        source->give(function, (uintptr_t)pointer);
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

__attribute__((noinline)) void free_ordinary(const char *function, void *pointer) {
    if (!free_in_slab((uintptr_t)pointer)) {
        free_elsewhere(function, pointer);
    }
}

/* Tells an interceptor first what the program claims, then that the object is free. */
static __attribute__((noinline)) void free_judged(const char *function, void *pointer,
                                                  const struct claim *claim) {
    interceptor->judge(function, pointer, claim);
    interceptor->free(function, pointer);
}

static __attribute__((noinline)) void free_by_malloc_judged(const char *function, void *pointer) {
    free_judged(function, pointer, &(struct claim){FORM_MALLOC, CLAIM_NONE, CLAIM_NONE});
}

void free_slow(const char *function, void *pointer) {
    if (pointer == NULL) {
        return;
    }
    if (likely(interceptor == NULL)) {
        free_ordinary(function, pointer);
    } else if (interceptor->judge == NULL) {
        interceptor->free(function, pointer);
    } else {
        free_by_malloc_judged(function, pointer);
    }
}

void free_claimed(const char *function, void *pointer, enum form form, size_t size,
                  size_t alignment) {
    if (interceptor == NULL || interceptor->judge == NULL || pointer == NULL) {
        free_slow(function, pointer);
    } else {
        free_judged(function, pointer, &(struct claim){form, size, alignment});
    }
}

void free_emptied(void *pointer) {
    struct chunk *slab = slab_of_chunk(chunk_of((uintptr_t)pointer));
    unsigned class = slab->class;
    heap_word_freed(heap_self(), slab);
    holes_look(heap_self(), class);
}

static void free_for_realloc(void *pointer) { free_slow("realloc", pointer); }

/* --- resizing --------------------------------------------------------------------------------- */

/* An object that shrinks to less than half of its room moves to a smaller one. */
static bool fits_well(size_t size, size_t usable) { return size <= usable && size >= usable / 2; }

/* The bytes behind a sample's last one are watched, so it does not shrink where it is. */
static bool is_sample_of_other_size(const void *pointer, const struct object *object, size_t size) {
    return sampling_source_of((uintptr_t)pointer) != NULL && size != object->usable;
}

/* Where it is, or by moving pages; the copying is the caller's.  NULL: it has to be copied. */
static void *resize_without_copy(const struct object *object, size_t size, size_t *zeroed_from) {
    *zeroed_from = SIZE_MAX;
    if (chunk_is(object->chunk, CHUNK_LARGE) && size > SLAB_MAX) {
        return large_resize(object->chunk, size, zeroed_from);
    }
    return NULL;
}

/* An object of a first-class heap stays in its heap; any other comes to where the thread's malloc
 * does. */
static void *allocate_beside(const struct object *object, size_t size, bool *zeroed) {
    struct shared_heap *heap = shared_heap_of(object->chunk);
    if (unlikely(heap != NULL && &heap->heap != heap_self())) {
        void *beside = shared_heap_allocate(heap, size, GRANULE, zeroed);
        return beside != NULL ? beside : out_of_memory();
    }
    if (size > SLAB_MAX) {
        return take_large(size, GRANULE, zeroed);
    }
    struct bin *bin = bin_for(size);
    uint64_t avail = owner_word_read(bin->avail);
    *zeroed = bin->zeroed != 0;
    return likely(avail != 0) ? bin_take(bin, avail) : take_small(size, zeroed);
}

/* Objects of first-class heaps are none of an interceptor's. */
static bool is_interceptors(const void *pointer) {
    uintptr_t address = (uintptr_t)pointer;
    return interceptor != NULL &&
           (!address_is_mappable(address) || shared_heap_of(chunk_of(address)) == NULL);
}

/* Clears [from, to). */
static void *clear(void *pointer, size_t from, size_t to) {
    if (from < to) {
        memset((char *)pointer + from, 0, to - from);
    }
    return pointer;
}

/* Of an interceptor's object, while the thread's requests go to a first-class heap: a copy comes to
 * there, as what malloc gives does. */
static void *reallocate_into_heap(const char *function, void *pointer, size_t old_size,
                                  size_t size) {
    size_t usable = object_require(function, pointer).usable;
    size_t kept = old_size < usable ? old_size : usable;
    bool zeroed = old_size != SIZE_MAX;
    if (size > REQUEST_MAX) {
        return out_of_memory();
    }
    if (size >= usable / 2 && interceptor->resize_in_place(function, pointer, size)) {
        return zeroed ? clear(pointer, kept, size) : pointer;
    }
    void *copy = zeroed ? fast_allocate_zeroed(size) : fast_allocate(size);
    if (copy != NULL) {
        memcpy(copy, pointer, kept < size ? kept : size);
        free_slow(function, pointer);
    }
    return copy;
}

static void *reallocate_interceptors(const char *function, void *pointer, size_t old_size,
                                     size_t size) {
    return is_intercepted() ? interceptor->reallocate(function, pointer, old_size, size)
                            : reallocate_into_heap(function, pointer, old_size, size);
}

void *reallocate(const char *function, void *pointer, size_t size) {
    if (unlikely(is_interceptors(pointer))) {
        return reallocate_interceptors(function, pointer, SIZE_MAX, size);
    }
    struct object object = object_require(function, pointer);
    if (fits_well(size, object.usable) && !is_sample_of_other_size(pointer, &object, size)) {
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
    bool zeroed;
    void *copy = allocate_beside(&object, size, &zeroed);
    if (copy == NULL) {
        return size <= object.usable ? pointer : NULL;
    }
    memcpy(copy, pointer, size < object.usable ? size : object.usable);
    fast_free(pointer, free_for_realloc);
    return copy;
}

/* Only what is not copied over is cleared, and only if it has to be. */
static void *copy_zeroed(const struct object *object, void *pointer, size_t old_size, size_t size) {
    bool zeroed;
    void *copy = allocate_beside(object, size, &zeroed);
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
    if (unlikely(is_interceptors(pointer))) {
        return reallocate_interceptors(function, pointer, old_size, size);
    }
    if (fits_well(size, object.usable) && !is_sample_of_other_size(pointer, &object, size)) {
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
    void *copy = copy_zeroed(&object, pointer, old_size, size);
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
