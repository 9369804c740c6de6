/* The chunk map: from any address to the descriptor of its chunk, in two dependent loads.
 *
 *   root   one entry for each window of 1 GiB: where its leaf is, as a distance from the map
 *   leaf   the descriptors of the window's 32,768 chunks and 512 blocks: 4 MiB of address space, of
 *          which only what is used becomes resident
 *
 * A window without a leaf has entry 0 and so leads to `never`, a leaf of zeros in the program's
 * own zero-initialised data.  So every address below 2^48, NULL included, has a readable
 * descriptor, and the map works on an all-zero image.  Leaves stay until the process ends. */
#ifndef CAIRN_CORE_CHUNK_MAP_H
#define CAIRN_CORE_CHUNK_MAP_H

#include "core/block.h"
#include "core/chunk.h"
#include "core/geometry.h"

struct leaf {
    struct chunk chunks[CHUNKS_PER_WINDOW];
    struct chunk_shared shared[CHUNKS_PER_WINDOW];
    struct block blocks[BLOCKS_PER_WINDOW];
};

struct chunk_map {
    struct chunk never
        [CHUNKS_PER_WINDOW]; /* always zero; first, so that distances are from the map itself */
    uintptr_t leaf_distance[WINDOWS]; /* written once each, under the chunk lock */
};

extern struct chunk_map chunk_map;

/* Which of its window's chunks contains address.  (Shifts of 32 bits drop what is above the
 * window.) */
FAST_PATH uint32_t chunk_in_window(uintptr_t address) {
    enum { ABOVE = 32 - WINDOW_SHIFT };
    return (uint32_t)address << ABOVE >> (CHUNK_SHIFT + ABOVE);
}

/* Descriptor of the chunk that contains address; address < 2^ADDRESS_BITS. */
FAST_PATH struct chunk *chunk_of(uintptr_t address) {
    /* A plain read, as it folds into one instruction: whoever holds an object's address got it
     * after the entry was written, and the way it got it ordered the two; entries are written
     * once, whole; and for any other address either value leads to a readable descriptor. */
    const uintptr_t *entry = &chunk_map.leaf_distance[address >> WINDOW_SHIFT];
#ifdef __SANITIZE_THREAD__ /* is told what the plain read stands for */
    uintptr_t distance = __atomic_load_n(entry, __ATOMIC_RELAXED);
#else
    uintptr_t distance = *entry;
#endif
    return (struct chunk *)((uintptr_t)&chunk_map + distance) + chunk_in_window(address);
}

static inline bool address_is_mappable(uintptr_t address) {
    return address >> WINDOW_SHIFT < WINDOWS;
}

/* The other half of a descriptor.  Not for CHUNK_NEVER. */
static inline struct chunk_shared *shared_of(struct chunk *chunk) {
    return (struct chunk_shared *)(void *)chunk + CHUNKS_PER_WINDOW;
}

/* Descriptor of the block that contains address; NULL if its window has no leaf. */
struct block *block_of(uintptr_t address);

/* Makes sure that all windows of [address, address + size) have leaves.  Chunk lock held.
 * False: no memory. */
bool chunk_map_cover(uintptr_t address, size_t size);

/* Bytes of address space taken by leaves, and those of them that are resident.  Lock-free. */
size_t chunk_map_reserved(void);
size_t chunk_map_resident(void);

/* NULL: it has none. */
static inline unsigned char *notes_of(const struct chunk *chunk) {
    return chunk->noted ? shared_of((struct chunk *)(uintptr_t)chunk)->notes : NULL;
}

static inline void set_notes(struct chunk *chunk, unsigned char *notes) {
    shared_of(chunk)->notes = notes;
    chunk->noted = notes != NULL;
}

#endif
