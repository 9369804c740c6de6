#include "core/regain.h"

#include "core/block.h"
#include "core/chunk_map.h"

enum { TIMES = 4 };

/* relaxed, here and below: measures for what is worth while. */
bool regain_has(uintptr_t address) {
    return atomic_load_explicit(&block_of(address)->huge, memory_order_relaxed);
}

bool regain(uintptr_t address) {
    if (regain_has(address)) {
        return true;
    }
    struct block *block = block_of(address);
    unsigned times = atomic_load_explicit(&block->regained, memory_order_relaxed) + 1u;
    atomic_store_explicit(&block->regained, (uint8_t)(times % TIMES), memory_order_relaxed);
    return times >= TIMES && chunks_make_whole(address);
}

void regain_note_split(uintptr_t address) {
    struct block *block = block_of(address);
    atomic_store_explicit(&block->huge, false, memory_order_relaxed);
    atomic_store_explicit(&block->regained, 0, memory_order_relaxed);
}
