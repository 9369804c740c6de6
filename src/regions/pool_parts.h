/* What the two kinds of pools share: pool.c has the parts that do not depend on the kind and the
 * kind for one thread, pool_shared.c the kind for several. */
#ifndef CAIRN_REGIONS_POOL_PARTS_H
#define CAIRN_REGIONS_POOL_PARTS_H

#include <cairn/pool.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "regions/poison.h"
#include "regions/span_table.h"

/* The image of a pool that was never made is all zero. */
enum pool_state { POOL_LIVE = 1, POOL_DESTROYED = 2 };

/* An object by its place. */
struct pool_place {
    struct cairn_pool_chunk *chunk;
    size_t index;
};

static inline size_t words_of(const struct cairn_pool *pool, size_t objects) {
    return (objects + low_mask(pool->word_log)) >> pool->word_log;
}

/* Which bit of its word an object is. */
static inline unsigned pool_bit(const struct cairn_pool *pool, size_t index) {
    return (unsigned)index & pool->word_mask;
}

/* The bits of word w's objects that are below `end`; w < words_of(end). */
static inline uint64_t pool_word_mask(const struct cairn_pool *pool, size_t w, size_t end) {
    size_t first = w << pool->word_log;
    size_t most = (size_t)1 << pool->word_log;
    return low_mask((unsigned)(end - first < most ? end - first : most));
}

uint64_t pool_free_bits(const struct cairn_pool_word *word);

/* One more chunk, in no list yet, for a pool of `count` chunks and `capacity` objects.  NULL: no
 * memory, or the pool may not grow. */
struct cairn_pool_chunk *pool_chunk_new(struct cairn_pool *pool, uint32_t count, size_t capacity);
void pool_chunk_delete(struct cairn_pool *pool, struct cairn_pool_chunk *chunk);

/* The pool's chunk of a number below chunk_count; of any number: NULL if there is none yet.
 * relaxed: the count was read before, with acquire, or the pool is the caller's alone. */
static inline struct cairn_pool_chunk *pool_chunk_at(const struct cairn_pool *pool,
                                                     uint32_t number) {
    return __atomic_load_n(&pool->chunks[number], __ATOMIC_RELAXED);
}

/* The objects of its first `count` chunks. */
static inline size_t pool_capacity_of(const struct cairn_pool *pool, uint32_t count) {
    size_t capacity = 0;
    for (uint32_t i = 0; i < count; i++) {
        capacity += pool_chunk_at(pool, i)->objects;
    }
    return capacity;
}

/* The pool's chunk of the number: this one, if none was before it; NULL: there is none.  It is to
 * be published next, by whoever knows of it: several threads may do that at once, and one that a
 * fork left out in the middle of it keeps nobody waiting. */
struct cairn_pool_chunk *pool_chunk_claim(struct cairn_pool *pool, uint32_t number,
                                          struct cairn_pool_chunk *chunk);
void pool_chunk_publish(struct cairn_pool *pool, struct cairn_pool_chunk *chunk);

/* Makes word w ready, all its objects taken, and the generations of its objects. */
void pool_word_init(struct cairn_pool *pool, struct cairn_pool_chunk *chunk, size_t w);

/* Whether every equation in cairn/pool.h holds; if not, *what names one that does not.  No other
 * thread may use the pool meanwhile. */
bool pool_holds(const struct cairn_pool *pool, const char **what);

/* --- the kind for several threads ------------------------------------------------------------- */

extern const size_t pool_shared_bytes;

/* memory: of pool_shared_bytes, aligned to a cache line. */
void pool_shared_start(struct cairn_pool *pool, void *memory);

/* All objects of a new chunk, to be called before it is published, and after it. */
void pool_shared_fill(struct cairn_pool *pool, struct cairn_pool_chunk *chunk);
void pool_shared_offer(struct cairn_pool *pool, struct cairn_pool_chunk *chunk);

void *pool_shared_take(struct cairn_pool *pool);

/* Makes a handle stale; false if it is. */
bool pool_shared_end_handle(struct pool_place place, uint32_t generation);

/* Of an object whose handles are stale.  False: it is free already. */
bool pool_shared_mark_free(struct cairn_pool *pool, struct pool_place place);

/* Whether the list holds each word once, and every word with free objects can be reached; NULL, or
 * what is wrong.  No other thread may use the pool. */
const char *pool_shared_check(const struct cairn_pool *pool);

#endif
