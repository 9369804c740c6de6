/* First-class heaps by their public names: checks, C's rules, and which of two makes a heap is of:
 * core/shared_heap.h, or fixed_heap.h in caller memory. */
#include "regions/heap.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "core/allocate.h"
#include "core/chunk_map.h"
#include "core/interceptor.h"
#include "core/metadata.h"
#include "core/object.h"
#include "core/shared_heap.h"
#include "core/threads.h"
#include "regions/fixed_heap.h"
#include "regions/registry.h"

enum { HANDLE_LINES = (sizeof(struct cairn_heap) + CACHE_LINE - 1) / CACHE_LINE };

static void *out_of_memory(void) {
    errno = ENOMEM;
    return NULL;
}

/* --- reports ---------------------------------------------------------------------------------- */

static void require_live(const struct cairn_heap *heap, const char *function) {
    uint32_t state = atomic_load_explicit(&heap->state, memory_order_relaxed);
    if (unlikely(state != HEAP_HANDLE_LIVE)) {
        report_misuse(function, heap,
                      state == HEAP_HANDLE_DESTROYED ? "use of a heap that was destroyed"
                                                     : "use of what is no heap");
    }
}

_Noreturn void heap_report_foreign(const struct cairn_heap *heap, const char *function,
                                   const void *pointer) {
    struct text text;
    report_begin(&text, function, (uintptr_t)pointer);
    text_string(&text, "pointer that is no object of ");
    registry_describe(&text, &heap->region);
    report_end(&text);
}

static bool is_member(const struct cairn_heap *heap, const void *pointer) {
    uintptr_t address = (uintptr_t)pointer;
    return address_is_mappable(address) && shared_heap_of(chunk_of(address)) == heap->shared;
}

/* That the pointer is an object of the heap's, live or not, or is at least in one of its slabs:
 * whoever frees or resizes it finds out. */
static void require_member(const struct cairn_heap *heap, const char *function,
                           const void *pointer) {
    if (unlikely(!is_member(heap, pointer))) {
        (void)object_require(function, pointer);
        heap_report_foreign(heap, function, pointer);
    }
}

/* --- beginning and end ------------------------------------------------------------------------ */

static size_t bytes_of(size_t chunks) { return chunks * CHUNK_SIZE; }

static struct cairn_heap_figures figures_of(struct cairn_heap *heap) {
    if (heap->fixed != NULL) {
        return fixed_heap_figures(heap->fixed);
    }
    struct shared_heap_figures figures = shared_heap_figures(heap->shared);
    size_t held = bytes_of(figures.chunks); /* read before the objects were counted */
    return (struct cairn_heap_figures){
        .objects = figures.objects,
        .used = figures.bytes < held ? figures.bytes : held,
        .slabs = figures.slabs,
        .large = figures.large,
        .held = held,
        .peak = bytes_of(figures.peak),
        .limit = bytes_of(figures.limit),
    };
}

static void read_usage(const struct cairn_region *region, struct cairn_region_usage *usage) {
    struct cairn_heap *heap =
        (struct cairn_heap *)((uintptr_t)region - offsetof(struct cairn_heap, region));
    struct cairn_heap_figures figures = figures_of(heap);
    usage->used = figures.used;
    usage->reserved = figures.held;
    usage->peak = figures.peak > figures.used ? figures.peak : figures.used;
}

static void start(struct cairn_heap *heap, const char *name, bool is_listed) {
    heap->region = (struct cairn_region){.name = name, .kind = "heap", .read = read_usage};
    heap->is_listed = is_listed;
    atomic_store_explicit(&heap->state, HEAP_HANDLE_LIVE, memory_order_relaxed);
    if (is_listed) {
        registry_add(&heap->region);
    }
}

static size_t chunks_of(size_t bytes) {
    size_t chunks = bytes / CHUNK_SIZE;
    return bytes != 0 && chunks == 0 ? 1 : chunks;
}

