#include "core/walk.h"

#include "core/block.h"
#include "core/chunk_map.h"
#include "core/region.h"

static bool is_head(const struct chunk *chunk, uintptr_t address) {
    /* acquire: who finds an owner finds what was written before it was set. */
    uintptr_t owner = atomic_load_explicit(&chunk->owner, memory_order_acquire);
    return owner != OWNER_NONE && chunk->start == address;
}

static void walk(unsigned kinds, void (*visit)(struct chunk *, void *), void *argument) {
    for (size_t r = 0; r < regions.count; r++) {
        const struct region *region = &regions.region[r];
        for (uintptr_t at = region->base; at < region->base + region->committed; at += BLOCK_SIZE) {
            uint64_t taken = ~block_of(at)->free;
            for (; taken != 0; taken &= taken - 1) {
                uintptr_t address = at + (uintptr_t)__builtin_ctzll(taken) * CHUNK_SIZE;
                struct chunk *chunk = chunk_of(address);
                unsigned kind = atomic_load_explicit(&chunk->kind, memory_order_relaxed);
                if ((kinds >> kind & 1) != 0 && is_head(chunk, address)) {
                    visit(chunk, argument);
                }
            }
        }
    }
}

static void lock_and_walk(enum chunk_kind kind, void (*visit)(struct chunk *, void *),
                          void *argument) {
    chunks_lock();
    walk(1u << kind, visit, argument);
    chunks_unlock();
}

void walk_slabs(void (*visit)(struct chunk *, void *), void *argument) {
    lock_and_walk(CHUNK_SLAB, visit, argument);
}

void walk_large(void (*visit)(struct chunk *, void *), void *argument) {
    lock_and_walk(CHUNK_LARGE, visit, argument);
}
