#include "core/prefault.h"

#include "base/bits.h"
#include "core/block.h"
#include "core/limit.h"
#include "os/os.h"

enum {
    SLABS_FROM = 4,       /* slabs of a class */
    SMALL_STEP = 16,      /* a step is small if it is at most such a share of the object */
    LARGE_FROM = 1 << 18, /* bytes: below, looking costs as much as it may save */
    LARGE_SHARE = 4,      /* of all that is taken: more is never populated on a guess */
    PLACES = 4,           /* looked at in an object */
    SURE = 2,             /* objects in a row that were used whole */
    MEMORY = 4            /* and no more of them are remembered */
};

void prefault_slab(const struct heap *owner, unsigned class, uintptr_t address) {
    if (owner->queues[class].slabs >= SLABS_FROM && !limit_presses() &&
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

/* The last one that came, and how many in a row were used whole.  relaxed: threads may mix theirs
 * up, which makes a guess a little worse; the memory stays mapped whatever becomes of the
 * object. */
static _Atomic(uintptr_t) last_address;
static _Atomic(size_t) last_size;
static _Atomic(unsigned) used_whole;

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

/* Looks at the last one before this one, which takes its place. */
static unsigned learn(uintptr_t address, size_t size) {
    uintptr_t before = atomic_exchange_explicit(&last_address, address, memory_order_relaxed);
    size_t size_before = atomic_exchange_explicit(&last_size, size, memory_order_relaxed);
    unsigned whole = atomic_load_explicit(&used_whole, memory_order_relaxed);
    if (before != 0) {
        whole = !is_used_whole(before, size_before) ? 0 : whole < MEMORY ? whole + 1 : whole;
        atomic_store_explicit(&used_whole, whole, memory_order_relaxed);
    }
    return whole;
}

/* The rest of a large object, in a block of its own: if it is most of that, the block as it is. */
static bool make_rest_huge(uintptr_t address, size_t size) {
    enum { MOST = CHUNKS_PER_BLOCK / 2 };
    size_t chunks = chunks_for(size);
    if (address % BLOCK_SIZE != 0 || chunks < MOST) {
        return false;
    }
    return chunks_make_huge_from(address, chunks);
}

/* In huge pages where there is room for them. */
static void make_resident(uintptr_t address, size_t size) {
    uintptr_t end = address + size, from = address;
    for (uintptr_t at = round_up(address, BLOCK_SIZE); at + BLOCK_SIZE <= end; at += BLOCK_SIZE) {
        if (chunks_make_huge(at)) {
            if (at > from) {
                os_populate((void *)from, at - from);
            }
            from = at + BLOCK_SIZE;
        }
    }
    if (end > from && !make_rest_huge(from, end - from)) {
        os_populate((void *)from, end - from);
    }
}

void prefault_copy(uintptr_t address, size_t size) {
    if (size >= LARGE_FROM && !limit_presses()) {
        make_resident(address, size);
    }
}

void prefault_whole(uintptr_t address, size_t size) {
    if (size >= LARGE_FROM) {
        prefault_copy(address, size);
    } else if (!limit_presses()) {
        os_populate((void *)address, size);
    }
}

void prefault_growth(uintptr_t address, size_t size, size_t before) {
    if (size > before / SMALL_STEP) {
        prefault_large(address, size);
    } else if (!limit_presses()) {
        os_populate((void *)address, size);
    }
}

void prefault_large(uintptr_t address, size_t size) {
    size_t taken = atomic_load_explicit(&block_totals.taken, memory_order_relaxed) * CHUNK_SIZE;
    if (size >= LARGE_FROM && learn(address, size) >= SURE && size <= taken / LARGE_SHARE &&
        !limit_presses()) {
        make_resident(address, size);
    }
}
