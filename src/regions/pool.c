/* Pools: chunks, growth, and the kind for one thread.
 *
 * Objects are taken from one word at a time.  When it has none left, the word in which an object
 * was given back last is next, so that memory which is warm is used again; only when no object is
 * free are those taken that never were used.  The list of words is a stack through the
 * words, outside the objects: every step is constant, whatever the pool's size. */
#include "regions/pool_parts.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "core/report.h"
#include "regions/registry.h"

enum {
    SIZE_MOST = 16 << 20,
    FIRST_BYTES = 64 << 10, /* the default first chunk */
    GRANULE_LEAST = 4096,   /* each costs 16 bytes of table or more */
    FIRST_OBJECTS = 8,      /* or so many of large objects */
    WORD_BYTES = 8 << 10 /* objects of a word, which are taken in turn: what stays in the cache */
};

#define SLOTS_MOST ((size_t)1 << CAIRN_POOL_SLOT_LOG)
#define CHUNK_MOST ((size_t)1 << 39) /* bytes; times SIZE_MOST it is below 2^64 */

/* Where a pool looks for objects that must not find any inline: see struct cairn_pool. */
static struct cairn_pool_word no_word;
static struct cairn_pool_chunk no_chunk;
static struct cairn_span *const no_table[1] = {&no_chunk.span};
static struct cairn_span_table no_spans = {
    .empty = &no_chunk.span, .granule_log = 63, .slots = {&no_chunk.span}};

static size_t at_most(size_t a, size_t b) { return a < b ? a : b; }

static size_t at_least(size_t a, size_t b) { return a > b ? a : b; }

/* --- reports ---------------------------------------------------------------------------------- */

static void describe_object(struct text *text, const struct cairn_pool *pool) {
    text_string(text, "an object of ");
    text_decimal(text, pool->size);
    text_string(text, " bytes of ");
    registry_describe(text, &pool->region);
}

/* Whatever `pointer` is, it is not a live object of the pool. */
static _Noreturn void report_give(const struct cairn_pool *pool, uintptr_t pointer) {
    struct text text;
    report_begin(&text, "cairn_pool_give", pointer);
    const struct cairn_span *span = span_table_find(pool->spans, pointer);
    const struct cairn_pool_chunk *chunk = (const struct cairn_pool_chunk *)span;
    size_t offset = span == NULL ? 0 : pointer - span->start;
    if (span == NULL || offset >= chunk->objects * pool->stride) {
        text_string(&text, "pointer that is not of ");
        registry_describe(&text, &pool->region);
    } else if (offset % pool->stride != 0) {
        text_string(&text, "pointer ");
        text_decimal(&text, offset % pool->stride);
        text_string(&text, " bytes into ");
        describe_object(&text, pool);
        text_string(&text, " that starts at ");
        text_address(&text, pointer - offset % pool->stride);
    } else {
        text_string(&text, offset < chunk->touched * pool->stride ? "double give of "
                                                                  : "give, before any take, of ");
        describe_object(&text, pool);
    }
    report_end(&text);
}

/* A pool that can't be used; its name may be gone with whatever it belonged to. */
static void require_live(const struct cairn_pool *pool, const char *function) {
    if (unlikely(pool->state != POOL_LIVE)) {
        report_misuse(function, pool,
                      pool->state == POOL_DESTROYED ? "use of a pool that was destroyed"
                                                    : "use of what is no pool");
    }
}

/* --- chunks ----------------------------------------------------------------------------------- */

static size_t granules_of(const struct cairn_pool *pool, size_t bytes) {
    return ((bytes - 1) >> pool->granule_log) + 1;
}

/* Where the parts of a chunk's metadata are. */
struct layout {
    size_t table, words, generations, end;
};

