#include "core/walk.h"

#include "core/block.h"
#include "core/chunk_map.h"
#include "core/region.h"

static void walk(enum chunk_kind kind, void (*visit)(struct chunk *, void *), void *argument) {
    chunks_lock();
    for (size_t r = 0; r < regions.count; r++) {
        const struct region *region = &regions.region[r];
        for (uintptr_t at = region->base; at < region->base + region->committed; at += BLOCK_SIZE) {
            uint64_t taken = ~block_of(at)->free;
            for (; taken != 0; taken &= taken - 1) {
                uintptr_t address = at + (uintptr_t)__builtin_ctzll(taken) * CHUNK_SIZE;
                struct chunk *chunk = chunk_of(address);
                if (chunk_is(chunk, kind) && chunk_owner(chunk) != OWNER_NONE &&
                    chunk->start == address) {
                    visit(chunk, argument);
                }
            }
        }
    }
    chunks_unlock();
}

void walk_slabs(void (*visit)(struct chunk *, void *), void *argument) {
    walk(CHUNK_SLAB, visit, argument);
}

void walk_large(void (*visit)(struct chunk *, void *), void *argument) {
    walk(CHUNK_LARGE, visit, argument);
}
