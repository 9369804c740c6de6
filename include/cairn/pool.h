/* Pools: many objects of one size, taken and given back in any order, in constant time.
 *
 *     CAIRN_POOL(entity_pool, struct entity)
 *
 *     struct entity_pool entities;
 *     entity_pool_init(&entities, NULL);
 *     struct entity *entity = entity_pool_take(&entities);
 *     entity_pool_give(&entities, entity);
 *     entity_pool_destroy(&entities);
 *
 * When not: objects of many sizes (malloc), that die together (an arena), that are dear to make
 * ready (an object cache).
 *
 * A pool takes its memory from an allocator and grows by doubling, or lives in memory of the
 * caller's and never asks for more.  Two bits for each object, outside the objects, say which are
 * free; nothing of the pool's lies in an object, free or not.  With handles, an object may be named
 * by a number that is recognised as stale once the object was given back.
 *
 * Thread-safety: a pool belongs to one thread at a time, unless it is made with `shared`; then
 * take, give and everything about handles may be called by any thread, and none ever waits for
 * another.  Its figures in cairn_regions_each may be read by any.  The child of a fork may use a
 * shared pool, whatever other threads were doing; what these had, or were just taking, stays taken.
 * Ownership: an object is the caller's from take to give; destroying the pool ends them all.  The
 * pool must not be copied or moved while it is in use.
 * Errors: no memory, and a fixed pool that is full, are NULL.  Giving what is not a live object of
 * the pool (free already, inside an object, foreign), and any use of a destroyed pool, is reported
 * on stderr and ends the process by abort(); but asking a destroyed one for the object of a handle
 * gives NULL.  A NULL pool is a SIGSEGV.
 * Cost: take is inline, 11 instructions; so is give, 24, if the object is of the same word of 64 as
 * the ones before it; else it is a call of 40.  4 bits of memory for each object of up to 128
 * bytes, up to 32 bytes for larger ones, and 4 bytes with handles.  A shared pool: a call and one
 * atomic operation, two to four when it is nearly full; its growth takes time in proportion to what
 * is added.
 *
 * Under the address sanitizer and Valgrind the bytes of free objects are poisoned. */
#ifndef CAIRN_POOL_H
#define CAIRN_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cairn/allocator.h>
#include <cairn/regions.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cairn_pool_options {
    const char *name; /* as reports and cairn_regions_each show it; not copied; NULL: none */
    const struct cairn_allocator *allocator; /* copied; NULL: the heap; unused in a fixed pool */
    size_t alignment; /* of the objects, a power of two; 0: what their size implies, 16 at most */
    size_t first;     /* how many objects the first memory is for, rounded up to 4 KiB of them;
                         0: 64 KiB of them, or 8 */
    size_t most;      /* never more objects than that; 0: no limit */
    bool handles;     /* cairn_pool_handle() and its kin will be used */
    bool shared;      /* several threads will use it at once */
};

/* Names an object of a pool for as long as it lives, and nothing after that.  All zero: no object.
 * (A stale one is taken for valid after 2^32 - 1 lives of objects in the same place.) */
struct cairn_handle {
    uint32_t index;      /* of the place; below cairn_pool_index_limit(): may index other arrays */
    uint32_t generation; /* of the object in it; never 0 for an object */
};

/* --- the insides, here only so that the common path can be inline ----------------------------- */

/* 64 objects, or fewer large ones: object i of a chunk is bit i % 2^word_log of word i >> word_log.
 *
 *   free = avail | freed;  avail & freed = 0;  only the current word has any avail
 *
 * A word of an unshared pool is in the list exactly if freed != 0. */
struct cairn_pool_word {
    uint64_t avail; /* free, and next to be taken */
    uint64_t freed; /* free, for later */
    char *base;     /* the object of bit 0 */
    union {
        struct cairn_pool_word *next; /* in the list of words with freed objects */
        uint64_t next_place;          /* the same in a shared pool: see pool_shared.c */
    } link;
};

struct cairn_span {
    uintptr_t start;
    size_t bytes;
};

