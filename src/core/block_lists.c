#include "core/block_lists.h"

struct block_lists block_lists;

static uint64_t bit_of(unsigned n) { return n == 0 ? 0 : UINT64_C(1) << (n - 1); }

static void bucket_remove(struct block *block) {
    unsigned n = block->longest;
    if (block->prev != NULL) {
        block->prev->next = block->next;
    } else {
        block_lists.bucket[n] = block->next;
    }
    if (block->next != NULL) {
        block->next->prev = block->prev;
    }
    if (block_lists.bucket[n] == NULL) {
        block_lists.filled &= ~bit_of(n);
    }
}

static void bucket_insert(struct block *block, uint8_t longest) {
    block->longest = longest;
    block->prev = NULL;
    block->next = block_lists.bucket[longest];
    if (block->next != NULL) {
        block->next->prev = block;
    }
    block_lists.bucket[longest] = block;
    block_lists.filled |= bit_of(longest);
}

void block_lists_add(struct block *block, uintptr_t address) {
    *block = (struct block){.address = address, .free = WHOLE};
    bucket_insert(block, ALL_CHUNKS);
}

void block_set_free(struct block *block, uint64_t free) {
    uint8_t longest = longest_run(free);
    block->free = free;
    if (longest != block->longest) {
        bucket_remove(block);
        bucket_insert(block, longest);
    }
}

static void waiting_remove(struct block *block) {
    if (!block->waiting) {
        return;
    }
    *(block->older != NULL ? &block->older->younger : &block_lists.oldest) = block->younger;
    *(block->younger != NULL ? &block->younger->older : &block_lists.youngest) = block->older;
    block->waiting = false;
}

static void waiting_append(struct block *block) {
    if (block->waiting) {
        return;
    }
    block->older = block_lists.youngest;
    block->younger = NULL;
    *(block->older != NULL ? &block->older->younger : &block_lists.oldest) = block;
    block_lists.youngest = block;
    block->waiting = true;
}

void block_set_dirty(struct block *block, uint64_t dirty) {
    /* relaxed: written under the lock only; readers without it want a recent value, no more. */
    size_t all = block_total(&block_totals.dirty);
    all = all + count_bits(dirty) - count_bits(block->dirty);
    atomic_store_explicit(&block_totals.dirty, all, memory_order_relaxed);
    block->dirty = dirty;
    if (dirty == 0) {
        waiting_remove(block);
    } else {
        waiting_append(block);
    }
}

void block_renew(struct block *block) {
    waiting_remove(block);
    waiting_append(block);
}
