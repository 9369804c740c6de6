/* What an arena's own functions share, and its checker. */
#ifndef CAIRN_REGIONS_ARENA_H
#define CAIRN_REGIONS_ARENA_H

#include <cairn/arena.h>

/* cairn_arena.kind: all zero is a growing one. */
enum arena_kind { ARENA_GROWING, ARENA_FIXED, ARENA_RESERVED, ARENA_DESTROYED };

/* In front of a growing arena's chunk.  Chunks are listed in the order in which they are used;
 * those behind the current one are spare.
 *
 *   arena.used_before == sum of used over the chunks before the current one
 *   arena.wasted == sum of capacity - used over the same
 *   arena.reserved == sum of bytes over all */
struct cairn_arena_chunk {
    struct cairn_arena_chunk *earlier;
    struct cairn_arena_chunk *later;
    size_t bytes; /* of the allocator's, this header included */
    size_t used;  /* by objects when it was left for a later one */
};

/* Whether every equation here and in cairn/arena.h holds; if not, *what names one that does not. */
bool arena_holds(const struct cairn_arena *arena, const char **what);

#endif
