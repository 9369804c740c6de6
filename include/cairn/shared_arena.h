/* Shared arena: memory for objects that die together, taken by several threads at once.
 *
 *     struct cairn_shared_arena arena;
 *     cairn_shared_arena_init(&arena, "symbols", NULL);
 *     ... in any thread: cairn_shared_arena_allocate(&arena, 40, 8) ...
 *     cairn_shared_arena_destroy(&arena);
 *
 * No call takes a lock.  Threads are told apart by a number, and those with different numbers take
 * from different chunks, each with one atomic addition; who finds a chunk used up goes on to the
 * next, which is there or made, unless another thread with the number was faster.  Reset leaves
 * each number its chunks, so that memory stays in the cache of the processor that used it.
 *
 * When not: one thread at a time (cairn/arena.h is several times faster, and has marks).
 * Threads that take very much can each have an arena over the shared one, whose destroy then
 * ends all at once:
 *
 *     struct cairn_allocator all = cairn_shared_arena_allocator(&shared);
 *     struct cairn_arena mine;
 *     cairn_arena_init(&mine, "worker", &all);
 *
 * Threads: allocate, resize and the figures may be called by any at any time; init, reset and
 * destroy while no other thread uses the arena.
 * Ownership, errors: as cairn/arena.h, but all zero is no shared arena: it has to be initialised.
 * Cost: one call and one atomic addition; each number has chunks of its own, from 4 KiB on. */
#ifndef CAIRN_SHARED_ARENA_H
#define CAIRN_SHARED_ARENA_H

#include <cairn/arena.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CAIRN_SHARED_ARENA_SLOTS = 16 }; /* threads whose numbers differ by it share chunks */

struct cairn_shared_chunk;

/* All but the last four is changed by any thread, atomically. */
struct cairn_shared_arena {
    struct cairn_shared_chunk *current[CAIRN_SHARED_ARENA_SLOTS]; /* what to take from, or NULL */
    struct cairn_shared_chunk *first[CAIRN_SHARED_ARENA_SLOTS];   /* leads to all of the slot */
    struct cairn_shared_chunk *large;                             /* chunks of one object each */
    size_t reserved;                                              /* bytes of all chunks */
    size_t wasted;                                                /* at the ends of chunks */
    size_t peak;                             /* of used, as of the last reset */
    const struct cairn_allocator *allocator; /* NULL: the heap */
    unsigned state;                          /* initialised or not */
    struct cairn_region region;
};

/* As cairn_arena_init.  The allocator must be thread-safe; the heap is.  Takes no memory before the
 * first object, and can't fail. */
void cairn_shared_arena_init(struct cairn_shared_arena *arena, const char *name,
                             const struct cairn_allocator *allocator);

/* Gives everything back.  Any use but init after it is reported. */
void cairn_shared_arena_destroy(struct cairn_shared_arena *arena);

/* Ends all objects; the memory stays with the arena for the next ones, except that of objects that
 * had a chunk of their own. */
void cairn_shared_arena_reset(struct cairn_shared_arena *arena);

/* size bytes, contents undefined.  alignment: any power of two.  Of 0 bytes: an address that is not
 * NULL and has no bytes.  NULL without memory. */
CAIRN_ATTRIBUTE(malloc, alloc_size(2), alloc_align(3), warn_unused_result)
void *cairn_shared_arena_allocate(struct cairn_shared_arena *arena, size_t size, size_t alignment);

/* Resizes an object of old_size bytes by copying it where it grows; where it shrinks, and for
 * size 0, which returns NULL, nothing is taken back. pointer == NULL allocates.  NULL without
 * memory, and the object is as it was.  Whether it is an object of the arena is not looked at: that
 * would take a walk through the chunks of all threads. */
CAIRN_ATTRIBUTE(alloc_size(4), alloc_align(5))
void *cairn_shared_arena_resize(struct cairn_shared_arena *arena, void *pointer, size_t old_size,
                                size_t size, size_t alignment);

/* While others allocate the figures lag behind by what they are just doing. */
struct cairn_arena_figures cairn_shared_arena_statistics(const struct cairn_shared_arena *arena);

/* The arena for whoever takes a struct cairn_allocator, in any thread. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_allocator cairn_shared_arena_allocator(struct cairn_shared_arena *arena);

#ifdef __cplusplus
}
#endif

#endif
