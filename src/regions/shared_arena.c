/* The shared arena.  Its protocol, and why no byte is given out twice:
 *
 *   - A bump gives [offset, offset + size) to the thread whose fetch_add returned offset, if that
 *     ends within the capacity.  Additions never overlap.  What ends beyond is nobody's; only the
 *     first that ends beyond can start within, and it accounts for the waste.
 *   - A chunk is published by one compare-and-swap of the `later` of its slot's last one.  Who
 *     loses gives its own unpublished one back and goes on with the winner's.  Then whoever comes
 *     moves `current` on to it: from each chunk that only ever goes to the chunk's `later`.
 *   - No chunk is given back before reset or destroy.  So a pointer to one that is used up stays
 *     good, and none comes back under the same address meanwhile. */
#include <cairn/shared_arena.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "core/report.h"
#include "core/threads.h"
#include "regions/poison.h"
#include "regions/registry.h"

enum {
    GRAIN = CAIRN_ARENA_GRAIN,
    SLOTS = CAIRN_SHARED_ARENA_SLOTS,
    CHUNK_LEAST = 4 << 10,
    CHUNK_MOST = 64 << 20,
    QUICK_MOST = CHUNK_LEAST / 4, /* what may be asked of any chunk */
    READY = 1
};
#define SIZE_MOST (SIZE_MAX / 8) /* of sizes and alignments: their sums do not overflow */

struct cairn_shared_chunk {
    size_t used;     /* atomic; min(used, capacity) bytes are taken */
    size_t capacity; /* of the bytes that follow */
    struct cairn_shared_chunk
        *later;   /* the next one to use, or of the list of large ones; or NULL */
    size_t bytes; /* of the allocator's, this header included */
} __attribute__((aligned(CACHE_LINE)));

#define RELAXED __ATOMIC_RELAXED

/* relaxed: init and destroy are for one thread. */
static void check_ready(const struct cairn_shared_arena *arena, const char *function) {
    if (unlikely(__atomic_load_n(&arena->state, RELAXED) != READY)) {
        report_misuse(function, arena,
                      "use of a shared arena that is not initialised, or destroyed");
    }
}

/* --- chunks ----------------------------------------------------------------------------------- */

/* The address of `size` bytes, or 0 if they are not there.  relaxed: nobody reads what another
 * wrote into bytes of its own. */
FAST_PATH uintptr_t take_of(struct cairn_shared_arena *arena, struct cairn_shared_chunk *chunk,
                            size_t size) {
    size_t offset = __atomic_fetch_add(&chunk->used, size, RELAXED);
    if (likely(offset + size <= chunk->capacity)) {
        return (uintptr_t)(chunk + 1) + offset;
    }
    if (offset < chunk->capacity) {
        (void)__atomic_fetch_add(&arena->wasted, chunk->capacity - offset, RELAXED);
    }
    return 0;
}

static void release_chunk(const struct cairn_shared_arena *arena,
                          struct cairn_shared_chunk *chunk) {
    unpoison((uintptr_t)(chunk + 1), chunk->capacity);
    cairn_release(arena->allocator, chunk, chunk->bytes, CACHE_LINE);
}

/* Of `bytes` in all if they are to be had, but with a capacity of `capacity` at least. */
static struct cairn_shared_chunk *make_chunk(const struct cairn_shared_arena *arena, size_t bytes,
                                             size_t capacity) {
    size_t least = round_up(sizeof(struct cairn_shared_chunk) + capacity, CACHE_LINE);
    struct cairn_shared_chunk *chunk = NULL;
    bytes = bytes < least ? least : bytes;
    while ((chunk = cairn_allocate(arena->allocator, bytes, CACHE_LINE)) == NULL && bytes > least) {
        bytes = bytes / 2 < least ? least : round_down(bytes / 2, CACHE_LINE);
    }
    if (chunk != NULL) {
        *chunk = (struct cairn_shared_chunk){.capacity = bytes - sizeof *chunk, .bytes = bytes};
        poison((uintptr_t)(chunk + 1), chunk->capacity);
    }
    return chunk;
}

/* release: who finds the chunk through *link finds it filled in. */
static bool publish(struct cairn_shared_arena *arena, struct cairn_shared_chunk **link,
                    struct cairn_shared_chunk *expected, struct cairn_shared_chunk *chunk) {
    if (!__atomic_compare_exchange_n(link, &expected, chunk, false, __ATOMIC_RELEASE, RELAXED)) {
        return false;
    }
    (void)__atomic_fetch_add(&arena->reserved, chunk->bytes, RELAXED);
    return true;
}

