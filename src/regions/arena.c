#include "regions/arena.h"

#include "base/bits.h"
#include "base/check.h"
#include "core/report.h"
#include "os/os.h"
#include "regions/poison.h"
#include "regions/registry.h"

enum {
    GRAIN = CAIRN_ARENA_GRAIN,
    HEADER = sizeof(struct cairn_arena_chunk),
    CHUNK_ALIGNMENT = 16,    /* what is asked of the allocator */
    CHUNK_LEAST = 4096,      /* the first chunk */
    CHUNK_MOST = 64 << 20,   /* beyond that they do not double any more */
    COMMIT_LEAST = 64 << 10, /* what a reserved arena commits at once, and */
    COMMIT_MOST = 16 << 20,  /* an eighth of what it has in between */
    SPARES_TRIED = 8,        /* how many spare chunks are looked at for one that fits */
    GAP = 16                 /* between objects under AddressSanitizer */
};
#define SIZE_MOST (SIZE_MAX / 8) /* of sizes and alignments: their sums do not overflow */

/* Stores what other threads may read for statistics. */
#define STORE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)
#define LOAD(field)         __atomic_load_n(&(field), __ATOMIC_RELAXED)

static void check_alive(const struct cairn_arena *arena, const char *function) {
    if (unlikely(arena->kind == ARENA_DESTROYED)) {
        report_misuse(function, arena, "use of an arena that was destroyed");
    }
}

/* --- the current chunk ------------------------------------------------------------------------ */

/* Fixed arenas have no gaps: what fits into their buffer is part of their contract. */
static size_t gap_of(const struct cairn_arena *arena) {
    return poison_is_active() && arena->kind != ARENA_FIXED ? GAP : 0;
}

static size_t used_of(const struct cairn_arena *arena) {
    return arena->used_before + (arena->next - arena->begin);
}

static void set_end(struct cairn_arena *arena, uintptr_t end) {
    arena->end = end;
    arena->bound = poison_is_active() ? 0 : end + 1;
}

static void enter(struct cairn_arena *arena, uintptr_t begin, uintptr_t end, uintptr_t next) {
    STORE(arena->next, next);
    STORE(arena->begin, begin);
    set_end(arena, end);
}

/* All that was used from `next` on is free. */
static void fall_back(struct cairn_arena *arena, uintptr_t next) {
    if (used_of(arena) > arena->peak) {
        STORE(arena->peak, used_of(arena));
    }
    if (arena->next > arena->dirty) {
        arena->dirty = arena->next;
    }
    poison(next, arena->next - next);
    STORE(arena->next, next);
}

/* The end of an object with what follows it. */
static uintptr_t after(const struct cairn_arena *arena, uintptr_t start, size_t size) {
    return round_up(start + size, GRAIN) + gap_of(arena);
}

/* NULL if the current chunk has no room. */
static void *place(struct cairn_arena *arena, size_t size, size_t alignment) {
    uintptr_t start = round_up(arena->next, alignment > GRAIN ? alignment : GRAIN);
    if (arena->end == 0 || start > arena->end || arena->end - start < size + gap_of(arena)) {
        return NULL;
    }
    STORE(arena->next, after(arena, start, size));
    unpoison(start, size);
    return (void *)start;
}

/* --- chunks of a growing arena ---------------------------------------------------------------- */

static uintptr_t begin_of(const struct cairn_arena_chunk *chunk) {
    return (uintptr_t)chunk + HEADER;
}

static uintptr_t end_of(const struct cairn_arena_chunk *chunk) {
    return round_down((uintptr_t)chunk + chunk->bytes, GRAIN);
}

static size_t capacity_of(const struct cairn_arena_chunk *chunk) {
    return end_of(chunk) - begin_of(chunk);
}

/* Puts a chunk behind the current one, if there is one. */
static void link_behind(struct cairn_arena *arena, struct cairn_arena_chunk *chunk) {
    struct cairn_arena_chunk *current = arena->chunk;
    chunk->earlier = current;
    chunk->later = current == NULL ? NULL : current->later;
    if (chunk->later != NULL) {
        chunk->later->earlier = chunk;
    }
    if (current != NULL) {
        current->later = chunk;
    }
}

static void unlink_spare(struct cairn_arena_chunk *chunk) {
    chunk->earlier->later = chunk->later;
    if (chunk->later != NULL) {
        chunk->later->earlier = chunk->earlier;
    }
}

