#include "core/statistics.h"

#include "base/bits.h"
#include "core/block.h"
#include "core/chunk_map.h"
#include "core/metadata.h"
#include "core/region.h"
#include "core/slab.h"
#include "core/threads.h"
#include "core/walk.h"

/* A sample is due when a SHARE-th more chunks are taken than at the last one. */
enum { SHARE = 16 };

/* Both under the chunk lock: the highest sample, and where the next one is put together. */
static struct statistics peak, sample;
static _Atomic(size_t)
    sampled_at; /* chunks taken at the last sample; written under the chunk lock */

/* --- what the chunk lock keeps still ---------------------------------------------------------- */

struct census {
    unsigned live;  /* neither free nor freed by another thread and not merged yet */
    unsigned ready; /* free, and held by a bin */
};

static struct census count_objects(struct chunk *slab) {
    const _Atomic(uint64_t) *remote = shared_of(slab)->remote;
    struct census census = {0, 0};
    for (unsigned w = 0; w < slab_class(slab)->words; w++) {
        uint64_t valid = slab_valid_bits(slab, w);
        uint64_t free =
            slab_free_bits(slab, w) | atomic_load_explicit(&remote[w], memory_order_relaxed);
        census.live += count_bits(~free & valid);
        census.ready += count_bits(owner_word_read(&slab->words[w].avail) & valid);
    }
    return census;
}

static void count_slab(struct chunk *slab, struct statistics *statistics) {
    const struct size_class *size_class = slab_class(slab);
    struct class_statistics *class = &statistics->classes[slab->class];
    struct census census = count_objects(slab);
    class->slabs++;
    class->slab_bytes += CHUNK_SIZE;
    class->live_objects += census.live;
    class->live_bytes += (size_t)census.live * size_class->size;
    class->free_objects += size_class->capacity - census.live;
    statistics->heaps.bin_objects += census.ready;
    statistics->heaps.bin_bytes += (size_t)census.ready * size_class->size;
}

static void count_chunk(struct chunk *head, void *argument) {
    struct statistics *statistics = argument;
    if (chunk_is(head, CHUNK_SLAB)) {
        count_slab(head, statistics);
    } else {
        statistics->large.objects++;
        statistics->large.bytes += head->large.bytes;
        statistics->large.chunk_bytes += head->large.chunks * CHUNK_SIZE;
    }
}

static size_t relaxed(const _Atomic(size_t) *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void count_locked(struct statistics *statistics) {
    *statistics = (struct statistics){.reserved_bytes = regions.reserved,
                                      .committed_bytes = regions.committed};
    walk_locked(count_chunk, statistics);
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        struct class_statistics *class = &statistics->classes[c];
        class->object_bytes = size_classes[c].size;
        statistics->small_bytes += class->live_bytes;
        statistics->slab_bytes += class->slab_bytes;
    }
    statistics->live_bytes = statistics->small_bytes + statistics->large.bytes;
    statistics->free_bytes = statistics->slab_bytes - statistics->small_bytes;
    statistics->taken_bytes = relaxed(&block_totals.taken) * CHUNK_SIZE;
    statistics->taken_peak_bytes = relaxed(&block_totals.taken_peak) * CHUNK_SIZE;
    statistics->dirty_bytes = relaxed(&block_totals.dirty) * CHUNK_SIZE;
    statistics->purged_bytes = relaxed(&block_totals.purged_bytes);
}

/* --- heaps ------------------------------------------------------------------------------------ */

/* Counters are their owners' and plain; a value that is a moment old is good enough for a count. */
__attribute__((no_sanitize("thread"))) static void add_counters(const struct heap *heap,
                                                                struct heap_statistics *heaps) {
    heaps->refills += heap->counters.refills;
    heaps->slabs_created += heap->counters.slabs_created;
    heaps->slabs_released += heap->counters.slabs_released;
    heaps->slabs_adopted += heap->counters.slabs_adopted;
    heaps->remote_frees += heap->counters.remote_frees;
}

static void count_heaps(struct heap_statistics *heaps) {
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        if (atomic_load_explicit(&heap->state, memory_order_relaxed) == HEAP_ACTIVE) {
            heaps->active++;
        } else {
            heaps->parked++;
        }
        add_counters(heap, heaps);
    }
}

void statistics_take(struct statistics *statistics) {
    chunks_lock();
    count_locked(statistics);
    chunks_unlock();
    count_heaps(&statistics->heaps);
}

size_t statistics_metadata_bytes(void) {
    metadata_lock();
    size_t tables = metadata_mapped();
    metadata_unlock();
    return tables + chunk_map_resident();
}

/* --- the peak --------------------------------------------------------------------------------- */

static void take_sample(void) {
    count_locked(&sample);
    if (sample.live_bytes > peak.live_bytes) {
        peak = sample;
    }
}

static bool is_due(size_t taken) {
    size_t last = relaxed(&sampled_at);
    return taken > last + last / SHARE;
}

static void note_growth(size_t taken) {
    if (!is_due(taken)) {
        return;
    }
    chunks_lock();
    if (is_due(taken)) { /* no other thread has been here meanwhile */
        atomic_store_explicit(&sampled_at, taken, memory_order_relaxed);
        take_sample();
    }
    chunks_unlock();
}

void statistics_follow_peak(void) {
    atomic_store_explicit(&chunks_watcher, note_growth, memory_order_relaxed);
}

void statistics_peak(struct statistics *statistics) {
    chunks_lock();
    take_sample();
    *statistics = peak;
    chunks_unlock();
    count_heaps(&statistics->heaps);
}