CAIRN_EXPORT struct cairn_heap *cairn_heap_create(const struct cairn_heap_options *options) {
    static const struct cairn_heap_options none;
    options = options == NULL ? &none : options;
    struct cairn_heap *heap = metadata_take(HANDLE_LINES);
    struct shared_heap *shared =
        heap == NULL ? NULL : shared_heap_create(chunks_of(options->limit));
    if (shared == NULL) {
        if (heap != NULL) {
            metadata_give(heap, HANDLE_LINES);
        }
        return out_of_memory();
    }
    shared->user = heap;
    heap->shared = shared;
    heap->fixed = NULL;
    start(heap, options->name, true);
    return heap;
}

CAIRN_EXPORT struct cairn_heap *cairn_heap_create_fixed(void *memory, size_t bytes,
                                                        const struct cairn_heap_options *options) {
    struct cairn_heap *heap = fixed_heap_create(memory, bytes);
    if (heap == NULL) {
        return out_of_memory();
    }
    const char *name = options == NULL ? NULL : options->name;
    start(heap, name, name != NULL);
    return heap;
}

/* Its memory is still there. */
static void say_destroyed(struct cairn_heap *heap) {
    if (heap->is_listed) {
        registry_remove(&heap->region);
    }
    atomic_store_explicit(&heap->state, HEAP_HANDLE_DESTROYED, memory_order_relaxed);
}

static void require_left(const struct cairn_heap *heap, const char *function) {
    require_live(heap, function);
    if (heap->shared != NULL && shared_heap_is_leased(heap->shared)) {
        report_misuse(function, heap, "this thread has a scope of the heap open; leave that first");
    }
}

CAIRN_EXPORT void cairn_heap_destroy(struct cairn_heap *heap) {
    if (heap == NULL) {
        return;
    }
    require_left(heap, "cairn_heap_destroy");
    struct shared_heap *shared = heap->shared;
    say_destroyed(heap);
    if (shared != NULL) {
        shared_heap_destroy(shared);
        metadata_give(heap, HANDLE_LINES);
    }
}

CAIRN_EXPORT bool cairn_heap_delete(struct cairn_heap *heap) {
    if (heap == NULL) {
        return true;
    }
    require_left(heap, "cairn_heap_delete");
    if (heap->fixed != NULL) {
        report_misuse("cairn_heap_delete", heap,
                      "objects in caller memory can't outlive their heap; destroy it");
    }
    /* First: a visitor of the list would read the figures of a heap that ended, or is another one
     * by then. */
    registry_remove(&heap->region);
    if (!shared_heap_dissolve(heap->shared)) {
        registry_add(&heap->region);
        return false;
    }
    say_destroyed(heap);
    metadata_give(heap, HANDLE_LINES);
    return true;
}

/* --- the malloc family ------------------------------------------------------------------------ */

static void *allocate(struct cairn_heap *heap, size_t size, size_t alignment, bool zero) {
    bool zeroed = false;
    void *object = heap->fixed != NULL
                       ? fixed_heap_allocate(heap->fixed, size, alignment)
                       : shared_heap_allocate(heap->shared, size, alignment, &zeroed);
    if (unlikely(object == NULL)) {
        return out_of_memory();
    }
    return zero && !zeroed ? memset(object, 0, size) : object;
}

CAIRN_EXPORT void *cairn_heap_malloc(struct cairn_heap *heap, size_t size) {
    require_live(heap, "cairn_heap_malloc");
    return allocate(heap, size, GRANULE, false);
}

CAIRN_EXPORT void *cairn_heap_calloc(struct cairn_heap *heap, size_t count, size_t size) {
    require_live(heap, "cairn_heap_calloc");
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? out_of_memory()
                                                       : allocate(heap, bytes, GRANULE, true);
}

