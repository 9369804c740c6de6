/* Whether a pool is as its header says. */
#include "regions/pool_parts.h"

/* Of a pool for one thread: the listed words are those with freed objects, each once. */
static const char *check_list(const struct cairn_pool *pool) {
    size_t with_freed = 0;
    for (uint32_t i = 0; i < pool->chunk_count; i++) {
        const struct cairn_pool_chunk *chunk = pool_chunk_at(pool, i);
        for (size_t w = 0; w < words_of(pool, chunk->touched); w++) {
            with_freed += chunk->words[w].freed != 0;
        }
    }
    const struct cairn_pool_word *word = poison_is_active() ? pool->hidden_listed : pool->listed;
    for (size_t i = 0; i < with_freed; i++, word = word->link.next) {
        if (word == NULL || word->freed == 0) {
            return "a listed word has freed objects, and all such are listed";
        }
    }
    return with_freed != 0 && word != NULL && word->freed != 0 ? "no word is listed twice" : NULL;
}

static const char *check_word(const struct cairn_pool *pool, const struct cairn_pool_chunk *chunk,
                              size_t w) {
    const struct cairn_pool_word *word = &chunk->words[w];
    size_t end = pool->sharing != NULL ? chunk->objects : chunk->touched;
    if ((word->avail & word->freed) != 0) {
        return "avail & freed = 0";
    }
    if (word->avail != 0 && word != pool->current && word != pool->hidden_current) {
        return "only the current word has any avail";
    }
    if ((uintptr_t)word->base != chunk->span.start + (w << pool->word_log) * pool->stride) {
        return "base is the object of bit 0";
    }
    if ((pool_free_bits(word) & ~pool_word_mask(pool, w, end)) != 0) {
        return "no bit is set but those of objects";
    }
    return NULL;
}

static const char *check_chunk(const struct cairn_pool *pool,
                               const struct cairn_pool_chunk *chunk) {
    size_t end = pool->sharing != NULL ? chunk->objects : chunk->touched;
    if (chunk->touched > chunk->objects || chunk->limit != end * pool->stride) {
        return "touched <= objects; limit = (shared ? objects : touched) * stride";
    }
    if (chunk->span.bytes != chunk->objects * pool->stride ||
        chunk->span.start % pool->alignment != 0) {
        return "a chunk is its objects, aligned";
    }
    if (span_table_find(pool->spans, chunk->span.start) != &chunk->span ||
        span_table_find(pool->spans, chunk->span.start + chunk->span.bytes - 1) != &chunk->span) {
        return "the table leads to every chunk";
    }
    for (size_t w = 0; w < words_of(pool, end); w++) {
        const char *wrong = check_word(pool, chunk, w);
        if (wrong != NULL) {
            return wrong;
        }
    }
    return NULL;
}

static const char *check_pool(const struct cairn_pool *pool) {
    size_t capacity = 0;
    for (uint32_t i = 0; i < pool->chunk_count; i++) {
        const char *wrong = check_chunk(pool, pool_chunk_at(pool, i));
        if (wrong != NULL) {
            return wrong;
        }
        capacity += pool_chunk_at(pool, i)->objects;
    }
    if (capacity != pool->capacity) {
        return "capacity is the sum of all chunks' objects";
    }
    return pool->sharing == NULL ? check_list(pool) : pool_shared_check(pool);
}

bool pool_holds(const struct cairn_pool *pool, const char **what) {
    *what = check_pool(pool);
    return *what == NULL;
}
