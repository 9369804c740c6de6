/* Pools that several threads use at once.
 *
 * A word's `freed` is all its free objects, taken and given by atomic operations on single bits;
 * `avail` is always 0.  A word with free objects is reachable in one of two ways:
 *
 *   list   a stack of words, by place; its head carries a count against ABA
 *   hint   where threads of a number take from; a word that is no hint any more and has free
 *          objects goes into the list
 *
 * link.next_place says whether a word is in the list (or about to be): who changes it from
 * NOT_LISTED puts it there.  No word is lost: whoever sets the first free bit of a word lists it
 * unless it is listed; whoever takes it out of the list says so before it looks at the bits.  One
 * of the two sees the other (all four accesses are sequentially consistent).  A word that is
 * between the list and a hint is invisible for that moment, so a take that finds nothing looks at
 * every word before it says so. */
#include "regions/pool_parts.h"

#include <stdatomic.h>

#include "core/threads.h"

enum { HINTS = 16 };

/* A word's place: its chunk's number and its own, 32 bits.  NOT_LISTED is no place. */
#define NOT_LISTED ((uint64_t)0)
#define LIST_END   ((uint64_t)1)
#define FIRST      ((uint64_t)2) /* added to places, to tell them from the two above */
#define PLACE_BITS 33
#define PLACE_MASK ((UINT64_C(1) << PLACE_BITS) - 1)

struct hint {
    _Alignas(CACHE_LINE) _Atomic(uint64_t) place; /* NOT_LISTED: none yet */
};

struct cairn_pool_shared {
    struct hint hints[HINTS];
    _Alignas(CACHE_LINE) _Atomic(uint64_t) head; /* place, and above it how often it changed */
};

const size_t pool_shared_bytes = sizeof(struct cairn_pool_shared);

static uint64_t place_of(const struct cairn_pool_chunk *chunk, size_t w) {
    return ((uint64_t)chunk->number << CAIRN_POOL_SLOT_LOG | w) + FIRST;
}

static struct cairn_pool_chunk *chunk_at(const struct cairn_pool *pool, uint64_t place) {
    return pool_chunk_at(pool, (uint32_t)((place - FIRST) >> CAIRN_POOL_SLOT_LOG));
}

static size_t word_number(uint64_t place) {
    return (place - FIRST) & ((UINT64_C(1) << CAIRN_POOL_SLOT_LOG) - 1);
}

static struct cairn_pool_word *word_at(const struct cairn_pool *pool, uint64_t place) {
    return &chunk_at(pool, place)->words[word_number(place)];
}

static uint64_t freed_of(const struct cairn_pool_word *word) {
    return __atomic_load_n(&word->freed, __ATOMIC_SEQ_CST);
}

/* --- the list --------------------------------------------------------------------------------- */

/* Puts a chain of words that are not in the list, linked from first to last, on top of it. */
static void push_chain(struct cairn_pool_shared *sharing, uint64_t first,
                       struct cairn_pool_word *last) {
    uint64_t head = atomic_load_explicit(&sharing->head, memory_order_relaxed);
    uint64_t changed;
    do {
        __atomic_store_n(&last->link.next_place, head & PLACE_MASK, __ATOMIC_RELAXED);
        changed = ((head & ~PLACE_MASK) + (PLACE_MASK + 1)) | first;
        /* release: who pops the word finds its link. */
    } while (!atomic_compare_exchange_weak_explicit(&sharing->head, &head, changed,
                                                    memory_order_release, memory_order_relaxed));
}