/* A run of objects.  touched <= objects;  limit = (shared ? objects : touched) * stride. */
struct cairn_pool_chunk {
    struct cairn_span span; /* the objects' memory */
    size_t limit;           /* bytes from the start on whose words are made */
    struct cairn_pool_word *words;
    uint32_t *generations; /* NULL: no handles; else as many as objects */
    size_t objects;        /* that fit */
    size_t touched;        /* objects that were free to be taken at some time */
    uint32_t number;       /* its place in pool.chunks */
    uint32_t reserved;
    size_t metadata_bytes; /* of the memory that holds this and all above */
};

#define CAIRN_POOL_CHUNKS   64 /* at most; each doubles the pool */
#define CAIRN_POOL_SLOT_LOG 26 /* objects of a chunk at most; index = chunk << 26 | place in it */

struct cairn_pool_shared;
struct cairn_span_table;

struct cairn_pool {
    /* What the inline functions see.  Where they may do nothing themselves (a pool that is shared,
     * poisoned or destroyed), `current` has no objects, `listed` is NULL, warm_bytes is 0 and
     * `table` leads to no memory. */
    struct cairn_pool_word *current; /* where objects are taken from */
    struct cairn_pool_word *listed;  /* words with freed objects, latest first */
    size_t stride;                   /* from object to object */
    struct cairn_pool_word *warm;    /* what is given to; not kept with handles */
    uintptr_t warm_start;            /* its objects */
    size_t warm_bytes;               /* 0: none */
    uint64_t warm_reciprocal;        /* ceil(2^32 / stride) */
    size_t warm_most; /* bytes of a whole word's objects, or 0 if they are too large */

    struct cairn_span *const *table; /* which chunk an address is in; a slot may be another's */
    size_t table_mask;
    uint64_t reciprocal; /* ceil(2^64 / stride) */
    uint8_t granule_log;
    uint8_t word_log;  /* objects of a word */
    uint8_t word_mask; /* the same - 1 */
    uint32_t chunk_count;

    struct cairn_pool_word *hidden_current; /* of a poisoned pool, between calls */
    struct cairn_pool_word *hidden_listed;
    struct cairn_span_table *spans;    /* which chunk an address is in, if in any */
    struct cairn_pool_shared *sharing; /* NULL: not shared */
    size_t size;                       /* of an object, as asked for */
    size_t alignment;
    size_t first;
    size_t most;
    size_t capacity; /* sum of chunk.objects */
    uint32_t state;
    bool fixed; /* in caller memory */
    bool handles;
    struct cairn_allocator allocator;
    struct cairn_region region;
    struct cairn_pool_chunk *chunks[CAIRN_POOL_CHUNKS]; /* atomic; written once each */
};

void *cairn_pool_take_slow(struct cairn_pool *pool);
void cairn_pool_give_slow(struct cairn_pool *pool, void *object);
bool cairn_pool_give_handle_shared(struct cairn_pool *pool, struct cairn_handle handle);

/* --- beginning and end ------------------------------------------------------------------------ */

/* Makes a pool of objects of `size` bytes (0 is as 1) that grows.  options may be NULL, for all
 * zero.  Whatever was there is written over: a pool in use is destroyed first.  Takes memory only
 * when the first object is taken, a shared pool 2 KiB at once.  False with errno EINVAL: size above
 * 16 MiB, or an alignment that is no power of two or above 16 MiB; ENOMEM: no memory. */
CAIRN_ATTRIBUTE(warn_unused_result)
bool cairn_pool_init(struct cairn_pool *pool, size_t size,
                     const struct cairn_pool_options *options);

/* Makes a pool of as many objects as fit into `bytes` bytes of the caller's memory, at any address,
 * which must stay until the pool is destroyed.  It is listed by cairn_regions_each if it has a
 * name; without one, and without AddressSanitizer or Valgrind, it may be left undestroyed.  False
 * with errno EINVAL as above, ENOMEM if not even one object fits. */
CAIRN_ATTRIBUTE(warn_unused_result)
bool cairn_pool_init_fixed(struct cairn_pool *pool, size_t size, void *memory, size_t bytes,
                           const struct cairn_pool_options *options);

/* How much memory cairn_pool_init_fixed() needs for `count` objects; 0 if that is no number. */
CAIRN_ATTRIBUTE(warn_unused_result)
size_t cairn_pool_bytes(size_t size, size_t count, const struct cairn_pool_options *options);

