/* What the parts of the checker share; see checker.h for the whole. */
#ifndef CAIRN_CORE_CHECKER_PARTS_H
#define CAIRN_CORE_CHECKER_PARTS_H

#include <stddef.h>

#include "core/checker.h"
#include "core/chunk.h"
#include "core/heap.h"

struct checker {
    struct checker_finding *finding;
    bool after_fork;
    size_t notified; /* descriptors with a summary, each of which is in a list of notified slabs */
};

/* Notes the finding unless `holds`; returns `holds`. */
static inline bool checker_expect(const struct checker *checker, bool holds, const char *what,
                                  const volatile void *where) {
    if (!holds) {
        *checker->finding = (struct checker_finding){what, (uintptr_t)where};
    }
    return holds;
}

/* Leaves the function with false unless `holds`; `checker` is the caller's. */
#define EXPECT(holds, what, where)                                \
    do {                                                          \
        if (!checker_expect(checker, (holds), (what), (where))) { \
            return false;                                         \
        }                                                         \
    } while (0)

/* Chunk map, regions, blocks and their lists. */
bool checker_blocks(const struct checker *checker);

/* All descriptors: slabs and large objects.  The blocks are in order. */
bool checker_chunks(struct checker *checker);

/* Heaps: bins, queues, notifications, parking.  The descriptors are in order. */
bool checker_heaps(const struct checker *checker);

/* What a first-class heap holds. */
bool checker_books(const struct checker *checker, const struct shared_heap *heap);

/* Calls visit(head, argument) for each slab that has an owner; stops where it returns false and
 * returns that. */
bool checker_each_slab(bool (*visit)(struct chunk *head, void *argument), void *argument);

/* Address in user memory of a descriptor; 0 if it is no descriptor of a committed chunk. */
uintptr_t checker_chunk_address(const struct chunk *chunk);

/* Whether it is one of all the heaps there are. */
bool checker_is_heap(const struct heap *heap);

#endif