static void list_word(const struct cairn_pool *pool, struct cairn_pool_word *word, uint64_t place) {
    uint64_t expected = NOT_LISTED;
    if (__atomic_compare_exchange_n(&word->link.next_place, &expected, LIST_END, false,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        push_chain(pool->sharing, place, word);
    }
}

/* The place of a word that was in the list; NOT_LISTED if it is empty. */
static uint64_t pop_word(const struct cairn_pool *pool) {
    struct cairn_pool_shared *sharing = pool->sharing;
    uint64_t head = atomic_load_explicit(&sharing->head, memory_order_acquire);
    uint64_t place;
    uint64_t changed;
    do {
        place = head & PLACE_MASK;
        if (place == LIST_END) {
            return NOT_LISTED;
        }
        /* If another thread has popped the word meanwhile, this is not the link of a listed word;
         * then the head has changed, too. */
        uint64_t next = __atomic_load_n(&word_at(pool, place)->link.next_place, __ATOMIC_RELAXED);
        changed = ((head & ~PLACE_MASK) + (PLACE_MASK + 1)) | (next & PLACE_MASK);
    } while (!atomic_compare_exchange_weak_explicit(&sharing->head, &head, changed,
                                                    memory_order_acq_rel, memory_order_acquire));
    __atomic_store_n(&word_at(pool, place)->link.next_place, NOT_LISTED, __ATOMIC_SEQ_CST);
    return place;
}

/* --- taking ----------------------------------------------------------------------------------- */

/* The objects of a word count as touched once it is taken from; for the peak. */
static void touch_word(const struct cairn_pool *pool, struct cairn_pool_chunk *chunk, size_t w) {
    size_t end = (w + 1) << pool->word_log;
    end = end < chunk->objects ? end : chunk->objects;
    size_t touched = __atomic_load_n(&chunk->touched, __ATOMIC_RELAXED);
    while (touched < end && !__atomic_compare_exchange_n(&chunk->touched, &touched, end, true,
                                                         __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
}

static void *take_from(const struct cairn_pool *pool, struct cairn_pool_word *word) {
    uint64_t freed = freed_of(word);
    while (freed != 0) {
        uint64_t bit = freed & -freed;
        /* acquire: what the object's last owner did with it is over. */
        freed = __atomic_fetch_and(&word->freed, ~bit, __ATOMIC_ACQUIRE);
        if ((freed & bit) != 0) {
            return word->base + lowest_bit(bit) * pool->stride;
        }
    }
    return NULL;
}

/* From a word that is no hint of this thread's; it becomes one. */
static void *take_and_adopt(struct cairn_pool *pool, struct hint *hint, uint64_t place) {
    struct cairn_pool_word *word = word_at(pool, place);
    touch_word(pool, chunk_at(pool, place), word_number(place));
    void *object = take_from(pool, word);
    if (object == NULL) {
        return NULL; /* nothing free, so nothing to be lost */
    }
    uint64_t former = atomic_exchange_explicit(&hint->place, place, memory_order_acq_rel);
    if (former != NOT_LISTED && former != place && freed_of(word_at(pool, former)) != 0) {
        list_word(pool, word_at(pool, former), former);
    }
    return object;
}

static void *take_from_list(struct cairn_pool *pool, struct hint *hint) {
    uint64_t place;
    while ((place = pop_word(pool)) != NOT_LISTED) {
        void *object = take_and_adopt(pool, hint, place);
        if (object != NULL) {
            return object;
        }
    }
    return NULL;
}

static void *take_from_hints(struct cairn_pool *pool) {
    for (unsigned i = 0; i < HINTS; i++) {
        uint64_t place = atomic_load_explicit(&pool->sharing->hints[i].place, memory_order_acquire);
        void *object = place == NOT_LISTED ? NULL : take_from(pool, word_at(pool, place));
        if (object != NULL) {
            return object;
        }
    }
    return NULL;
}

static void *take_from_any(struct cairn_pool *pool, struct hint *hint) {
    uint32_t count = __atomic_load_n(&pool->chunk_count, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count; i++) {
        struct cairn_pool_chunk *chunk = pool_chunk_at(pool, i);
        for (size_t w = 0; w < words_of(pool, chunk->objects); w++) {
            void *object = freed_of(&chunk->words[w]) == 0
                               ? NULL
                               : take_and_adopt(pool, hint, place_of(chunk, w));
            if (object != NULL) {
                return object;
            }
        }
    }
    return NULL;
}

/* --- growing ---------------------------------------------------------------------------------- */

void pool_shared_fill(struct cairn_pool *pool, struct cairn_pool_chunk *chunk) {
    size_t count = words_of(pool, chunk->objects);
    for (size_t w = 0; w < count; w++) {
        pool_word_init(pool, chunk, w);
        chunk->words[w].freed = pool_word_mask(pool, w, chunk->objects);
        chunk->words[w].link.next_place = place_of(chunk, w + 1);
    }
    chunk->limit = chunk->objects * pool->stride;
}

void pool_shared_offer(struct cairn_pool *pool, struct cairn_pool_chunk *chunk) {
    push_chain(pool->sharing, place_of(chunk, 0),
               &chunk->words[words_of(pool, chunk->objects) - 1]);
}

/* Without a lock, which the child of a fork might find held for ever.  Whoever comes second gives
 * its chunk back, and sees to it that the first one's can be taken from.  False: no memory. */
static bool grow(struct cairn_pool *pool) {
    uint32_t count = __atomic_load_n(&pool->chunk_count, __ATOMIC_ACQUIRE);
    struct cairn_pool_chunk *chunk = pool_chunk_new(pool, count, pool_capacity_of(pool, count));
    struct cairn_pool_chunk *next = pool_chunk_claim(pool, count, chunk);
    if (next != NULL) {
        pool_chunk_publish(pool, next);
    }
    if (chunk != NULL && next == chunk) {
        pool_shared_offer(pool, chunk);
    } else if (chunk != NULL) {
        pool_chunk_delete(pool, chunk);
    }
    return next != NULL;
}

void *pool_shared_take(struct cairn_pool *pool) {
    struct hint *hint = &pool->sharing->hints[threads_number() % HINTS];
    uint64_t place = atomic_load_explicit(&hint->place, memory_order_acquire);
    void *object = place == NOT_LISTED ? NULL : take_from(pool, word_at(pool, place));
    while (object == NULL) {
        object = take_from_list(pool, hint);
        object = object != NULL ? object : take_from_hints(pool);
        object = object != NULL ? object : take_from_any(pool, hint);
        if (object == NULL && !grow(pool)) {
            return NULL;
        }
    }
    return object;
}

/* --- giving ----------------------------------------------------------------------------------- */

/* One exchange, so that of several threads with the same handle one ends it.  relaxed: the object
 * is handed on by its bit. */
bool pool_shared_end_handle(struct pool_place place, uint32_t generation) {
    uint32_t next = generation + 1;
    return __atomic_compare_exchange_n(&place.chunk->generations[place.index], &generation,
                                       next + (next == 0), false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

bool pool_shared_mark_free(struct cairn_pool *pool, struct pool_place place) {
    size_t w = place.index >> pool->word_log;
    struct cairn_pool_word *word = &place.chunk->words[w];
    uint64_t bit = UINT64_C(1) << pool_bit(pool, place.index);
    uint64_t freed = __atomic_fetch_or(&word->freed, bit, __ATOMIC_SEQ_CST);
    if (freed == 0) {
        list_word(pool, word, place_of(place.chunk, w));
    }
    return (freed & bit) == 0;
}

/* --- checking --------------------------------------------------------------------------------- */

static bool is_hint(const struct cairn_pool *pool, uint64_t place) {
    for (unsigned i = 0; i < HINTS; i++) {
        if (atomic_load_explicit(&pool->sharing->hints[i].place, memory_order_relaxed) == place) {
            return true;
        }
    }
    return false;
}

const char *pool_shared_check(const struct cairn_pool *pool) {
    size_t listed = 0;
    for (uint32_t i = 0; i < pool->chunk_count; i++) {
        const struct cairn_pool_chunk *chunk = pool_chunk_at(pool, i);
        for (size_t w = 0; w < words_of(pool, chunk->objects); w++) {
            const struct cairn_pool_word *word = &chunk->words[w];
            bool in_list = word->link.next_place != NOT_LISTED;
            listed += in_list;
            if (word->freed != 0 && !in_list && !is_hint(pool, place_of(chunk, w))) {
                return "a word with free objects is in the list or a hint";
            }
        }
    }
    uint64_t place = atomic_load_explicit(&pool->sharing->head, memory_order_relaxed) & PLACE_MASK;
    for (; place != LIST_END && listed != 0; listed--) {
        place = word_at(pool, place)->link.next_place;
    }
    return place == LIST_END && listed == 0 ? NULL : "the list holds each word once";
}

void pool_shared_start(struct cairn_pool *pool, void *memory) {
    struct cairn_pool_shared *sharing = memory;
    *sharing = (struct cairn_pool_shared){.head = LIST_END};
    pool->sharing = sharing;
}