/* Ends the pool and all its objects, and gives its memory back. */
void cairn_pool_destroy(struct cairn_pool *pool);

/* Gives all live objects back, in time proportional to the pool; its memory stays. */
void cairn_pool_reset(struct cairn_pool *pool);

/* --- objects ---------------------------------------------------------------------------------- */

/* An object with undefined contents.  NULL: no memory, or `most` are live, or a fixed pool is
 * full.  (To be sure of that, a shared pool looks at all its words.) */
CAIRN_ATTRIBUTE(warn_unused_result)
static inline void *cairn_pool_take(struct cairn_pool *pool) {
    struct cairn_pool_word *word = pool->current;
    uint64_t avail = word->avail;
    if (__builtin_expect(avail == 0, 0)) {
        word = pool->listed;
        if (__builtin_expect(word == NULL, 0)) {
            return cairn_pool_take_slow(pool);
        }
        avail = word->freed;
        __atomic_store_n(&word->freed, 0, __ATOMIC_RELAXED);
        pool->listed = word->link.next;
        pool->current = word;
    }
    __atomic_store_n(&word->avail, avail & (avail - 1), __ATOMIC_RELAXED);
    return word->base + (unsigned)__builtin_ctzll(avail) * pool->stride;
}

/* Whether offset is that of an object; *index is its number then.  With M = ceil(2^64 / stride) the
 * upper half of offset * M is the quotient, and the lower half is below M exactly if there is no
 * remainder (Lemire, Kaser, Kurz 2019); for that, offset * stride < 2^64, which holds in a
 * chunk. */
static inline bool cairn_pool_divide(const struct cairn_pool *pool, size_t offset, size_t *index) {
    __extension__ typedef unsigned __int128 cairn_wide;
    cairn_wide product = (cairn_wide)offset * pool->reciprocal;
    *index = (size_t)(product >> 64);
    return (uint64_t)product < pool->reciprocal;
}

/* Marks an object of an unshared pool free; false if it is. */
CAIRN_ATTRIBUTE(always_inline)
static inline bool cairn_pool_mark_free(struct cairn_pool *pool, struct cairn_pool_word *word,
                                        uint64_t bit) {
    uint64_t freed = word->freed;
    if (__builtin_expect(((freed | word->avail) & bit) != 0, 0)) {
        return false;
    }
    if (freed == 0) {
        /* The usual case where objects are given and taken in turn, without the list: through that,
         * each call would wait for the stores of the one before it. */
        if (pool->current->avail == 0) {
            __atomic_store_n(&word->avail, bit, __ATOMIC_RELAXED);
            pool->current = word;
            return true;
        }
        word->link.next = pool->listed;
        pool->listed = word;
    }
    __atomic_store_n(&word->freed, freed | bit, __ATOMIC_RELAXED);
    return true;
}

/* The same by its number; the next object of the same word will find it warm. */
CAIRN_ATTRIBUTE(always_inline)
static inline bool cairn_pool_mark(struct cairn_pool *pool, struct cairn_pool_chunk *chunk,
                                   size_t index) {
    struct cairn_pool_word *word = &chunk->words[index >> pool->word_log];
    if (chunk->generations != NULL) {
        uint32_t next = chunk->generations[index] + 1;
        chunk->generations[index] = next + (next == 0);
    } else if (word == pool->current || word == pool->listed) {
        size_t end = chunk->limit + chunk->span.start - (uintptr_t)word->base;
        pool->warm = word;
        pool->warm_start = (uintptr_t)word->base;
        pool->warm_bytes = pool->warm_most < end ? pool->warm_most : end;
    }
    return cairn_pool_mark_free(pool, word, UINT64_C(1) << (index & pool->word_mask));
}

/* The same by its address, which may be any: false if it is none of a live object, as far as can be
 * seen here.  Not inline, or it would take its registers from the way that is. */
CAIRN_ATTRIBUTE(noinline, unused)
static bool cairn_pool_mark_at(struct cairn_pool *pool, uintptr_t address) {
    struct cairn_span *span = pool->table[address >> pool->granule_log & pool->table_mask];
    struct cairn_pool_chunk *chunk = (struct cairn_pool_chunk *)span;
    size_t offset = address - span->start;
    size_t index;
    return __builtin_expect(offset < chunk->limit && cairn_pool_divide(pool, offset, &index), 1) &&
           cairn_pool_mark(pool, chunk, index);
}