static struct layout layout_of(const struct cairn_pool *pool, size_t entries, size_t objects) {
    struct layout layout;
    layout.table = round_up(sizeof(struct cairn_pool_chunk), CACHE_LINE);
    layout.words = round_up(layout.table + span_table_bytes(entries), CACHE_LINE);
    layout.generations = layout.words + words_of(pool, objects) * sizeof(struct cairn_pool_word);
    layout.end = layout.generations + (pool->handles ? objects * sizeof(uint32_t) : 0);
    layout.end = round_up(layout.end, CACHE_LINE);
    return layout;
}

/* A chunk of objects at `start`, with the table of all chunks before it. */
static struct cairn_pool_chunk *chunk_make(struct cairn_pool *pool, uint32_t number, char *metadata,
                                           const struct layout *layout, void *start,
                                           size_t objects) {
    struct cairn_pool_chunk *chunk = (struct cairn_pool_chunk *)(void *)metadata;
    *chunk = (struct cairn_pool_chunk){
        .span = {.start = (uintptr_t)start, .bytes = objects * pool->stride},
        .words = (struct cairn_pool_word *)(void *)(metadata + layout->words),
        .objects = objects,
        .number = number,
        .metadata_bytes = layout->end,
    };
    if (pool->handles) {
        chunk->generations = (uint32_t *)(void *)(metadata + layout->generations);
    }
    poison(chunk->span.start, chunk->span.bytes);
    if (pool->sharing != NULL) {
        pool_shared_fill(pool, chunk);
    }
    return chunk;
}

static size_t entries_with(const struct cairn_pool *pool, uint32_t count, size_t bytes) {
    size_t entries = granules_of(pool, bytes);
    for (uint32_t i = 0; i < count; i++) {
        entries += granules_of(pool, pool_chunk_at(pool, i)->span.bytes);
    }
    return entries;
}

static void table_fill(struct cairn_pool *pool, struct cairn_pool_chunk *chunk, void *memory,
                       size_t entries) {
    struct cairn_span_table *table =
        span_table_init(memory, entries, pool->granule_log, &no_chunk.span);
    for (uint32_t i = 0; i < chunk->number; i++) {
        span_table_add(table, &pool_chunk_at(pool, i)->span);
    }
    span_table_add(table, &chunk->span);
}

static struct cairn_pool_chunk *chunk_allocate(struct cairn_pool *pool, uint32_t count,
                                               size_t objects) {
    size_t bytes = objects * pool->stride;
    size_t entries = entries_with(pool, count, bytes);
    struct layout layout = layout_of(pool, entries, objects);
    char *metadata = cairn_allocate(&pool->allocator, layout.end, CACHE_LINE);
    void *start = metadata == NULL
                      ? NULL
                      : cairn_allocate(&pool->allocator, bytes, (size_t)1 << pool->granule_log);
    if (start == NULL) {
        cairn_release(&pool->allocator, metadata, layout.end, CACHE_LINE);
        return NULL;
    }
    struct cairn_pool_chunk *chunk = chunk_make(pool, count, metadata, &layout, start, objects);
    table_fill(pool, chunk, metadata + layout.table, entries);
    return chunk;
}

struct cairn_pool_chunk *pool_chunk_new(struct cairn_pool *pool, uint32_t count, size_t capacity) {
    if (pool->fixed || count == CAIRN_POOL_CHUNKS || capacity >= pool->most) {
        return NULL;
    }
    size_t room = at_most(pool->most - capacity, at_most(SLOTS_MOST, CHUNK_MOST / pool->stride));
    size_t granule = (size_t)1 << pool->granule_log;
    size_t granules = granules_of(pool, (count == 0 ? pool->first : capacity) * pool->stride);
    struct cairn_pool_chunk *chunk = NULL;
    for (; chunk == NULL && granules != 0; granules /= 2) {
        chunk = chunk_allocate(pool, count, at_most(granules * granule / pool->stride, room));
    }
    return chunk;
}

