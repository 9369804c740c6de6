/* Whether an arena is as its headers say. */
#include "base/bits.h"
#include "regions/arena.h"
#include "regions/poison.h"

#define REQUIRE(holds)      \
    do {                    \
        if (!(holds)) {     \
            *what = #holds; \
            return false;   \
        }                   \
    } while (0)

static bool bounds_hold(const struct cairn_arena *arena, const char **what) {
    REQUIRE(arena->next % CAIRN_ARENA_GRAIN == 0);
    REQUIRE(arena->begin <= arena->next && arena->next <= arena->end);
    REQUIRE(arena->bound == (poison_is_active() || arena->end == 0 ? 0 : arena->end + 1));
    REQUIRE(arena->wasted <= arena->reserved);
    REQUIRE(arena->used_before + (arena->next - arena->begin) + arena->wasted <= arena->reserved);
    return true;
}

static bool fresh_bytes_are_zero(const struct cairn_arena *arena, const char **what) {
    uintptr_t from = arena->dirty > arena->next ? arena->dirty : arena->next;
    for (uintptr_t at = from; at < arena->end && !poison_is_active(); at++) {
        REQUIRE(*(const char *)at == 0);
    }
    return true;
}

static bool links_hold(const struct cairn_arena_chunk *chunk, const char **what) {
    REQUIRE(chunk->later == NULL || chunk->later->earlier == chunk);
    REQUIRE(chunk->earlier == NULL || chunk->earlier->later == chunk);
    return true;
}

static bool chunks_hold(const struct cairn_arena *arena, const char **what) {
    size_t reserved = 0;
    size_t used = 0;
    size_t wasted = 0;
    const struct cairn_arena_chunk *chunk = arena->chunk;
    REQUIRE(arena->begin == (uintptr_t)(chunk + 1));
    REQUIRE(arena->end == round_down((uintptr_t)chunk + chunk->bytes, CAIRN_ARENA_GRAIN));
    for (; chunk != NULL; chunk = chunk->later) {
        REQUIRE(links_hold(chunk, what));
        reserved += chunk->bytes;
    }
    for (chunk = arena->chunk->earlier; chunk != NULL; chunk = chunk->earlier) {
        REQUIRE(links_hold(chunk, what));
        size_t capacity = round_down(chunk->bytes - sizeof *chunk, CAIRN_ARENA_GRAIN);
        REQUIRE(chunk->used <= capacity);
        reserved += chunk->bytes;
        used += chunk->used;
        wasted += capacity - chunk->used;
    }
    REQUIRE(arena->reserved == reserved);
    REQUIRE(arena->used_before == used);
    REQUIRE(arena->wasted == wasted);
    return true;
}

bool arena_holds(const struct cairn_arena *arena, const char **what) {
    if (arena->kind == ARENA_DESTROYED) {
        REQUIRE(arena->bound == 0 && arena->end == 0);
        return true;
    }
    if (arena->kind == ARENA_RESERVED) {
        REQUIRE(arena->reserved == arena->end - arena->begin && arena->end <= arena->limit);
        return bounds_hold(arena, what) && fresh_bytes_are_zero(arena, what);
    }
    REQUIRE((arena->kind == ARENA_GROWING) == (arena->chunk != NULL || arena->end == 0));
    return bounds_hold(arena, what) && (arena->chunk == NULL || chunks_hold(arena, what));
}
