/* The shared arena.  Its protocol, and why no byte is given out twice:
 *
 *   - A bump gives [offset, offset + size) to the thread whose fetch_add returned offset, if that
 *     ends within the capacity.  Additions never overlap.  What ends beyond is nobody's; only the
 *     first that ends beyond can start within, and it accounts for the waste.
 *   - A chunk is published by one compare-and-swap of the `later` of the last one.  Who loses gives
 *     its own unpublished one back and goes on with the winner's.  Then whoever comes moves
 *     arena->chunk on to it: from each chunk it only ever goes to that chunk's `later`.
 *   - A span is published the same way in its slot.  Who loses there keeps the object at its start
 *     and leaves the rest.
 *   - Neither is given back before reset or destroy.  So a pointer to a replaced one stays good,
 *     and none comes back under the same address meanwhile. */
#include <cairn/shared_arena.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "core/report.h"
#include "core/threads.h"
#include "regions/poison.h"
#include "regions/registry.h"

enum {
    GRAIN = CAIRN_ARENA_GRAIN,
    SLOTS = CAIRN_SHARED_ARENA_SPANS,
    CHUNK_LEAST = 16 << 10,
    CHUNK_MOST = 64 << 20,
    SPANS_PER_CHUNK = 16,
    SPAN_LEAST = 1 << 10,
    SPAN_MOST = 32 << 10,
    READY = 1
};
#define SIZE_MOST (SIZE_MAX / 8) /* of sizes and alignments: their sums do not overflow */

struct bump {
    size_t used; /* atomic; min(used, capacity) bytes are taken */
    size_t capacity;
};

/* Both start on a cache line, and what they give out follows them. */
struct cairn_shared_span {
    struct bump bump;
};

struct cairn_shared_chunk {
    struct bump bump;
    struct cairn_shared_chunk
        *later;   /* the next one to use, or of the list of large ones; or NULL */
    size_t bytes; /* of the allocator's, this header included */
} __attribute__((aligned(CACHE_LINE)));

#define RELAXED __ATOMIC_RELAXED

/* --- bumps ------------------------------------------------------------------------------------ */

static void count_waste(struct cairn_shared_arena *arena, size_t bytes) {
    (void)__atomic_fetch_add(&arena->wasted, bytes, RELAXED);
}

/* The offset of `size` bytes, or SIZE_MAX if they are not there. relaxed: nobody reads what
 * another wrote into bytes of its own. */
FAST_PATH size_t bump_take(struct cairn_shared_arena *arena, struct bump *bump, size_t size) {
    size_t offset = __atomic_fetch_add(&bump->used, size, RELAXED);
    if (likely(offset + size <= bump->capacity)) {
        return offset;
    }
    if (offset < bump->capacity) {
        count_waste(arena, bump->capacity - offset);
    }
    return SIZE_MAX;
}

static size_t bump_used(const struct bump *bump) {
    size_t used = __atomic_load_n(&bump->used, RELAXED);
    return used < bump->capacity ? used : bump->capacity;
}

FAST_PATH uintptr_t take_of_span(struct cairn_shared_arena *arena, struct cairn_shared_span *span,
                                 size_t size) {
    size_t offset = bump_take(arena, &span->bump, size);
    return offset == SIZE_MAX ? 0 : (uintptr_t)(span + 1) + offset;
}

/* --- chunks ----------------------------------------------------------------------------------- */

static size_t chunk_bytes(const struct cairn_shared_arena *arena) {
    size_t reserved = __atomic_load_n(&arena->reserved, RELAXED);
    return reserved < CHUNK_LEAST  ? (size_t)CHUNK_LEAST
           : reserved > CHUNK_MOST ? (size_t)CHUNK_MOST
                                   : round_up(reserved, CACHE_LINE);
}

static void release_chunk(const struct cairn_shared_arena *arena,
                          struct cairn_shared_chunk *chunk) {
    unpoison((uintptr_t)(chunk + 1), chunk->bump.capacity);
    cairn_release(arena->allocator, chunk, chunk->bytes, CACHE_LINE);
}