/* Ends an object's life.  NULL is ignored.  What is not a live object of the pool is reported. */
CAIRN_ATTRIBUTE(always_inline)
static inline void cairn_pool_give(struct cairn_pool *pool, void *object) {
    /* The division as in cairn_pool_divide(), with 2^32 for 2^64.  In a word that suffices for
     * strides below 2^16: (objects of a word) * stride <= 2^32 / stride. */
    size_t offset = (uintptr_t)object - pool->warm_start;
    uint64_t product = offset * pool->warm_reciprocal;
    if (__builtin_expect(offset < pool->warm_bytes && (uint32_t)product < pool->warm_reciprocal, 1)
            ? !cairn_pool_mark_free(pool, pool->warm, UINT64_C(1) << (product >> 32))
            : !cairn_pool_mark_at(pool, (uintptr_t)object)) {
        cairn_pool_give_slow(pool, object);
    }
}

/* Whether an address, any address whatsoever, is that of a live object of the pool. */
CAIRN_ATTRIBUTE(warn_unused_result)
bool cairn_pool_owns(const struct cairn_pool *pool, const void *address);

/* --- handles; the pool was made with them ----------------------------------------------------- */

/* The handle of a live object.  All zero for what is none, and for a pool without handles. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_handle cairn_pool_handle(const struct cairn_pool *pool, const void *object);

/* The object of a handle; NULL if it was given back meanwhile, or if the handle never was one of
 * this pool's. */
CAIRN_ATTRIBUTE(warn_unused_result)
static inline void *cairn_pool_get(const struct cairn_pool *pool, struct cairn_handle handle) {
    uint32_t number = handle.index >> CAIRN_POOL_SLOT_LOG;
    size_t slot = handle.index & ((1U << CAIRN_POOL_SLOT_LOG) - 1);
    if (handle.generation == 0 || number >= __atomic_load_n(&pool->chunk_count, __ATOMIC_ACQUIRE)) {
        return NULL;
    }
    const struct cairn_pool_chunk *chunk = __atomic_load_n(&pool->chunks[number], __ATOMIC_RELAXED);
    if (slot >= __atomic_load_n(&chunk->touched, __ATOMIC_RELAXED) || chunk->generations == NULL ||
        __atomic_load_n(&chunk->generations[slot], __ATOMIC_RELAXED) != handle.generation) {
        return NULL;
    }
    return (void *)(chunk->span.start + slot * pool->stride);
}

/* Gives back the object of a handle.  False if it is stale: nothing happens then.  Of several
 * threads that give the same handle back, one does. */
static inline bool cairn_pool_give_handle(struct cairn_pool *pool, struct cairn_handle handle) {
    if (__builtin_expect(pool->sharing != NULL, 0)) {
        return cairn_pool_give_handle_shared(pool, handle);
    }
    void *object = cairn_pool_get(pool, handle);
    if (object != NULL) {
        cairn_pool_give(pool, object);
    }
    return object != NULL;
}

/* No index of a handle is this large yet; it may grow with the pool.  For a pool that has not grown
 * beyond its first memory (fixed ones never do) it is how many objects that holds. */
CAIRN_ATTRIBUTE(warn_unused_result)
size_t cairn_pool_index_limit(const struct cairn_pool *pool);

/* --- going through the live objects ----------------------------------------------------------- */

struct cairn_pool_cursor {
    uint32_t chunk;
    uint32_t index;
};

/* The next live object, in the order of places; NULL after the last.  Begin with a cursor that is
 * all zero.  Objects may be given back and taken on the way; one that is taken may be met or not.
 * In a shared pool every object that lives throughout is met. */
CAIRN_ATTRIBUTE(warn_unused_result)
void *cairn_pool_next(const struct cairn_pool *pool, struct cairn_pool_cursor *cursor);

/* --- looking ---------------------------------------------------------------------------------- */