CAIRN_EXPORT void *cairn_heap_aligned_alloc(struct cairn_heap *heap, size_t alignment,
                                            size_t size) {
    require_live(heap, "cairn_heap_aligned_alloc");
    if (!is_power_of_two(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    return allocate(heap, size, alignment, false);
}

/* A small object, with nobody between.  False: something else, or a mistake; nothing happened. */
static bool free_at_once(struct cairn_heap *heap, void *pointer) {
    uintptr_t address = (uintptr_t)pointer;
    if (unlikely(interceptor != NULL || !address_is_mappable(address))) {
        return false;
    }
    struct chunk *slab = chunk_of(address);
    uintptr_t owner = chunk_owner(slab);
    return chunk_is(slab, CHUNK_SLAB) && shared_heap_of_owner(owner) == heap->shared &&
           shared_heap_free(slab, owner, address) == SHARED_FREED;
}

static void free_in(struct cairn_heap *heap, const char *function, void *pointer) {
    if (heap->fixed != NULL) {
        fixed_heap_free(heap->fixed, function, pointer);
    } else if (unlikely(!free_at_once(heap, pointer))) {
        require_member(heap, function, pointer);
        free_slow(function, pointer);
    }
}

CAIRN_EXPORT void cairn_heap_free(struct cairn_heap *heap, void *pointer) {
    require_live(heap, "cairn_heap_free");
    if (pointer != NULL) {
        free_in(heap, "cairn_heap_free", pointer);
    }
}

static void *resize(struct cairn_heap *heap, const char *function, void *pointer, size_t size) {
    if (pointer == NULL) {
        return allocate(heap, size, GRANULE, false);
    }
    if (size == 0) {
        free_in(heap, function, pointer);
        return NULL;
    }
    if (heap->fixed != NULL) {
        void *resized = fixed_heap_resize(heap->fixed, function, pointer, size, GRANULE);
        return resized != NULL ? resized : out_of_memory();
    }
    require_member(heap, function, pointer);
    return reallocate(function, pointer, size);
}

CAIRN_EXPORT void *cairn_heap_realloc(struct cairn_heap *heap, void *pointer, size_t size) {
    require_live(heap, "cairn_heap_realloc");
    return resize(heap, "cairn_heap_realloc", pointer, size);
}

CAIRN_EXPORT void *cairn_heap_reallocarray(struct cairn_heap *heap, void *pointer, size_t count,
                                           size_t size) {
    require_live(heap, "cairn_heap_reallocarray");
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes)
               ? out_of_memory()
               : resize(heap, "cairn_heap_reallocarray", pointer, bytes);
}

static char *copy(struct cairn_heap *heap, const char *string, size_t length) {
    char *text = allocate(heap, length + 1, GRANULE, false);
    if (text != NULL) {
        memcpy(text, string, length);
        text[length] = '\0';
    }
    return text;
}

CAIRN_EXPORT char *cairn_heap_strdup(struct cairn_heap *heap, const char *string) {
    require_live(heap, "cairn_heap_strdup");
    return copy(heap, string, strlen(string));
}

CAIRN_EXPORT char *cairn_heap_strndup(struct cairn_heap *heap, const char *string, size_t most) {
    require_live(heap, "cairn_heap_strndup");
    return copy(heap, string, strnlen(string, most));
}

CAIRN_EXPORT size_t cairn_heap_usable_size(struct cairn_heap *heap, const void *pointer) {
    static const char function[] = "cairn_heap_usable_size";
    require_live(heap, function);
    if (pointer == NULL) {
        return 0;
    }
    if (heap->fixed != NULL) {
        return fixed_heap_usable_size(heap->fixed, function, pointer);
    }
    require_member(heap, function, pointer);
    return usable_size(function, pointer);
}

/* --- the allocator interface ------------------------------------------------------------------ */

/* An alignment beyond what every object has: resizing must keep it. */
static void *resize_aligned(struct cairn_heap *heap, void *pointer, size_t old_size, size_t size,
                            size_t alignment) {
    void *resized = allocate(heap, size, alignment, false);
    if (resized != NULL && pointer != NULL) {
        memcpy(resized, pointer, old_size < size ? old_size : size);
        free_in(heap, "cairn_resize", pointer);
    }
    return resized;
}

static void *resize_any(void *context, void *pointer, size_t old_size, size_t size,
                        size_t alignment) {
    struct cairn_heap *heap = context;
    require_live(heap, "cairn_resize");
    require_alignment("cairn_resize", pointer, alignment);
    if (alignment > GRANULE && size != 0) {
        return resize_aligned(heap, pointer, old_size, size, alignment);
    }
    return resize(heap, size == 0 ? "cairn_release" : "cairn_resize", pointer, size);
}

CAIRN_EXPORT struct cairn_allocator cairn_heap_allocator_of(struct cairn_heap *heap) {
    require_live(heap, "cairn_heap_allocator_of");
    return (struct cairn_allocator){.resize = resize_any, .context = heap};
}

/* --- scopes ----------------------------------------------------------------------------------- */

CAIRN_EXPORT struct cairn_heap_scope cairn_heap_enter(struct cairn_heap *heap) {
    struct cairn_heap_scope scope = {.heap = NULL};
    require_live(heap, "cairn_heap_enter");
    if (heap->fixed != NULL) {
        report_misuse("cairn_heap_enter", heap,
                      "malloc can't come from a heap in caller memory; use cairn_heap_malloc");
    }
    if (!shared_heap_lease(heap->shared)) {
        errno = ENOMEM;
        return scope;
    }
    scope.heap = heap;
    scope.outer = heap_distance;
    heap_distance = heap_distance_of(&heap->shared->heap);
    return scope;
}

CAIRN_EXPORT void cairn_heap_leave(struct cairn_heap_scope *scope) {
    struct cairn_heap *heap = scope->heap;
    if (heap == NULL) {
        return;
    }
    require_live(heap, "cairn_heap_leave");
    if (heap_self() != &heap->shared->heap) {
        report_misuse("cairn_heap_leave", scope,
                      "the scope is another thread's, or one that was entered later is open; "
                      "leave scopes in the reverse order, where they were entered");
    }
    heap_distance = scope->outer;
    scope->heap = NULL;
    shared_heap_end_lease(heap->shared);
}

/* --- looking ---------------------------------------------------------------------------------- */

CAIRN_EXPORT struct cairn_heap *cairn_heap_of(const void *pointer) {
    struct object object;
    struct finding finding;
    if (object_find(pointer, &object, &finding) != FOUND_LIVE) {
        return NULL;
    }
    struct shared_heap *shared = shared_heap_of(object.chunk);
    return shared == NULL ? NULL : shared->user;
}

CAIRN_EXPORT bool cairn_heap_contains(struct cairn_heap *heap, const void *pointer) {
    require_live(heap, "cairn_heap_contains");
    return heap->fixed != NULL ? fixed_heap_contains(heap->fixed, pointer)
                               : cairn_heap_of(pointer) == heap;
}

CAIRN_EXPORT const char *cairn_heap_name(const struct cairn_heap *heap) {
    require_live(heap, "cairn_heap_name");
    return heap->region.name == NULL ? "" : heap->region.name;
}

CAIRN_EXPORT struct cairn_heap_figures cairn_heap_statistics(struct cairn_heap *heap) {
    require_live(heap, "cairn_heap_statistics");
    return figures_of(heap);
}

CAIRN_EXPORT size_t cairn_heap_walk(struct cairn_heap *heap,
                                    void (*visit)(void *context, void *object, size_t bytes),
                                    void *context) {
    require_live(heap, "cairn_heap_walk");
    if (heap->fixed != NULL) {
        return fixed_heap_walk(heap->fixed, visit, context);
    }
    if (!shared_heap_lease(heap->shared)) {
        errno = ENOMEM;
        return 0;
    }
    size_t count = shared_heap_walk(heap->shared, visit, context);
    shared_heap_end_lease(heap->shared);
    return count;
}
