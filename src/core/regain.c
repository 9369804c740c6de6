#include "core/regain.h"

#include "core/block.h"
#include "core/chunk_map.h"

enum { TIMES = 4 };

bool regain_has(uintptr_t address) { return block_is_huge(block_of(address)); }

bool regain(uintptr_t address) {
    if (regain_has(address)) {
        return true;
    }
    struct block *block = block_of(address);
    /* relaxed: who is counted twice or not at all comes a little earlier or later. */
    unsigned times = atomic_load_explicit(&block->regained, memory_order_relaxed) + 1u;
    atomic_store_explicit(&block->regained, (uint8_t)(times % TIMES), memory_order_relaxed);
    return times >= TIMES && chunks_make_whole(address);
}

void regain_note_split(uintptr_t address) {
    struct block *block = block_of(address);
    block_set_huge(block, false);
    atomic_store_explicit(&block->regained, 0, memory_order_relaxed);
}
