/* Scratch: temporary memory for the length of a function, from arenas that each thread has
 * ready.
 *
 *     char *join(struct cairn_arena *result, const char *const *words) {
 *         struct cairn_scratch scratch = cairn_scratch_begin(result);
 *         ... cairn_arena_array(scratch.arena, size_t, count) ...
 *         cairn_scratch_end(&scratch);
 *     }
 *
 * A thread has two scratch arenas.  A function that leaves its result in an arena of its
 * caller's names that one, and gets another: so the result survives also if the caller's arena
 * is itself a scratch arena.  Begin and end nest as calls do.
 *
 * When not: memory that outlives the function, or that another thread ends.
 *
 * Threads: each has its own; what is taken in one may be read by all until it ends.  Ownership:
 * the arenas are the library's and go with the thread; up to 1 MiB of each is kept for the next
 * time.  Errors: scratch.arena is NULL if there is no memory for the thread's arenas, which is
 * so on its first call only, or if it is ending.  Cost: a look-up of thread-specific data, then
 * as a mark and a rewind.
 *
 * The two arenas are Ryan Fleury's (Untangling lifetimes: the arena allocator, 2022). */
#ifndef CAIRN_SCRATCH_H
#define CAIRN_SCRATCH_H

#include <cairn/arena.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cairn_scratch {
    struct cairn_arena *arena; /* to take from; NULL: no memory */
    struct cairn_mark mark;
};

/* A scratch arena of this thread that is not `avoid`, which may be any arena or NULL. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_scratch cairn_scratch_begin(const struct cairn_arena *avoid);

/* Ends all that was made since begin; sets scratch->arena to NULL.  Does nothing if it is NULL
 * already.  By the thread that began: another one is reported on stderr and ends the process by
 * abort(). */
void cairn_scratch_end(struct cairn_scratch *scratch);

#ifdef __cplusplus
}
#endif

#endif
