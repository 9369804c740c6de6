/* Where a run of more than a block may lie. */
#ifndef CAIRN_CORE_PLACE_H
#define CAIRN_CORE_PLACE_H

#include <stddef.h>
#include <stdint.h>

struct place {
    uintptr_t address;   /* 0: nowhere */
    size_t count, dirty; /* chunks, and how many of these are dirty */
    /* Of an object that grows and moves there, or 0: free chunks behind it, for its next steps; and
     * where it is now, as huge pages stay whole if they move by whole blocks. */
    size_t room;
    uintptr_t from;
};

/* Among the blocks that there are, finds the place where most of it is dirty, as clean memory costs
 * page faults.  count, room and from are given.  Chunk lock held. */
void place_find(struct place *place);

#endif