/* An object with a chunk of its own. */
static uintptr_t take_large(struct cairn_shared_arena *arena, size_t size) {
    struct cairn_shared_chunk *chunk = make_chunk(arena, 0, size);
    if (chunk == NULL) {
        return 0;
    }
    chunk->used = size;
    do {
        chunk->later = __atomic_load_n(&arena->large, RELAXED);
    } while (!publish(arena, &arena->large, chunk->later, chunk));
    return (uintptr_t)(chunk + 1);
}

/* The chunk after `chunk` (NULL: the slot's first), made if there is none and then twice as large,
 * with at least `size` bytes; NULL without memory. */
static struct cairn_shared_chunk *next_chunk(struct cairn_shared_arena *arena, unsigned slot,
                                             struct cairn_shared_chunk *chunk, size_t size) {
    struct cairn_shared_chunk **link = chunk == NULL ? &arena->first[slot] : &chunk->later;
    struct cairn_shared_chunk *next = __atomic_load_n(link, __ATOMIC_ACQUIRE);
    if (next != NULL) {
        return next;
    }
    size_t bytes = chunk == NULL ? CHUNK_LEAST : chunk->bytes * 2;
    bytes = bytes < CHUNK_LEAST ? CHUNK_LEAST : bytes > CHUNK_MOST ? CHUNK_MOST : bytes;
    struct cairn_shared_chunk *fresh = make_chunk(arena, bytes, size);
    if (fresh == NULL || publish(arena, link, NULL, fresh)) {
        return fresh;
    }
    release_chunk(arena, fresh);
    return __atomic_load_n(link, __ATOMIC_ACQUIRE);
}

