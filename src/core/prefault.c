#include "core/prefault.h"

#include "base/bits.h"
#include "core/block.h"
#include "core/interceptor.h"
#include "core/limit.h"
#include "os/os.h"

enum {
    SMALL_STEP = 7,        /* a step is small if it is at most such a share of the object: Python's
                              lists grow by an eighth and a bit */
    LARGE_FROM = 1 << 18,  /* bytes: below, looking costs as much as it may save */
    LARGE_SHARE = 4,       /* of all that is taken: more is never populated on a guess; */
    FIRST_BYTES = 1 << 25, /* but of a new object so many bytes */
    PLACES = 4,            /* looked at in an object */
    TRUST = 4,             /* so many times what was used whole before it an object may be */
    BLIND = 16             /* of which nothing can be learnt, before the next that tells */
};

void prefault_slab(const struct heap *owner, unsigned class, uintptr_t address) {
    if (queue_slabs(&owner->queues[class]) > 0 && !limit_presses() &&
        size_classes[class].size <= os_page_size()) {
        os_populate((void *)address, CHUNK_SIZE);
    }
}

void prefault_holes(const struct chunk *slab) {
    size_t page = os_page_size();
    if (limit_presses() || size_classes[slab->class].size > page) {
        return;
    }
    for (unsigned i = 0; i < slab->chunks; i++) {
        unsigned holes = slab[i].purged;
        if (holes != 0) {
            unsigned first = lowest_bit(holes), end = 64 - (unsigned)__builtin_clzll(holes);
            os_populate((void *)(slab->start + i * CHUNK_SIZE + first * page),
                        (end - first) * page);
        }
    }
}

/* The last one that came, 0 once it has left or if it can't tell; bytes of those that were used
 * whole, since the last that was not; how many that can't tell came since.  relaxed: threads may
 * mix theirs up, which makes a guess a little worse; the memory stays mapped whatever becomes of
 * the object. */
static _Atomic(uintptr_t) last_address;
static _Atomic(size_t) last_size;
static _Atomic(size_t) used_whole;
static _Atomic(unsigned) blind;

/* At its end, and at places in between, every page is resident. */
static bool is_used_whole(uintptr_t address, size_t size) {
    size_t page = os_page_size();
    for (size_t i = 1; i <= PLACES; i++) {
        uintptr_t place = address + round_down(size / PLACES * i - 1, page);
        if (os_resident_bytes((void *)place, page) == 0) {
            return false;
        }
    }
    return true;
}

/* The bytes used whole, those of the last one among them, which is looked at no more. */
static size_t judge_last(uintptr_t address, size_t size) {
    size_t whole = atomic_load_explicit(&used_whole, memory_order_relaxed);
    whole = !is_used_whole(address, size) ? 0 : whole < SIZE_MAX / 2 ? whole + size : whole;
    atomic_store_explicit(&used_whole, whole, memory_order_relaxed);
    atomic_store_explicit(&blind, 0, memory_order_relaxed);
    return whole;
}

/* Looks at the last one before this one, which takes its place. */
static size_t learn(uintptr_t address, size_t size) {
    uintptr_t before = atomic_exchange_explicit(&last_address, address, memory_order_relaxed);
    size_t size_before = atomic_exchange_explicit(&last_size, size, memory_order_relaxed);
    return before != 0 ? judge_last(before, size_before)
                       : atomic_load_explicit(&used_whole, memory_order_relaxed);
}

void prefault_note_leaving(uintptr_t address, size_t size) {
    uintptr_t last = atomic_load_explicit(&last_address, memory_order_relaxed);
    if (last - address < size) {
        atomic_store_explicit(&last_address, 0, memory_order_relaxed);
        (void)judge_last(last, atomic_load_explicit(&last_size, memory_order_relaxed));
    }
}

/* The part of a large object in one block, as a huge page: if it is all of the block, or most and
 * nothing else is there, or if what is free beside it is no more than may be kept. */
static bool make_huge(uintptr_t address, size_t size) {
    enum { MOST = CHUNKS_PER_BLOCK / 2, WORTH = CHUNKS_PER_BLOCK / 16 };
    if (size == BLOCK_SIZE) {
        return chunks_make_huge(address);
    }
    size_t chunks = chunks_for(size);
    if (interceptor != NULL || chunks < WORTH) { /* with an interceptor a guard page is beside it */
        return false;
    }
    return (address % BLOCK_SIZE == 0 && chunks >= MOST &&
            chunks_make_huge_from(address, chunks)) ||
           chunks_make_whole(round_down(address, BLOCK_SIZE));
}

static void populate(uintptr_t from, uintptr_t end) {
    if (end > from) {
        os_populate((void *)from, end - from);
    }
}

/* In huge pages where there is room for them.  `left`: bytes at the end that stay as they are;
 * false: they are part of a huge page. */
static bool make_resident(uintptr_t address, size_t size, size_t left) {
    uintptr_t end = address + size, from = address, next;
    for (uintptr_t at = address; at < end; at = next) {
        next = round_down(at, BLOCK_SIZE) + BLOCK_SIZE;
        next = next < end ? next : end;
        if (make_huge(at, next - at)) {
            populate(from, at);
            from = next;
        }
    }
    populate(from, end - left);
    return from < end;
}

void prefault_copy(uintptr_t address, size_t size) {
    if (size >= LARGE_FROM && !limit_presses()) {
        (void)make_resident(address, size, 0);
    }
}

void prefault_whole(uintptr_t address, size_t size) {
    if (size >= LARGE_FROM) {
        prefault_copy(address, size);
    } else if (!limit_presses()) {
        os_populate((void *)address, size);
    }
}

/* Beside what the program has, or had just now. */
static bool is_modest(size_t size) {
    return size <= chunks_taken_lately() * CHUNK_SIZE / LARGE_SHARE;
}

/* One was made resident that can't tell; after some such it has to be learnt again. */
static void note_blind(void) {
    atomic_store_explicit(&last_address, 0, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&blind, 1, memory_order_relaxed) + 1 >= BLIND) {
        atomic_store_explicit(&used_whole, 0, memory_order_relaxed);
    }
}

/* What was right once would be held for right ever.  So the last page is left to the program, where
 * that can be. */
static void prefault_learnt(uintptr_t address, size_t size, bool may) {
    if (size < LARGE_FROM) {
        return;
    }
    bool sure = learn(address, size) >= size / TRUST;
    if (sure && may && !limit_presses() && !make_resident(address, size, os_page_size())) {
        note_blind();
    }
}

/* An array that doubles is half empty then, so no more of it on a guess than of the whole heap. */
void prefault_growth(uintptr_t address, size_t size, size_t before) {
    if (size > before / SMALL_STEP) {
        prefault_learnt(address, size, is_modest(size));
    } else if (!limit_presses()) {
        os_populate((void *)address, size);
    }
}

void prefault_large(uintptr_t address, size_t size) {
    prefault_learnt(address, size, size <= FIRST_BYTES || is_modest(size));
}
