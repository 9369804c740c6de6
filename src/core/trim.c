#include "core/trim.h"

#include "base/bits.h"
#include "base/compiler.h"
#include "core/block.h"
#include "core/interceptor.h"
#include "core/purge.h"
#include "core/shared_heap.h"
#include "core/slab.h"
#include "core/threads.h"
#include "os/os.h"

static _Atomic(struct trim_hook *) hooks;

RUNS_ONCE void trim_add_hook(struct trim_hook *hook) {
    hook->next = atomic_load_explicit(&hooks, memory_order_relaxed);
    /* release: who finds the hook finds it whole. */
    while (!atomic_compare_exchange_weak_explicit(&hooks, &hook->next, hook, memory_order_release,
                                                  memory_order_relaxed)) {}
}

static bool is_free(const struct chunk *slab, unsigned index) {
    return (slab_free_bits(slab, index / 64) >> (index % 64) & 1) != 0;
}

/* The pages that lie in [from, to) whole. */
static size_t purge_pages(const struct chunk *slab, uintptr_t from, uintptr_t to) {
    size_t page = os_page_size();
    uintptr_t first = round_up(from, page);
    uintptr_t end = round_down(to, page);
    if (first >= end) {
        return 0;
    }
    size_t resident = os_resident_bytes((void *)first, end - first);
    bool is_closed = slab->noted;
    if (resident != 0 && is_closed) {
        interceptor->memory_goes(slab, first, end);
    }
    return resident != 0 && os_purge((void *)first, end - first) ? resident : 0;
}

/* Objects at and above `fresh` were never handed out; their pages, and the slab's end behind the
 * last one, may be resident from an earlier use of the chunk. */
static size_t trim_slab(const struct chunk *slab) {
    size_t size = slab_class(slab)->size;
    size_t bytes = 0;
    for (unsigned i = 0; i < slab->fresh; i++) {
        unsigned from = i;
        while (i < slab->fresh && is_free(slab, i)) {
            i++;
        }
        if (i < slab->fresh && i > from) {
            bytes += purge_pages(slab, slab->start + from * size, slab->start + i * size);
        } else if (i == slab->fresh) {
            return bytes +
                   purge_pages(slab, slab->start + from * size, slab->start + slab_bytes(slab));
        }
    }
    return bytes +
           purge_pages(slab, slab->start + slab->fresh * size, slab->start + slab_bytes(slab));
}

/* All slabs with free objects of a flushed heap are in its queues. */
size_t trim_heap(const struct heap *heap) {
    size_t bytes = 0;
    if (heap->guard != NULL && interceptor->keeps_free) {
        return 0;
    }
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        struct chunk *slab = heap->queues[c].head;
        for (; slab != NULL; slab = shared_of(slab)->next) {
            bytes += trim_slab(slab);
        }
    }
    return bytes;
}

/* By whomever: other threads that give memory back meanwhile help. */
static size_t measured_so_far(void) { return block_total(&block_totals.measured_bytes); }

static size_t trim_parked(void) {
    size_t bytes = 0;
    threads_lock();
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        if (threads_is_parked(heap)) {
            bytes += trim_heap(heap);
        }
    }
    threads_unlock();
    return bytes;
}

size_t trim_unused(void) {
    purge_measure(true);
    size_t before = measured_so_far();
    threads_flush_parked();
    threads_flush_spares();
    size_t bytes = trim_parked() + shared_heap_trim_all();
    (void)chunks_purge_all();
    bytes += measured_so_far() - before;
    purge_measure(false);
    return bytes;
}

size_t trim(void) {
    purge_measure(true);
    size_t before = measured_so_far();
    struct trim_hook *hook = atomic_load_explicit(&hooks, memory_order_acquire);
    for (; hook != NULL; hook = hook->next) {
        hook->release();
    }
    size_t bytes = 0;
    if (heap_distance != 0) {
        heap_flush(heap_self());
        bytes = trim_heap(heap_self());
    }
    bytes += measured_so_far() - before;
    purge_measure(false);
    return bytes + trim_unused();
}
