/* The structural checker: whether every invariant that the headers state holds right now.
 *
 * Looks at all regions, blocks, descriptors, bitmaps, heaps and lists, and trusts none of them:
 * links are followed only after what they lead to was found to be a descriptor, block or heap.
 * Allocates nothing.
 *
 * To be called when every other thread is quiet: not inside the allocator.  They may hold live
 * objects, bins and notifications not yet drained. */
#ifndef CAIRN_CORE_CHECKER_H
#define CAIRN_CORE_CHECKER_H

#include <stdbool.h>
#include <stdint.h>

struct checker_finding {
    const char *what;  /* the first invariant found not to hold; NULL: all hold */
    uintptr_t address; /* of what violates it: a descriptor, block, heap, region or chunk */
};

/* True: everything holds. */
bool checker_run(struct checker_finding *finding);

/* The same in the child of a fork whose parent had other threads: chunks that one of them was about
 * to take or give back then may belong to nobody, and notifications may have stopped half-way. */
bool checker_run_after_fork(struct checker_finding *finding);

#endif