/* A spare chunk with that capacity, moved right behind the current one. */
static struct cairn_arena_chunk *find_spare(struct cairn_arena *arena, size_t capacity) {
    struct cairn_arena_chunk *chunk = arena->chunk == NULL ? NULL : arena->chunk->later;
    for (int i = 0; i < SPARES_TRIED && chunk != NULL; i++, chunk = chunk->later) {
        if (capacity_of(chunk) >= capacity) {
            unlink_spare(chunk);
            link_behind(arena, chunk);
            return chunk;
        }
    }
    return NULL;
}

/* As much as the arena has already, so that there are few chunks however much it grows; less where
 * the allocator has less. */
static struct cairn_arena_chunk *make_chunk(struct cairn_arena *arena, size_t capacity) {
    size_t least = round_up(capacity + HEADER, CHUNK_ALIGNMENT);
    size_t bytes = arena->reserved < CHUNK_LEAST ? CHUNK_LEAST : arena->reserved;
    bytes = bytes > CHUNK_MOST ? CHUNK_MOST : round_up(bytes, CHUNK_ALIGNMENT);
    struct cairn_arena_chunk *chunk = NULL;
    for (; chunk == NULL && bytes > least; bytes = round_down(bytes / 2, CHUNK_ALIGNMENT)) {
        chunk = cairn_allocate(arena->allocator, bytes, CHUNK_ALIGNMENT);
        if (chunk != NULL) {
            chunk->bytes = bytes;
        }
    }
    if (chunk == NULL) {
        chunk = cairn_allocate(arena->allocator, least, CHUNK_ALIGNMENT);
        if (chunk == NULL) {
            return NULL;
        }
        chunk->bytes = least;
    }
    poison(begin_of(chunk), capacity_of(chunk));
    link_behind(arena, chunk);
    STORE(arena->reserved, arena->reserved + chunk->bytes);
    return chunk;
}

/* Another thread may be taking from the arena meanwhile: its figures need not fit together, but
 * none must be absurd. */
static void read_usage(const struct cairn_region *region, struct cairn_region_usage *usage) {
    const struct cairn_arena *arena =
        (const struct cairn_arena *)((const char *)region - offsetof(struct cairn_arena, region));
    uintptr_t begin = LOAD(arena->begin);
    uintptr_t next = LOAD(arena->next);
    size_t reserved = LOAD(arena->reserved);
    size_t used = LOAD(arena->used_before) + (next < begin ? 0 : next - begin);
    size_t peak = LOAD(arena->peak);
    usage->reserved = reserved;
    usage->used = used > reserved ? reserved : used;
    usage->peak = peak < usage->used ? usage->used : peak;
}

static void start_listing(struct cairn_arena *arena) {
    arena->region.kind = "arena";
    arena->region.read = read_usage;
    registry_add(&arena->region);
}

/* Leaves the current chunk, if there is one, for the one behind it. */
static void go_on(struct cairn_arena *arena, struct cairn_arena_chunk *chunk) {
    struct cairn_arena_chunk *current = arena->chunk;
    if (current != NULL) {
        current->used = arena->next - arena->begin;
        arena->wasted += capacity_of(current) - current->used;
        STORE(arena->used_before, arena->used_before + current->used);
    }
    arena->chunk = chunk;
    arena->dirty = UINTPTR_MAX;
    enter(arena, begin_of(chunk), end_of(chunk), begin_of(chunk));
    if (current == NULL) {
        start_listing(arena);
    }
}

/* Frees all of the current chunk, which becomes the first spare one. */
static void go_back(struct cairn_arena *arena) {
    struct cairn_arena_chunk *earlier = arena->chunk->earlier;
    fall_back(arena, arena->begin);
    arena->chunk = earlier;
    arena->wasted -= capacity_of(earlier) - earlier->used;
    STORE(arena->used_before, arena->used_before - earlier->used);
    enter(arena, begin_of(earlier), end_of(earlier), begin_of(earlier) + earlier->used);
}

/* --- more room -------------------------------------------------------------------------------- */

static bool commit(struct cairn_arena *arena, size_t bytes) {
    if (!os_commit((void *)arena->end, bytes)) {
        return false;
    }
    poison(arena->end, bytes);
    STORE(arena->reserved, arena->reserved + bytes);
    set_end(arena, arena->end + bytes);
    return true;
}