void pool_chunk_delete(struct cairn_pool *pool, struct cairn_pool_chunk *chunk) {
    void *start = (void *)chunk->span.start;
    unpoison(chunk->span.start, chunk->span.bytes);
    if (!pool->fixed) {
        cairn_release(&pool->allocator, start, chunk->span.bytes, (size_t)1 << pool->granule_log);
        cairn_release(&pool->allocator, chunk, chunk->metadata_bytes, CACHE_LINE);
    }
}

struct cairn_pool_chunk *pool_chunk_claim(struct cairn_pool *pool, uint32_t number,
                                          struct cairn_pool_chunk *chunk) {
    struct cairn_pool_chunk *first = NULL;
    if (number == CAIRN_POOL_CHUNKS) {
        return NULL;
    }
    /* Who comes second finds what the chunk leads to. */
    return __atomic_compare_exchange_n(&pool->chunks[number], &first, chunk, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
               ? chunk
               : first;
}

/* It came with the chunk, and has all chunks up to it. */
static struct cairn_span_table *table_of(struct cairn_pool_chunk *chunk) {
    return (struct cairn_span_table *)(void *)((char *)chunk + round_up(sizeof *chunk, CACHE_LINE));
}

/* Each step goes from what was before the chunk to what is with it, once, whoever takes it. */
void pool_chunk_publish(struct cairn_pool *pool, struct cairn_pool_chunk *chunk) {
    uint32_t count = chunk->number;
    struct cairn_span_table *spans =
        count == 0 ? &no_spans : table_of(pool_chunk_at(pool, count - 1));
    size_t capacity = pool_capacity_of(pool, count);
    /* release: who sees the table, or the count, finds the chunks that it leads to. */
    (void)__atomic_compare_exchange_n(&pool->spans, &spans, table_of(chunk), false,
                                      __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    (void)__atomic_compare_exchange_n(&pool->capacity, &capacity, capacity + chunk->objects, false,
                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    (void)__atomic_compare_exchange_n(&pool->chunk_count, &count, chunk->number + 1, false,
                                      __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    if (pool->sharing == NULL && !poison_is_active()) {
        pool->table = pool->spans->slots;
        pool->table_mask = pool->spans->mask;
    }
}

void pool_word_init(struct cairn_pool *pool, struct cairn_pool_chunk *chunk, size_t w) {
    size_t first = w << pool->word_log;
    chunk->words[w] = (struct cairn_pool_word){
        .base = (char *)chunk->span.start + first * pool->stride,
    };
    size_t end = at_most(first + ((size_t)1 << pool->word_log), chunk->objects);
    for (size_t i = first; i < end && chunk->generations != NULL; i++) {
        chunk->generations[i] = 1;
    }
}

uint64_t pool_free_bits(const struct cairn_pool_word *word) {
    /* relaxed: of a shared pool it is a snapshot; the word of another has one writer. */
    return __atomic_load_n(&word->freed, __ATOMIC_RELAXED) |
           __atomic_load_n(&word->avail, __ATOMIC_RELAXED);
}

/* --- figures ---------------------------------------------------------------------------------- */

static uint32_t chunk_count(const struct cairn_pool *pool) {
    return __atomic_load_n(&pool->chunk_count, __ATOMIC_ACQUIRE);
}

/* Which of the chunk's objects can be live, as far as is known.  acquire: their words are made. */
static size_t touched_of(const struct cairn_pool_chunk *chunk) {
    return __atomic_load_n(&chunk->touched, __ATOMIC_ACQUIRE);
}

/* The live objects of word w, as bits. */
static uint64_t live_bits(const struct cairn_pool *pool, const struct cairn_pool_chunk *chunk,
                          size_t w, size_t touched) {
    return ~pool_free_bits(&chunk->words[w]) & pool_word_mask(pool, w, touched);
}

/* Any thread may ask, also of a pool that another thread is using.  Objects are touched only when
 * no other is free, so all of them lived at once, but for those of the last touch. */
static struct cairn_pool_figures pool_figures(const struct cairn_pool *pool) {
    struct cairn_pool_figures figures = {0};
    figures.reserved = pool->sharing != NULL ? pool_shared_bytes : 0;
    for (uint32_t i = 0; i < chunk_count(pool); i++) {
        const struct cairn_pool_chunk *chunk = pool_chunk_at(pool, i);
        size_t touched = touched_of(chunk);
        for (size_t w = 0; w < words_of(pool, touched); w++) {
            figures.live += count_bits(live_bits(pool, chunk, w, touched));
        }
        figures.peak += touched * pool->stride;
        figures.reserved += chunk->span.bytes + chunk->metadata_bytes;
    }
    figures.used = figures.live * pool->stride;
    return figures;
}

static void read_usage(const struct cairn_region *region, struct cairn_region_usage *usage) {
    const struct cairn_pool *pool =
        (const struct cairn_pool *)((const char *)region - offsetof(struct cairn_pool, region));
    struct cairn_pool_figures figures = pool_figures(pool);
    usage->used = figures.used;
    usage->reserved = figures.reserved;
    usage->peak = figures.peak;
}

/* --- beginning and end ------------------------------------------------------------------------ */

static bool set_up(struct cairn_pool *pool, size_t size, const struct cairn_pool_options *options) {
    static const struct cairn_pool_options none;
    options = options == NULL ? &none : options;
    size = at_least(size, 1);
    size_t alignment = options->alignment;
    if (alignment == 0) {
        alignment = at_most(size & -size, 16);
    }
    if (size > SIZE_MOST || !is_power_of_two(alignment) || alignment > SIZE_MOST) {
        errno = EINVAL;
        return false;
    }
    /* One byte apart, the reciprocal would be 2^64. */
    size_t stride = round_up(at_least(size, 2), alignment);
    size_t most = options->most == 0 ? SIZE_MAX : options->most;
    size_t first = options->first == 0 ? at_least(FIRST_BYTES / stride, FIRST_OBJECTS)
                                       : at_most(options->first, SLOTS_MOST);
    first = at_most(first, CHUNK_MOST / stride);
    first = at_most(first, most);
    size_t granule = at_most(at_least(FIRST_BYTES, next_power_of_two(FIRST_OBJECTS * stride)),
                             next_power_of_two(first * stride));
    granule = at_least(granule, GRANULE_LEAST);
    size_t per_word = at_most(WORD_BYTES / next_power_of_two(stride), 64);
    *pool = (struct cairn_pool){
        .current = &no_word,
        .table = no_table,
        .granule_log = (uint8_t)lowest_bit(at_least(granule, alignment)),
        .word_log = (uint8_t)lowest_bit(at_least(per_word, 1)),
        .word_mask = (uint8_t)(at_least(per_word, 1) - 1),
        .stride = stride,
        .warm_reciprocal = UINT32_MAX / stride + 1,
        .warm_most = stride > UINT16_MAX ? 0 : stride * at_least(per_word, 1),
        .reciprocal = UINT64_MAX / stride + 1,
        .hidden_current = &no_word,
        .spans = &no_spans,
        .size = size,
        .alignment = alignment,
        .first = first,
        .most = most,
        .state = POOL_LIVE,
        .handles = options->handles,
        .region = {.name = options->name, .kind = "pool", .read = read_usage},
        .allocator = options->allocator == NULL ? cairn_heap_allocator : *options->allocator,
    };
    return true;
}

static bool is_shared(const struct cairn_pool_options *options) {
    return options != NULL && options->shared;
}

CAIRN_EXPORT bool cairn_pool_init(struct cairn_pool *pool, size_t size,
                                  const struct cairn_pool_options *options) {
    if (!set_up(pool, size, options)) {
        return false;
    }
    if (is_shared(options)) {
        void *memory = cairn_allocate(&pool->allocator, pool_shared_bytes, CACHE_LINE);
        if (memory == NULL) {
            errno = ENOMEM;
            return false;
        }
        pool_shared_start(pool, memory);
        registry_add(&pool->region);
    }
    return true;
}

/* Objects that fit behind their metadata into `bytes` bytes that begin aligned to a cache line. */
static size_t objects_in(const struct cairn_pool *pool, size_t bytes) {
    /* What 64 objects take at least, so that the search begins at no fewer than fit. */
    size_t for_64 = 64 * pool->stride + words_of(pool, 64) * sizeof(struct cairn_pool_word) +
                    (pool->handles ? 64 * sizeof(uint32_t) : 0);
    size_t objects =
        at_most(bytes / for_64 * 64 + 64, at_most(SLOTS_MOST, CHUNK_MOST / pool->stride));
    for (; objects != 0; objects--) {
        size_t end = layout_of(pool, 1, objects).end;
        if (round_up(end, pool->alignment) + objects * pool->stride <= bytes) {
            break;
        }
    }
    return at_most(objects, pool->most);
}

CAIRN_EXPORT bool cairn_pool_init_fixed(struct cairn_pool *pool, size_t size, void *memory,
                                        size_t bytes, const struct cairn_pool_options *options) {
    if (!set_up(pool, size, options)) {
        return false;
    }
    pool->fixed = true;
    pool->granule_log = 63; /* one granule, whatever the address */
    size_t line = at_least(CACHE_LINE, pool->alignment);
    size_t skipped = round_up((uintptr_t)memory, line) - (uintptr_t)memory;
    size_t front = is_shared(options) ? round_up(pool_shared_bytes, line) : 0;
    size_t objects = bytes < skipped + front ? 0 : objects_in(pool, bytes - skipped - front);
    if (objects == 0) {
        errno = ENOMEM;
        return false;
    }
    char *at = (char *)memory + skipped;
    if (is_shared(options)) {
        pool_shared_start(pool, at);
    }
    struct layout layout = layout_of(pool, 1, objects);
    char *start = at + front + round_up(layout.end, pool->alignment);
    struct cairn_pool_chunk *chunk = chunk_make(pool, 0, at + front, &layout, start, objects);
    table_fill(pool, chunk, at + front + layout.table, 1);
    pool_chunk_publish(pool, pool_chunk_claim(pool, 0, chunk));
    if (pool->sharing != NULL) {
        pool_shared_offer(pool, chunk);
    }
    if (pool->region.name != NULL) {
        registry_add(&pool->region);
    }
    return true;
}

CAIRN_EXPORT size_t cairn_pool_bytes(size_t size, size_t count,
                                     const struct cairn_pool_options *options) {
    struct cairn_pool pool;
    if (!set_up(&pool, size, options) || count == 0 || count > SLOTS_MOST) {
        return 0;
    }
    size_t line = at_least(CACHE_LINE, pool.alignment);
    size_t front = is_shared(options) ? round_up(pool_shared_bytes, line) : 0;
    return line + front + round_up(layout_of(&pool, 1, count).end, pool.alignment) +
           count * pool.stride;
}

CAIRN_EXPORT void cairn_pool_destroy(struct cairn_pool *pool) {
    require_live(pool, "cairn_pool_destroy");
    registry_remove(&pool->region);
    /* In the child of a fork one may not have been published. */
    for (uint32_t i = 0; i < CAIRN_POOL_CHUNKS && pool_chunk_at(pool, i) != NULL; i++) {
        pool_chunk_delete(pool, pool_chunk_at(pool, i));
    }
    if (pool->sharing != NULL && !pool->fixed) {
        cairn_release(&pool->allocator, pool->sharing, pool_shared_bytes, CACHE_LINE);
    }
    *pool = (struct cairn_pool){
        .current = &no_word,
        .table = no_table,
        .spans = &no_spans,
        .state = POOL_DESTROYED,
    };
}

CAIRN_EXPORT void cairn_pool_reset(struct cairn_pool *pool) {
    require_live(pool, "cairn_pool_reset");
    struct cairn_pool_cursor cursor = {0};
    for (void *object; (object = cairn_pool_next(pool, &cursor)) != NULL;) {
        cairn_pool_give(pool, object);
    }
}

/* --- objects, one thread ---------------------------------------------------------------------- */

/* The inline functions, which do not poison, find nothing in a pool that is poisoned; the slow ones
 * do what they would, and it may be seen meanwhile. */
static void reveal(struct cairn_pool *pool) {
    if (poison_is_active() && pool->sharing == NULL) {
        pool->current = pool->hidden_current;
        pool->listed = pool->hidden_listed;
    }
}

static void conceal(struct cairn_pool *pool) {
    if (poison_is_active() && pool->sharing == NULL) {
        pool->hidden_current = pool->current;
        pool->hidden_listed = pool->listed;
        pool->current = &no_word;
        pool->listed = NULL;
        pool->warm_bytes = 0;
    }
}

/* Makes a word of objects current that were never used; false if the last chunk has none left. */
static bool touch(struct cairn_pool *pool) {
    struct cairn_pool_chunk *chunk =
        pool->chunk_count == 0 ? &no_chunk : pool_chunk_at(pool, pool->chunk_count - 1);
    if (chunk->touched == chunk->objects) {
        return false;
    }
    size_t w = chunk->touched >> pool->word_log;
    pool_word_init(pool, chunk, w);
    chunk->words[w].avail = pool_word_mask(pool, w, chunk->objects);
    size_t touched = at_most((w + 1) << pool->word_log, chunk->objects);
    chunk->limit = touched * pool->stride;
    __atomic_store_n(&chunk->touched, touched, __ATOMIC_RELEASE); /* the word is made */
    pool->current = &chunk->words[w];
    return true;
}

static void *take_alone(struct cairn_pool *pool) {
    if (pool->current->avail == 0 && pool->listed == NULL && !touch(pool)) {
        struct cairn_pool_chunk *chunk = pool_chunk_new(pool, pool->chunk_count, pool->capacity);
        if (chunk == NULL) {
            return NULL;
        }
        pool_chunk_publish(pool, pool_chunk_claim(pool, chunk->number, chunk));
        if (chunk->number == 0) {
            registry_add(&pool->region);
        }
        (void)touch(pool);
    }
    return cairn_pool_take(pool);
}

CAIRN_EXPORT void *cairn_pool_take_slow(struct cairn_pool *pool) {
    require_live(pool, "cairn_pool_take");
    reveal(pool);
    void *object = pool->sharing != NULL ? pool_shared_take(pool) : take_alone(pool);
    conceal(pool);
    if (object != NULL) {
        unpoison((uintptr_t)object, pool->size);
    }
    return object;
}

/* Where an address is an object's that may be live. */
static bool find(const struct cairn_pool *pool, const void *address, struct pool_place *place) {
    const struct cairn_span_table *spans = __atomic_load_n(&pool->spans, __ATOMIC_ACQUIRE);
    place->chunk = (struct cairn_pool_chunk *)span_table_find(spans, (uintptr_t)address);
    if (place->chunk == NULL) {
        return false;
    }
    size_t offset = (uintptr_t)address - place->chunk->span.start;
    return offset < place->chunk->limit && cairn_pool_divide(pool, offset, &place->index);
}

static bool is_live(const struct cairn_pool *pool, const struct pool_place *place) {
    uint64_t free = pool_free_bits(&place->chunk->words[place->index >> pool->word_log]);
    return (free >> pool_bit(pool, place->index) & 1) == 0;
}

static uint32_t generation_of(const struct pool_place *place) {
    return __atomic_load_n(&place->chunk->generations[place->index], __ATOMIC_RELAXED);
}

/* The object's one owner gives it by its address; a handle that is given back meanwhile is a second
 * give of it. */
static bool give_shared(struct cairn_pool *pool, struct pool_place place) {
    return (!pool->handles || pool_shared_end_handle(place, generation_of(&place))) &&
           pool_shared_mark_free(pool, place);
}

CAIRN_EXPORT void cairn_pool_give_slow(struct cairn_pool *pool, void *object) {
    if (object == NULL) {
        return;
    }
    require_live(pool, "cairn_pool_give");
    struct pool_place place;
    if (!find(pool, object, &place)) {
        report_give(pool, (uintptr_t)object);
    }
    /* Before it is free: another thread may take it the moment it is. */
    poison((uintptr_t)object, pool->stride);
    reveal(pool);
    bool given = pool->sharing != NULL ? give_shared(pool, place)
                                       : cairn_pool_mark(pool, place.chunk, place.index);
    conceal(pool);
    if (!given) {
        report_give(pool, (uintptr_t)object);
    }
}

CAIRN_EXPORT bool cairn_pool_owns(const struct cairn_pool *pool, const void *address) {
    require_live(pool, "cairn_pool_owns");
    struct pool_place place;
    return find(pool, address, &place) && is_live(pool, &place);
}

/* --- handles, iteration ----------------------------------------------------------------------- */

CAIRN_EXPORT struct cairn_handle cairn_pool_handle(const struct cairn_pool *pool,
                                                   const void *object) {
    require_live(pool, "cairn_pool_handle");
    struct cairn_handle handle = {0};
    struct pool_place place;
    if (pool->handles && find(pool, object, &place) && is_live(pool, &place)) {
        handle.index = place.chunk->number << CAIRN_POOL_SLOT_LOG | (uint32_t)place.index;
        handle.generation = generation_of(&place);
    }
    return handle;
}

CAIRN_EXPORT bool cairn_pool_give_handle_shared(struct cairn_pool *pool,
                                                struct cairn_handle handle) {
    void *object = cairn_pool_get(pool, handle);
    struct pool_place place;
    if (object == NULL || !find(pool, object, &place) ||
        !pool_shared_end_handle(place, handle.generation)) {
        return false;
    }
    poison((uintptr_t)object, pool->stride);
    if (!pool_shared_mark_free(pool, place)) {
        report_give(pool, (uintptr_t)object);
    }
    return true;
}

CAIRN_EXPORT void *cairn_pool_next(const struct cairn_pool *pool,
                                   struct cairn_pool_cursor *cursor) {
    require_live(pool, "cairn_pool_next");
    for (; cursor->chunk < chunk_count(pool); cursor->chunk++, cursor->index = 0) {
        const struct cairn_pool_chunk *chunk = pool_chunk_at(pool, cursor->chunk);
        size_t touched = touched_of(chunk);
        while (cursor->index < touched) {
            size_t w = cursor->index >> pool->word_log;
            uint64_t live = live_bits(pool, chunk, w, touched) >> pool_bit(pool, cursor->index);
            if (live != 0) {
                size_t index = cursor->index + lowest_bit(live);
                cursor->index = (uint32_t)index + 1;
                return (void *)(chunk->span.start + index * pool->stride);
            }
            cursor->index = (uint32_t)((w + 1) << pool->word_log);
        }
    }
    return NULL;
}

/* --- looking ---------------------------------------------------------------------------------- */

CAIRN_EXPORT size_t cairn_pool_index_limit(const struct cairn_pool *pool) {
    require_live(pool, "cairn_pool_index_limit");
    uint32_t count = chunk_count(pool);
    return count == 0 ? 0
                      : ((size_t)(count - 1) << CAIRN_POOL_SLOT_LOG) +
                            pool_chunk_at(pool, count - 1)->objects;
}

CAIRN_EXPORT struct cairn_pool_figures cairn_pool_statistics(const struct cairn_pool *pool) {
    require_live(pool, "cairn_pool_statistics");
    return pool_figures(pool);
}
