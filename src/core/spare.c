#include "core/spare.h"

#include "core/block.h"
#include "core/chunk_map.h"
#include "core/limit.h"
#include "os/cgroup.h"

/* All heaps together keep as much as a SHARE-th of what is taken, and some for each processor;
 * until it is known how many there are, as for two. */
enum { SHARE = 64, FOR_EACH_CPU = 4, MOST_CPUS = 16 };

static _Atomic(size_t) heaps_with_thread;
static _Atomic(unsigned) cpus_known;

void spare_note_cpus(unsigned cpus) {
    /* relaxed: a measure for a limit. */
    atomic_store_explicit(&cpus_known, cpus < MOST_CPUS ? cpus : MOST_CPUS, memory_order_relaxed);
}

void spare_note_heaps(int more) {
    /* relaxed: likewise. */
    if (atomic_load_explicit(&cpus_known, memory_order_relaxed) == 0) {
        spare_note_cpus(os_cpus(false));
    }
    atomic_fetch_add_explicit(&heaps_with_thread, (size_t)more, memory_order_relaxed);
}

size_t spare_heaps(void) {
    size_t heaps = atomic_load_explicit(&heaps_with_thread, memory_order_relaxed);
    return heaps == 0 ? 1 : heaps;
}

static size_t limit(void) {
    unsigned cpus = atomic_load_explicit(&cpus_known, memory_order_relaxed);
    if (limit_presses()) {
        return 0;
    }
    size_t taken = block_total(&block_totals.taken);
    size_t share = (taken / SHARE + FOR_EACH_CPU * (cpus == 0 ? 2 : cpus)) / spare_heaps();
    return share < HEAP_SPARES ? share : HEAP_SPARES;
}

/* The places before the first empty one.  All spares are there as a rule: the owner fills the first
 * empty place and takes from the last one that is not. */
static unsigned first_places(struct heap *heap) {
    unsigned places = 0;
    /* relaxed: as in take_out(). */
    while (places < HEAP_SPARES &&
           atomic_load_explicit(&heap->spares[places], memory_order_relaxed) != 0) {
        places++;
    }
    return places;
}

/* Takes out up to `most` of the first `places`. */
static size_t take_out(struct heap *heap, unsigned places, uintptr_t *addresses, size_t most) {
    size_t count = 0;
    for (unsigned i = places; i-- > 0 && count < most;) {
        /* relaxed: whether it is worth the exchange. */
        if (atomic_load_explicit(&heap->spares[i], memory_order_relaxed) != 0) {
            /* acquire: the thread that gave the chunk up is done with its descriptor. */
            uintptr_t address = atomic_exchange_explicit(&heap->spares[i], 0, memory_order_acquire);
            if (address != 0) {
                chunk_set_kind(chunk_of(address), CHUNK_RELEASED);
                addresses[count++] = address;
            }
        }
    }
    return count;
}

/* Puts away up to `count` in places below `most`; returns how many. */
static size_t put_in(struct heap *heap, const uintptr_t *addresses, size_t count, size_t most) {
    size_t put = 0;
    for (size_t i = 0; i < most && put < count; i++) {
        /* relaxed: others only ever empty a place.  release: see take_out(). */
        if (atomic_load_explicit(&heap->spares[i], memory_order_relaxed) == 0) {
            chunk_set_kind(chunk_of(addresses[put]), CHUNK_SPARE);
            atomic_store_explicit(&heap->spares[i], addresses[put++], memory_order_release);
        }
    }
    return put;
}

uintptr_t spare_take(struct heap *heap) {
    uintptr_t addresses[HEAP_SPARES];
    if (take_out(heap, first_places(heap), addresses, 1) != 0) {
        return addresses[0];
    }
    size_t most = limit();
    size_t count = chunks_take_dirty(addresses, 1 + most / 2);
    if (count == 0) {
        return 0;
    }
    /* All, as a rule: the places are empty but where another thread emptied some meanwhile. */
    size_t put = put_in(heap, addresses + 1, count - 1, most);
    if (unlikely(put < count - 1)) {
        chunks_give_dirty(addresses + 1 + put, count - 1 - put);
    }
    return addresses[0];
}

void spare_give(struct heap *heap, uintptr_t address) {
    size_t most = limit();
    if (put_in(heap, &address, 1, most) != 0) {
        return;
    }
    uintptr_t addresses[HEAP_SPARES + 1] = {address};
    size_t count = 1 + take_out(heap, first_places(heap), addresses + 1,
                                most == 0 ? HEAP_SPARES : (most + 1) / 2);
    chunks_give_dirty(addresses, count);
}

void spare_flush(struct heap *heap) {
    uintptr_t addresses[HEAP_SPARES];
    size_t count = take_out(heap, HEAP_SPARES, addresses, HEAP_SPARES);
    if (count != 0) {
        chunks_give_dirty(addresses, count);
    }
}

uintptr_t spare_sum(const struct heap *heap) {
    uintptr_t sum = 0;
    for (unsigned i = 0; i < HEAP_SPARES; i++) {
        sum += atomic_load_explicit(&heap->spares[i], memory_order_relaxed);
    }
    return sum;
}

unsigned spare_count(const struct heap *heap) {
    unsigned count = 0;
    for (unsigned i = 0; i < HEAP_SPARES; i++) {
        count += atomic_load_explicit(&heap->spares[i], memory_order_relaxed) != 0;
    }
    return count;
}