/* Makes the committed part of a reserved arena reach to `end` at least. */
static bool commit_to(struct cairn_arena *arena, uintptr_t end) {
    if (end > arena->limit) {
        return false;
    }
    size_t least = round_up(end - arena->end, os_page_size());
    size_t step = arena->reserved / 8;
    step = step < COMMIT_LEAST ? COMMIT_LEAST : step > COMMIT_MOST ? COMMIT_MOST : step;
    step = round_up(step < least ? least : step, os_page_size());
    size_t left = arena->limit - arena->end;
    return commit(arena, step > left ? left : step) || (step > least && commit(arena, least));
}

/* So that an object fits behind what is used. */
static bool make_room(struct cairn_arena *arena, size_t size, size_t alignment) {
    if (size > SIZE_MOST || alignment > SIZE_MOST) {
        return false;
    }
    if (arena->kind == ARENA_RESERVED) {
        uintptr_t start = round_up(arena->next, alignment > GRAIN ? alignment : GRAIN);
        uintptr_t end = after(arena, start, size);
        return end <= arena->end || commit_to(arena, end);
    }
    if (arena->kind == ARENA_FIXED) {
        return false;
    }
    /* An object that is aligned to more than the chunk's first byte may start that much later. */
    size_t shift = alignment > GRAIN ? alignment - GRAIN : 0;
    size_t capacity = round_up(size, GRAIN) + gap_of(arena) + shift;
    struct cairn_arena_chunk *chunk = find_spare(arena, capacity);
    if (chunk == NULL) {
        chunk = make_chunk(arena, capacity);
    }
    if (chunk != NULL) {
        go_on(arena, chunk);
    }
    return chunk != NULL;
}

CAIRN_EXPORT SLOW_PATH void *cairn_arena_allocate_slow(struct cairn_arena *arena, size_t size,
                                                       size_t alignment) {
    check_alive(arena, "cairn_arena_allocate");
    require_alignment("cairn_arena_allocate", arena, alignment);
    if (size > SIZE_MOST || alignment > SIZE_MOST) {
        return NULL;
    }
    void *object = place(arena, size, alignment);
    if (object == NULL && make_room(arena, size, alignment)) {
        object = place(arena, size, alignment);
        CHECK(object != NULL);
    }
    return object;
}

CAIRN_EXPORT bool cairn_arena_reserve(struct cairn_arena *arena, size_t size) {
    check_alive(arena, "cairn_arena_reserve");
    return (size <= arena->end - arena->next && arena->end != 0) || make_room(arena, size, 1);
}

/* --- making and ending ------------------------------------------------------------------------ */

CAIRN_EXPORT void cairn_arena_init(struct cairn_arena *arena, const char *name,
                                   const struct cairn_allocator *allocator) {
    *arena = (struct cairn_arena){.allocator = allocator, .region.name = name};
}

CAIRN_EXPORT void cairn_arena_init_fixed(struct cairn_arena *arena, const char *name, void *memory,
                                         size_t size) {
    uintptr_t begin = round_up((uintptr_t)memory, GRAIN);
    uintptr_t end = round_down((uintptr_t)memory + size, GRAIN);
    if (memory == NULL || end < begin) {
        begin = end = GRAIN; /* any place that is not NULL will do */
    }
    *arena = (struct cairn_arena){.kind = ARENA_FIXED, .region.name = name, .dirty = UINTPTR_MAX};
    arena->reserved = end - begin;
    enter(arena, begin, end, begin);
    poison(begin, end - begin);
    if (name != NULL) {
        start_listing(arena);
    }
}

CAIRN_EXPORT bool cairn_arena_init_reserved(struct cairn_arena *arena, const char *name,
                                            size_t size) {
    *arena = (struct cairn_arena){.kind = ARENA_DESTROYED, .region.name = name};
    size_t page = os_page_size();
    void *range = size == 0 || size > SIZE_MOST ? NULL : os_reserve(round_up(size, page), page);
    if (range == NULL) {
        return false;
    }
    arena->kind = ARENA_RESERVED;
    arena->dirty = (uintptr_t)range;
    arena->limit = (uintptr_t)range + round_up(size, page);
    enter(arena, (uintptr_t)range, (uintptr_t)range, (uintptr_t)range);
    start_listing(arena);
    return true;
}