/* size: with what alignment may cost.  0 without memory. */
static SLOW_PATH uintptr_t take_slow(struct cairn_shared_arena *arena, unsigned slot, size_t size) {
    check_ready(arena, "cairn_shared_arena_allocate");
    struct cairn_shared_chunk *chunk = __atomic_load_n(&arena->current[slot], __ATOMIC_ACQUIRE);
    if (size > (chunk == NULL ? (size_t)CHUNK_LEAST : chunk->bytes) / 4) {
        return take_large(arena, size);
    }
    for (;;) {
        uintptr_t start = chunk == NULL ? 0 : take_of(arena, chunk, size);
        if (start != 0) {
            return start;
        }
        struct cairn_shared_chunk *next = next_chunk(arena, slot, chunk, size);
        if (next == NULL) {
            return 0;
        }
        /* On failure `chunk` becomes the one that another thread went on to: acquire. */
        if (__atomic_compare_exchange_n(&arena->current[slot], &chunk, next, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            chunk = next;
        }
    }
}

CAIRN_EXPORT void *cairn_shared_arena_allocate(struct cairn_shared_arena *arena, size_t size,
                                               size_t alignment) {
    require_alignment("cairn_shared_arena_allocate", arena, alignment);
    if (unlikely(size > SIZE_MOST || alignment > SIZE_MOST)) {
        return NULL;
    }
    size_t shift = alignment > GRAIN ? alignment - GRAIN : 0;
    size_t needed = round_up(size, GRAIN) + shift;
    unsigned slot = threads_number() % SLOTS;
    struct cairn_shared_chunk *chunk = __atomic_load_n(&arena->current[slot], __ATOMIC_ACQUIRE);
    uintptr_t start = 0;
    if (likely(chunk != NULL && needed <= QUICK_MOST)) {
        start = take_of(arena, chunk, needed);
    }
    if (unlikely(start == 0)) {
        start = take_slow(arena, slot, needed);
    }
    if (unlikely(start == 0)) {
        return NULL;
    }
    start = round_up(start, shift + GRAIN);
    unpoison(start, size);
    return (void *)start;
}

CAIRN_EXPORT void *cairn_shared_arena_resize(struct cairn_shared_arena *arena, void *pointer,
                                             size_t old_size, size_t size, size_t alignment) {
    check_ready(arena, "cairn_shared_arena_resize");
    if (pointer == NULL) {
        return cairn_shared_arena_allocate(arena, size, alignment);
    }
    void *resized = size == 0 ? NULL : pointer;
    size_t kept = size;
    if (size > old_size) {
        resized = cairn_shared_arena_allocate(arena, size, alignment);
        if (resized == NULL) {
            return NULL;
        }
        memcpy(resized, pointer, old_size);
        kept = 0;
    }
    poison(round_up((uintptr_t)pointer + kept, GRAIN),
           round_up(old_size, GRAIN) - round_up(kept, GRAIN));
    return resized;
}

static void *resize(void *context, void *pointer, size_t old_size, size_t size, size_t alignment) {
    return cairn_shared_arena_resize((struct cairn_shared_arena *)context, pointer, old_size, size,
                                     alignment);
}

CAIRN_EXPORT struct cairn_allocator cairn_shared_arena_allocator(struct cairn_shared_arena *arena) {
    check_ready(arena, "cairn_shared_arena_allocator");
    return (struct cairn_allocator){.resize = resize, .context = arena};
}

/* --- figures ---------------------------------------------------------------------------------- */

static size_t taken_of_chunks(struct cairn_shared_chunk *const *head) {
    size_t taken = 0;
    const struct cairn_shared_chunk *chunk = __atomic_load_n(head, __ATOMIC_ACQUIRE);
    for (; chunk != NULL; chunk = __atomic_load_n(&chunk->later, __ATOMIC_ACQUIRE)) {
        size_t used = __atomic_load_n(&chunk->used, RELAXED);
        taken += used < chunk->capacity ? used : chunk->capacity;
    }
    return taken;
}

CAIRN_EXPORT struct cairn_arena_figures
cairn_shared_arena_statistics(const struct cairn_shared_arena *arena) {
    check_ready(arena, "cairn_shared_arena_statistics");
    size_t wasted = __atomic_load_n(&arena->wasted, RELAXED);
    size_t taken = taken_of_chunks(&arena->large);
    for (int i = 0; i < SLOTS; i++) {
        taken += taken_of_chunks(&arena->first[i]);
    }
    size_t used = taken < wasted ? 0 : taken - wasted; /* read one after the other */
    size_t peak = __atomic_load_n(&arena->peak, RELAXED);
    return (struct cairn_arena_figures){
        .used = used,
        .wasted = wasted,
        .reserved = __atomic_load_n(&arena->reserved, RELAXED),
        .peak = used > peak ? used : peak,
    };
}

static void read_usage(const struct cairn_region *region, struct cairn_region_usage *usage) {
    const struct cairn_shared_arena *arena =
        (const struct cairn_shared_arena *)((const char *)region -
                                            offsetof(struct cairn_shared_arena, region));
    struct cairn_arena_figures figures = cairn_shared_arena_statistics(arena);
    usage->used = figures.used < figures.reserved ? figures.used : figures.reserved;
    usage->reserved = figures.reserved;
    usage->peak = figures.peak;
}

/* --- making and ending ------------------------------------------------------------------------ */

CAIRN_EXPORT void cairn_shared_arena_init(struct cairn_shared_arena *arena, const char *name,
                                          const struct cairn_allocator *allocator) {
    *arena = (struct cairn_shared_arena){
        .allocator = allocator,
        .state = READY,
        .region = {.name = name, .kind = "shared arena", .read = read_usage},
    };
    registry_add(&arena->region);
}

static void release_list(struct cairn_shared_arena *arena, struct cairn_shared_chunk *chunk) {
    while (chunk != NULL) {
        struct cairn_shared_chunk *later = chunk->later;
        (void)__atomic_fetch_sub(&arena->reserved, chunk->bytes, RELAXED);
        release_chunk(arena, chunk);
        chunk = later;
    }
}

/* Under the registry's lock, as its readers go through the chunks; but the allocator is called
 * without it, as it may make and destroy regions itself. */
CAIRN_EXPORT void cairn_shared_arena_reset(struct cairn_shared_arena *arena) {
    check_ready(arena, "cairn_shared_arena_reset");
    registry_lock();
    arena->peak = cairn_shared_arena_statistics(arena).peak;
    arena->wasted = 0;
    struct cairn_shared_chunk *large = arena->large;
    arena->large = NULL;
    for (int i = 0; i < SLOTS; i++) {
        arena->current[i] = arena->first[i];
        for (struct cairn_shared_chunk *chunk = arena->first[i]; chunk != NULL;
             chunk = chunk->later) {
            chunk->used = 0;
            poison((uintptr_t)(chunk + 1), chunk->capacity);
        }
    }
    registry_unlock();
    release_list(arena, large);
}

CAIRN_EXPORT void cairn_shared_arena_destroy(struct cairn_shared_arena *arena) {
    check_ready(arena, "cairn_shared_arena_destroy");
    registry_remove(&arena->region);
    release_list(arena, arena->large);
    for (int i = 0; i < SLOTS; i++) {
        release_list(arena, arena->first[i]);
    }
    *arena = (struct cairn_shared_arena){.state = 0};
}
