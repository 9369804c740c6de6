/* The heap as any thread may look at it at any time: no lock, nobody stopped, also in a signal
 * handler, whatever the code that was interrupted is doing.
 *
 * Why that is safe: regions only grow, the memory of descriptors, blocks and bitmaps is never
 * unmapped nor used for anything else (chunk_map.h, metadata.h), so whatever pointer a descriptor
 * holds, or held a moment ago, leads to readable words.  A descriptor is copied, what it leads to
 * is read, and it is copied again: if kind, class, place and bitmap are still the same, the two
 * belong together; if not, it is tried again, and after a few times the chunk counts as in transit.
 * (That it became another slab of the same class at the same place meanwhile goes unnoticed; then
 * bits of both are counted, and no count exceeds what one slab has.)  What its owner changes in the
 * bitmap meanwhile is seen before or after, word by word.
 *
 * So each chunk of the snapshot was at some moment of the walk as it is shown, and is shown
 * once. */
#ifndef CAIRN_CORE_SNAPSHOT_H
#define CAIRN_CORE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/geometry.h"
#include "core/heap.h"
#include "core/size_class.h"

enum chunk_state {
    STATE_SLAB,    /* one of the chunks of a slab */
    STATE_LARGE,   /* one of the chunks of a large object */
    STATE_SPARE,   /* kept by a heap, or by an interceptor after the object was freed */
    STATE_TRANSIT, /* being taken, given back or purged */
    STATE_DIRTY,   /* free, was used */
    STATE_CLEAN    /* free, and the kernel has no page of it, or never had */
};

/* What each object of a slab is, by a bit in one of the four; those that no word has a bit of are
 * no objects. */
struct slab_snapshot {
    unsigned class;
    unsigned chunks;                    /* that it has */
    unsigned capacity;                  /* objects that it has room for */
    unsigned fresh;                     /* objects from this one on were never handed out */
    uint64_t live[SLAB_MOST_WORDS];     /* neither of the three below */
    uint64_t ready[SLAB_MOST_WORDS];    /* free, in a bin */
    uint64_t unmerged[SLAB_MOST_WORDS]; /* freed by another thread, the owner has not merged it */
    uint64_t free[SLAB_MOST_WORDS];     /* free, not in a bin; or kept from it by an interceptor */
};

struct chunk_snapshot {
    uintptr_t address;
    enum chunk_state state;
    bool is_head;      /* the first chunk of the slab or the large object */
    size_t live_bytes; /* large: of this chunk */
    size_t offset;     /* slab: of this chunk from its start */
    struct slab_snapshot slab;
};

/* Calls visit(chunk, argument) for every chunk of all blocks, in the order of addresses within each
 * region. */
void snapshot_chunks(void (*visit)(const struct chunk_snapshot *chunk, void *argument),
                     void *argument);

/* Copies an array of 64-bit words that another thread may be writing to. */
void snapshot_copy(void *to, const void *from, size_t words);

#endif