struct cairn_pool_figures {
    size_t live;     /* objects that were taken and not given back */
    size_t used;     /* their bytes, with what alignment costs */
    size_t reserved; /* bytes of all memory that the pool holds */
    size_t peak;     /* bytes of the most objects that lived at once, at most 64 too many */
};

/* Counts the bits, so that nothing is paid for it before. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_pool_figures cairn_pool_statistics(const struct cairn_pool *pool);

/* --- a pool of a type ------------------------------------------------------------------------- */

/* Declares `struct name` and name_init(), name_init_fixed(), name_destroy(), name_reset(),
 * name_take(), name_give(), name_handle(), name_get(), name_give_handle() and name_next(): what is
 * above, with pointers to `type`.  (struct name).pool is for the rest. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type may not stand in parentheses. */
#define CAIRN_POOL(name, type)                                                                     \
    struct name {                                                                                  \
        struct cairn_pool pool;                                                                    \
    };                                                                                             \
    CAIRN_ATTRIBUTE(unused)                                                                        \
    static inline struct cairn_pool_options name##_options(                                        \
        const struct cairn_pool_options *options) {                                                \
        struct cairn_pool_options own = {0, 0, 0, 0, 0, 0, 0};                                     \
        if (options != NULL) {                                                                     \
            own = *options;                                                                        \
        }                                                                                          \
        if (own.alignment < CAIRN_ALIGNOF(type)) {                                                 \
            own.alignment = CAIRN_ALIGNOF(type);                                                   \
        }                                                                                          \
        return own;                                                                                \
    }                                                                                              \
    CAIRN_ATTRIBUTE(unused, warn_unused_result)                                                    \
    static inline bool name##_init(struct name *typed, const struct cairn_pool_options *options) { \
        struct cairn_pool_options own = name##_options(options);                                   \
        return cairn_pool_init(&typed->pool, sizeof(type), &own);                                  \
    }                                                                                              \
    CAIRN_ATTRIBUTE(unused, warn_unused_result)                                                    \
    static inline bool name##_init_fixed(struct name *typed, void *memory, size_t bytes,           \
                                         const struct cairn_pool_options *options) {               \
        struct cairn_pool_options own = name##_options(options);                                   \
        return cairn_pool_init_fixed(&typed->pool, sizeof(type), memory, bytes, &own);             \
    }                                                                                              \
    CAIRN_ATTRIBUTE(unused)                                                                        \
    static inline void name##_destroy(struct name *typed) { cairn_pool_destroy(&typed->pool); }    \
    CAIRN_ATTRIBUTE(unused)                                                                        \
    static inline void name##_reset(struct name *typed) { cairn_pool_reset(&typed->pool); }        \
    CAIRN_ATTRIBUTE(unused, warn_unused_result)                                                    \
    static inline type *name##_take(struct name *typed) {                                          \
        return CAIRN_POINTER(type, cairn_pool_take(&typed->pool));                                 \
    }                                                                                              \
    CAIRN_ATTRIBUTE(unused)                                                                        \
    static inline void name##_give(struct name *typed, type *object) {                             \
        cairn_pool_give(&typed->pool, object);                                                     \
    }                                                                                              \
    CAIRN_ATTRIBUTE(unused, warn_unused_result)                                                    \
    static inline struct cairn_handle name##_handle(const struct name *typed,                      \
                                                    const type *object) {                          \
        return cairn_pool_handle(&typed->pool, object);                                            \
    }                                                                                              \
    CAIRN_ATTRIBUTE(unused, warn_unused_result)                                                    \
    static inline type *name##_get(const struct name *typed, struct cairn_handle handle) {         \
        return CAIRN_POINTER(type, cairn_pool_get(&typed->pool, handle));                          \
    }                                                                                              \
    CAIRN_ATTRIBUTE(unused)                                                                        \
    static inline bool name##_give_handle(struct name *typed, struct cairn_handle handle) {        \
        return cairn_pool_give_handle(&typed->pool, handle);                                       \
    }                                                                                              \
    CAIRN_ATTRIBUTE(unused, warn_unused_result)                                                    \
    static inline type *name##_next(const struct name *typed, struct cairn_pool_cursor *cursor) {  \
        return CAIRN_POINTER(type, cairn_pool_next(&typed->pool, cursor));                         \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

#ifdef __cplusplus
}
#endif

#endif