static size_t release_spares(struct cairn_arena *arena) {
    size_t released = 0;
    while (arena->chunk != NULL && arena->chunk->later != NULL) {
        struct cairn_arena_chunk *chunk = arena->chunk->later;
        unlink_spare(chunk);
        released += chunk->bytes;
        unpoison(begin_of(chunk), capacity_of(chunk));
        cairn_release(arena->allocator, chunk, chunk->bytes, CHUNK_ALIGNMENT);
    }
    STORE(arena->reserved, arena->reserved - released);
    return released;
}

CAIRN_EXPORT void cairn_arena_destroy(struct cairn_arena *arena) {
    check_alive(arena, "cairn_arena_destroy");
    registry_remove(&arena->region);
    if (arena->kind == ARENA_GROWING && arena->chunk != NULL) {
        while (arena->chunk->earlier != NULL) {
            go_back(arena);
        }
        (void)release_spares(arena);
        unpoison(arena->begin, arena->end - arena->begin);
        cairn_release(arena->allocator, arena->chunk, arena->chunk->bytes, CHUNK_ALIGNMENT);
    } else if (arena->kind == ARENA_RESERVED) {
        unpoison(arena->begin, arena->end - arena->begin);
        os_unreserve((void *)arena->begin, arena->limit - arena->begin);
    } else if (arena->kind == ARENA_FIXED) {
        unpoison(arena->begin, arena->end - arena->begin);
    }
    *arena = (struct cairn_arena){.kind = ARENA_DESTROYED};
}

/* --- giving memory back ----------------------------------------------------------------------- */

static bool is_in_use(const struct cairn_arena *arena, const struct cairn_arena_chunk *wanted) {
    const struct cairn_arena_chunk *chunk = arena->chunk;
    while (chunk != NULL && chunk != wanted) {
        chunk = chunk->earlier;
    }
    return chunk != NULL;
}

CAIRN_EXPORT SLOW_PATH void cairn_arena_rewind_slow(struct cairn_arena *arena,
                                                    struct cairn_mark mark) {
    check_alive(arena, "cairn_arena_rewind");
    if (mark.chunk == NULL && mark.next == 0 && arena->kind == ARENA_GROWING) {
        cairn_arena_reset(arena); /* the mark of an arena that had no chunk yet */
        return;
    }
    if (mark.chunk != arena->chunk && !is_in_use(arena, mark.chunk)) {
        report_misuse("cairn_arena_rewind", arena,
                      "the mark is of another arena, or the arena was rewound to before it");
    }
    while (arena->chunk != mark.chunk) {
        go_back(arena);
    }
    if (mark.next < arena->begin || mark.next > arena->end) {
        report_misuse("cairn_arena_rewind", arena, "the mark is of another arena");
    }
    if (mark.next < arena->next) { /* else what was made since has been taken back already */
        fall_back(arena, mark.next);
    }
}

CAIRN_EXPORT void cairn_arena_reset(struct cairn_arena *arena) {
    check_alive(arena, "cairn_arena_reset");
    if (arena->begin == 0) {
        return; /* nothing was ever taken */
    }
    while (arena->chunk != NULL && arena->chunk->earlier != NULL) {
        go_back(arena);
    }
    fall_back(arena, arena->begin);
}

CAIRN_EXPORT size_t cairn_arena_trim(struct cairn_arena *arena) {
    check_alive(arena, "cairn_arena_trim");
    if (arena->kind == ARENA_GROWING) {
        return release_spares(arena);
    }
    if (arena->kind == ARENA_FIXED) {
        return 0;
    }
    uintptr_t from = round_up(arena->next, os_page_size());
    if (from >= arena->end || !os_purge((void *)from, arena->end - from)) {
        return 0;
    }
    if (arena->dirty > from) {
        arena->dirty = from;
    }
    return arena->end - from;
}

/* --- resizing --------------------------------------------------------------------------------- */

static bool resize_last(struct cairn_arena *arena, uintptr_t start, size_t size) {
    if (size > SIZE_MOST) {
        return false;
    }
    uintptr_t wanted = after(arena, start, size);
    if (wanted > arena->end && !(arena->kind == ARENA_RESERVED && commit_to(arena, wanted))) {
        return false;
    }
    fall_back(arena, start);
    STORE(arena->next, wanted);
    unpoison(start, size);
    return true;
}