/* Of `bytes` in all if they are to be had, but with a capacity of `capacity` at least. */
static struct cairn_shared_chunk *make_chunk(const struct cairn_shared_arena *arena, size_t bytes,
                                             size_t capacity) {
    size_t least = sizeof(struct cairn_shared_chunk) + capacity;
    struct cairn_shared_chunk *chunk = NULL;
    bytes = bytes < least ? least : bytes;
    while ((chunk = cairn_allocate(arena->allocator, bytes, CACHE_LINE)) == NULL && bytes > least) {
        bytes = bytes / 2 < least ? least : round_down(bytes / 2, CACHE_LINE);
    }
    if (chunk != NULL) {
        capacity = bytes - sizeof *chunk;
        *chunk = (struct cairn_shared_chunk){.bump = {0, capacity}, .bytes = bytes};
        poison((uintptr_t)(chunk + 1), capacity);
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
    chunk->bump.used = size;
    do {
        chunk->later = __atomic_load_n(&arena->large, RELAXED);
    } while (!publish(arena, &arena->large, chunk->later, chunk));
    return (uintptr_t)(chunk + 1);
}

/* The chunk after `chunk` (NULL: the first), made if there is none and then with at least `size`
 * bytes; NULL without memory. */
static struct cairn_shared_chunk *next_chunk(struct cairn_shared_arena *arena,
                                             struct cairn_shared_chunk *chunk, size_t size) {
    struct cairn_shared_chunk **link = chunk == NULL ? &arena->first : &chunk->later;
    struct cairn_shared_chunk *next = __atomic_load_n(link, __ATOMIC_ACQUIRE);
    if (next != NULL) {
        return next;
    }
    struct cairn_shared_chunk *fresh = make_chunk(arena, chunk_bytes(arena), size);
    if (fresh == NULL || publish(arena, link, NULL, fresh)) {
        return fresh;
    }
    release_chunk(arena, fresh);
    return __atomic_load_n(link, __ATOMIC_ACQUIRE);
}

/* Whole cache lines of the current chunk, or of one after it; 0 without memory. */
static uintptr_t take_lines(struct cairn_shared_arena *arena, size_t size) {
    size = round_up(size, CACHE_LINE);
    struct cairn_shared_chunk *chunk = __atomic_load_n(&arena->chunk, __ATOMIC_ACQUIRE);
    if (size > (chunk == NULL ? (size_t)CHUNK_LEAST : chunk->bytes) / 4) {
        return take_large(arena, size);
    }
    for (;;) {
        size_t offset = chunk == NULL ? SIZE_MAX : bump_take(arena, &chunk->bump, size);
        if (offset != SIZE_MAX) {
            return (uintptr_t)(chunk + 1) + offset;
        }
        struct cairn_shared_chunk *next = next_chunk(arena, chunk, size);
        if (next == NULL) {
            return 0;
        }
        /* acquire: on failure it is the chunk that another thread went on to. */
        if (__atomic_compare_exchange_n(&arena->chunk, &chunk, next, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
            chunk = next;
        }
    }
}

/* --- spans ------------------------------------------------------------------------------------ */

static size_t span_bytes(const struct cairn_shared_arena *arena) {
    const struct cairn_shared_chunk *chunk = __atomic_load_n(&arena->chunk, __ATOMIC_ACQUIRE);
    size_t bytes = (chunk == NULL ? 0 : chunk->bytes) / SPANS_PER_CHUNK;
    return bytes < SPAN_LEAST  ? (size_t)SPAN_LEAST
           : bytes > SPAN_MOST ? (size_t)SPAN_MOST
                               : round_down(bytes, CACHE_LINE);
}

/* A new span for the slot, whose first `size` bytes are the caller's; 0 without memory. */
static uintptr_t take_of_new_span(struct cairn_shared_arena *arena, struct cairn_shared_span **slot,
                                  struct cairn_shared_span *old, size_t size) {
    size_t bytes = span_bytes(arena);
    uintptr_t start = take_lines(arena, bytes);
    if (start == 0) {
        bytes = round_up(sizeof(struct cairn_shared_span) + size, CACHE_LINE);
        start = take_lines(arena, bytes);
    }
    if (start == 0) {
        return 0;
    }
    struct cairn_shared_span *span = (struct cairn_shared_span *)start;
    unpoison(start, sizeof *span);
    span->bump = (struct bump){size, bytes - sizeof *span};
    bool won = __atomic_compare_exchange_n(slot, &old, span, false, __ATOMIC_RELEASE, RELAXED);
    count_waste(arena, sizeof *span + (won ? 0 : span->bump.capacity - size));
    return (uintptr_t)(span + 1);
}

/* size: with what alignment may cost. */
static SLOW_PATH uintptr_t take_slow(struct cairn_shared_arena *arena, size_t size) {
    if (unlikely(__atomic_load_n(&arena->state, RELAXED) != READY)) {
        report_misuse("cairn_shared_arena_allocate", arena,
                      "use of a shared arena that is not initialised, or destroyed");
    }
    if (size > span_bytes(arena) / 4) {
        return take_lines(arena, size);
    }
    struct cairn_shared_span **slot = &arena->spans[threads_number() % SLOTS];
    struct cairn_shared_span *span = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    for (;;) {
        uintptr_t start = span == NULL ? 0 : take_of_span(arena, span, size);
        if (start != 0) {
            return start;
        }
        struct cairn_shared_span *now = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
        if (now == span) {
            return take_of_new_span(arena, slot, span, size);
        }
        span = now; /* another thread with this number has replaced it */
    }
}

CAIRN_EXPORT void *cairn_shared_arena_allocate(struct cairn_shared_arena *arena, size_t size,
                                               size_t alignment) {
    if (unlikely(!is_power_of_two(alignment))) {
        report_misuse("cairn_shared_arena_allocate", arena, "the alignment is not a power of two");
    }
    if (unlikely(size > SIZE_MOST || alignment > SIZE_MOST)) {
        return NULL;
    }
    size_t shift = alignment > GRAIN ? alignment - GRAIN : 0;
    size_t needed = round_up(size, GRAIN) + shift;
    struct cairn_shared_span *span =
        __atomic_load_n(&arena->spans[threads_number() % SLOTS], __ATOMIC_ACQUIRE);
    uintptr_t start = 0;
    if (likely(span != NULL && needed <= SPAN_LEAST / 4)) {
        start = take_of_span(arena, span, needed);
    }
    if (unlikely(start == 0)) {
        start = take_slow(arena, needed);
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
    return (struct cairn_allocator){.resize = resize, .context = arena};
}

/* --- figures ---------------------------------------------------------------------------------- */

static size_t taken_of_chunks(struct cairn_shared_chunk *const *head) {
    size_t taken = 0;
    const struct cairn_shared_chunk *chunk = __atomic_load_n(head, __ATOMIC_ACQUIRE);
    for (; chunk != NULL; chunk = __atomic_load_n(&chunk->later, __ATOMIC_ACQUIRE)) {
        taken += bump_used(&chunk->bump);
    }
    return taken;
}

static size_t free_in_spans(const struct cairn_shared_arena *arena) {
    size_t bytes = 0;
    for (int i = 0; i < SLOTS; i++) {
        const struct cairn_shared_span *span = __atomic_load_n(&arena->spans[i], __ATOMIC_ACQUIRE);
        bytes += span == NULL ? 0 : span->bump.capacity - bump_used(&span->bump);
    }
    return bytes;
}

CAIRN_EXPORT struct cairn_arena_figures
cairn_shared_arena_statistics(const struct cairn_shared_arena *arena) {
    size_t wasted = __atomic_load_n(&arena->wasted, RELAXED);
    size_t unused = wasted + free_in_spans(arena);
    size_t taken = taken_of_chunks(&arena->first) + taken_of_chunks(&arena->large);
    size_t used = taken < unused ? 0 : taken - unused; /* read one after the other */
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

static void check_ready(const struct cairn_shared_arena *arena, const char *function) {
    if (arena->state != READY) {
        report_misuse(function, arena,
                      "use of a shared arena that is not initialised, or destroyed");
    }
}

static void release_list(struct cairn_shared_arena *arena, struct cairn_shared_chunk *chunk) {
    while (chunk != NULL) {
        struct cairn_shared_chunk *later = chunk->later;
        arena->reserved -= chunk->bytes;
        release_chunk(arena, chunk);
        chunk = later;
    }
}

/* Under the registry's lock, as its readers go through chunks and spans. */
CAIRN_EXPORT void cairn_shared_arena_reset(struct cairn_shared_arena *arena) {
    check_ready(arena, "cairn_shared_arena_reset");
    registry_lock();
    arena->peak = cairn_shared_arena_statistics(arena).peak;
    arena->wasted = 0;
    memset(arena->spans, 0, sizeof arena->spans);
    release_list(arena, arena->large);
    arena->large = NULL;
    for (struct cairn_shared_chunk *chunk = arena->first; chunk != NULL; chunk = chunk->later) {
        chunk->bump.used = 0;
        poison((uintptr_t)(chunk + 1), chunk->bump.capacity);
    }
    arena->chunk = arena->first;
    registry_unlock();
}

CAIRN_EXPORT void cairn_shared_arena_destroy(struct cairn_shared_arena *arena) {
    check_ready(arena, "cairn_shared_arena_destroy");
    registry_remove(&arena->region);
    release_list(arena, arena->large);
    release_list(arena, arena->first);
    *arena = (struct cairn_shared_arena){.state = 0};
}