/* To another place.  The old bytes of the last object are not counted as used any more: nothing
 * can be placed there, as the current chunk has too little room even with them. */
static void *move(struct cairn_arena *arena, uintptr_t start, bool last, size_t old_size,
                  size_t size, size_t alignment) {
    uintptr_t next = arena->next;
    if (last) {
        STORE(arena->next, start);
    }
    void *moved = cairn_arena_allocate_slow(arena, size, alignment);
    if (moved == NULL) {
        STORE(arena->next, next);
        return NULL;
    }
    memcpy(moved, (void *)start, old_size);
    poison(start, round_up(old_size, GRAIN));
    return moved;
}

/* Whether the arena has handed out all of these bytes; they are of one chunk then. */
static bool has_bytes(const struct cairn_arena *arena, uintptr_t start, size_t size) {
    size_t used = arena->next - arena->begin;
    if (start - arena->begin <= used && size <= used - (start - arena->begin)) {
        return true;
    }
    const struct cairn_arena_chunk *chunk = arena->chunk == NULL ? NULL : arena->chunk->earlier;
    for (; chunk != NULL; chunk = chunk->earlier) {
        size_t offset = start - begin_of(chunk);
        if (offset <= chunk->used && size <= chunk->used - offset) {
            return true;
        }
    }
    return false;
}

/* An object that was rewound or reset away, one of elsewhere, or a size that it never had: what
 * follows would read and poison the memory of others.  One of no bytes may be anywhere: what was
 * before it has perhaps been taken back. */
static void check_object(const struct cairn_arena *arena, uintptr_t start, size_t size) {
    if (unlikely(size != 0 && !has_bytes(arena, start, size))) {
        /* As listed: not all arenas are. */
        const struct cairn_region region = {.name = arena->region.name, .kind = "arena"};
        struct text text;
        report_begin(&text, "cairn_arena_resize", start);
        text_decimal(&text, size);
        text_string(&text, " bytes that are not of ");
        registry_describe(&text, &region);
        text_string(&text, ", or not any more");
        report_end(&text);
    }
}

CAIRN_EXPORT void *cairn_arena_resize(struct cairn_arena *arena, void *pointer, size_t old_size,
                                      size_t size, size_t alignment) {
    if (pointer == NULL) {
        return cairn_arena_allocate(arena, size, alignment);
    }
    check_alive(arena, "cairn_arena_resize");
    check_object(arena, (uintptr_t)pointer, old_size);
    uintptr_t start = (uintptr_t)pointer;
    bool last = start >= arena->begin && old_size <= arena->next - start &&
                after(arena, start, old_size) == arena->next;
    if (last && size == 0) {
        fall_back(arena, start);
        return NULL;
    }
    if (last && resize_last(arena, start, size)) {
        return pointer;
    }
    if (size > old_size) {
        return move(arena, start, last, old_size, size, alignment);
    }
    poison(round_up(start + size, GRAIN), round_up(old_size, GRAIN) - round_up(size, GRAIN));
    return size == 0 ? NULL : pointer;
}

static void *resize(void *context, void *pointer, size_t old_size, size_t size, size_t alignment) {
    return cairn_arena_resize((struct cairn_arena *)context, pointer, old_size, size, alignment);
}

CAIRN_EXPORT struct cairn_allocator cairn_arena_allocator(struct cairn_arena *arena) {
    check_alive(arena, "cairn_arena_allocator");
    return (struct cairn_allocator){.resize = resize, .context = arena};
}

/* --- looking ---------------------------------------------------------------------------------- */

CAIRN_EXPORT struct cairn_arena_figures cairn_arena_statistics(const struct cairn_arena *arena) {
    check_alive(arena, "cairn_arena_statistics");
    size_t used = used_of(arena);
    return (struct cairn_arena_figures){
        .used = used,
        .wasted = arena->wasted,
        .reserved = arena->reserved,
        .peak = used > arena->peak ? used : arena->peak,
    };
}

CAIRN_EXPORT bool cairn_arena_owns(const struct cairn_arena *arena, const void *address) {
    check_alive(arena, "cairn_arena_owns");
    return has_bytes(arena, (uintptr_t)address, 1);
}
