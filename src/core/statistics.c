#include "core/statistics.h"

#include "base/bits.h"
#include "core/allocate.h"
#include "core/block.h"
#include "core/chunk_map.h"
#include "core/metadata.h"
#include "core/reclaim.h"
#include "core/region.h"
#include "core/residence.h"
#include "core/sampling.h"
#include "core/snapshot.h"
#include "core/threads.h"
#include "os/os.h"

_Static_assert((int)CLASS_COUNT <= (int)CAIRN_CLASSES_MAX, "published array");

/* A sample is due when a SHARE-th more chunks are taken than at the last one. */
enum { SHARE = 16 };

/* Both under the chunk lock: the highest sample, and where the next one is put together. */
static struct cairn_heap_stats peak, sample;
static _Atomic(size_t)
    sampled_at; /* chunks taken at the last sample; written under the chunk lock */

static size_t relaxed(const _Atomic(size_t) *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* a - b; 0 where b, read at another moment, is ahead. */
static uint64_t minus(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

static void keep_largest(uint64_t *largest, uint64_t bytes) {
    *largest = bytes > *largest ? bytes : *largest;
}

/* --- chunks ----------------------------------------------------------------------------------- */

struct walk {
    struct cairn_heap_stats *stats;
    struct residence *residence; /* NULL: pages are not looked at */
    uintptr_t free_from;         /* where the run of free chunks begins that ends at free_to */
    uintptr_t free_to;           /* 0: there is none */
};

static unsigned count_words(const uint64_t *words, unsigned count) {
    unsigned bits = 0;
    for (unsigned w = 0; w < count; w++) {
        bits += count_bits(words[w]);
    }
    return bits;
}

static unsigned longest_free_run(const struct slab_snapshot *slab) {
    unsigned capacity = slab->capacity;
    unsigned longest = 0;
    for (unsigned from = 0, to; from < capacity; from = to) {
        to = run_end(slab->live, from, capacity);
        bool is_free = (slab->live[from / 64] >> (from % 64) & 1) == 0;
        if (is_free && to - from > longest) {
            longest = to - from;
        }
    }
    return longest;
}

static void count_slab(const struct slab_snapshot *slab, struct cairn_class_stats *class) {
    const struct size_class *size_class = &size_classes[slab->class];
    size_t size = size_class->size, bytes = slab->chunks * CHUNK_SIZE;
    unsigned live = count_words(slab->live, size_class->words);
    class->slabs++;
    class->slab_bytes += bytes;
    class->live_objects += live;
    class->free_objects += slab->capacity - live;
    class->end_bytes += bytes - slab->capacity * size;
    class->ready_objects += count_words(slab->ready, size_class->words);
    class->unmerged_objects += count_words(slab->unmerged, size_class->words);
    keep_largest(&class->largest_free_bytes, longest_free_run(slab) * size);
}

/* Neighbouring free chunks; they come in the order of addresses. */
static void extend_free_run(struct walk *walk, uintptr_t address) {
    if (address != walk->free_to) {
        walk->free_from = address;
    }
    walk->free_to = address + CHUNK_SIZE;
    keep_largest(&walk->stats->largest_free_bytes, walk->free_to - walk->free_from);
}

static void count_large(const struct chunk_snapshot *chunk, struct cairn_heap_stats *stats) {
    stats->large_chunk_bytes += CHUNK_SIZE;
    stats->large_live_bytes += chunk->live_bytes;
    stats->large_objects += chunk->is_head ? 1 : 0;
}

static void count_chunk(const struct chunk_snapshot *chunk, void *argument) {
    struct walk *walk = argument;
    struct cairn_heap_stats *stats = walk->stats;
    stats->mapped_bytes += CHUNK_SIZE;
    switch (chunk->state) {
    case STATE_SLAB:
        if (chunk->is_head) {
            count_slab(&chunk->slab, &stats->classes[chunk->slab.class]);
        }
        break;
    case STATE_LARGE:
        count_large(chunk, stats);
        break;
    case STATE_SPARE:
        stats->spare_bytes += CHUNK_SIZE;
        break;
    case STATE_TRANSIT:
        stats->transit_bytes += CHUNK_SIZE;
        break;
    case STATE_DIRTY:
        stats->dirty_bytes += CHUNK_SIZE;
        extend_free_run(walk, chunk->address);
        break;
    case STATE_CLEAN:
        stats->clean_bytes += CHUNK_SIZE;
        extend_free_run(walk, chunk->address);
        break;
    }
    if (walk->residence != NULL) {
        residence_add(walk->residence, chunk, stats);
    }
}

/* --- heaps ------------------------------------------------------------------------------------ */

/* What all heaps counted.  Counters are their owners' and plain; a value that is a moment old is
 * good enough for a count. */
struct heap_sums {
    struct heap_counters counters;
    uint64_t handed[CLASS_COUNT];
    struct requests requests[CLASS_COUNT];
};

#define WORDS_OF(object) (sizeof(object) / sizeof(uint64_t))
_Static_assert(sizeof(struct heap_counters) % sizeof(uint64_t) == 0, "snapshot_copy");

static void add_bins(const struct heap *heap, struct heap_sums *sums) {
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        struct bin bin;
        struct requests requests;
        snapshot_copy(&bin, &heap->bins[c], WORDS_OF(bin));
        snapshot_copy(&requests, &heap->queues[c].requests, WORDS_OF(requests));
        sums->handed[c] += bin.handed;
        sums->requests[c].count += requests.count;
        sums->requests[c].bytes += requests.bytes;
    }
}

static void add_counters(const struct heap *heap, struct heap_sums *sums) {
    struct heap_counters counters;
    snapshot_copy(&counters, &heap->counters, WORDS_OF(counters));
    sums->counters.refills += counters.refills;
    sums->counters.slabs_created += counters.slabs_created;
    sums->counters.slabs_released += counters.slabs_released;
    sums->counters.slabs_adopted += counters.slabs_adopted;
    sums->counters.remote_frees += counters.remote_frees;
    sums->counters.hole_bytes += counters.hole_bytes;
    sums->counters.large_objects += counters.large_objects;
    sums->counters.large_bytes += counters.large_bytes;
    sums->counters.large_asked += counters.large_asked;
}

static void add_heaps(struct heap_sums *sums, struct cairn_heap_stats *stats) {
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        if (atomic_load_explicit(&heap->state, memory_order_relaxed) == HEAP_ACTIVE) {
            stats->active_heaps++;
        } else if (heap->shared == NULL) {
            stats->parked_heaps++;
        }
        add_bins(heap, sums);
        add_counters(heap, sums);
    }
}

/* --- what follows from what was counted ------------------------------------------------------- */

/* The most that a request of the class leaves over: the class below would serve one byte less. */
static uint64_t most_left_over(unsigned c) {
    return c == 0 ? size_classes[0].size : size_classes[c].size - size_classes[c - 1].size - 1;
}

/* What live objects leave over on average, if they are like the requests that were noted; those of
 * a class that has none are taken to leave over half of the most. */
static uint64_t estimate(uint64_t live, uint64_t size, uint64_t most,
                         const struct requests *requests) {
    if (requests->count == 0) {
        return live * most / 2;
    }
    double asked = (double)requests->bytes / (double)requests->count;
    return asked < (double)size ? (uint64_t)((double)live * ((double)size - asked)) : 0;
}

static void finish_class(struct cairn_heap_stats *stats, unsigned c, const struct heap_sums *sums) {
    struct cairn_class_stats *class = &stats->classes[c];
    uint64_t size = size_classes[c].size;
    class->object_bytes = size;
    class->live_bytes = class->live_objects * size;
    class->free_bytes = class->free_objects * size;
    /* What was handed to bins and is not there any more was allocated; what of that is not live was
     * freed. */
    class->allocations = minus(sums->handed[c], class->ready_objects);
    class->frees = minus(class->allocations, class->live_objects);
    class->rounding_max_bytes = class->live_objects * most_left_over(c);
    class->rounding_bytes =
        estimate(class->live_objects, size, most_left_over(c), &sums->requests[c]);

    stats->slab_bytes += class->slab_bytes;
    stats->live_objects += class->live_objects;
    stats->small_live_bytes += class->live_bytes;
    stats->free_bytes += class->free_bytes;
    stats->end_bytes += class->end_bytes;
    stats->ready_objects += class->ready_objects;
    stats->ready_bytes += class->ready_objects * size;
    stats->unmerged_objects += class->unmerged_objects;
    stats->unmerged_bytes += class->unmerged_objects * size;
    stats->allocations += class->allocations;
    stats->frees += class->frees;
    stats->rounding_bytes += class->rounding_bytes;
    stats->rounding_max_bytes += class->rounding_max_bytes;
    keep_largest(&stats->largest_free_bytes, class->largest_free_bytes);
}

static void finish_large(struct cairn_heap_stats *stats, const struct heap_counters *counters) {
    uint64_t asked =
        counters->large_asked + atomic_load_explicit(&large_requests.bytes, memory_order_relaxed);
    uint64_t rounded = counters->large_bytes +
                       atomic_load_explicit(&large_requests.rounded_bytes, memory_order_relaxed);
    uint64_t most = stats->large_objects * (os_page_size() - 1);
    double share = rounded == 0 ? 0 : (double)minus(rounded, asked) / (double)rounded;
    uint64_t left_over = (uint64_t)(share * (double)stats->large_live_bytes);
    stats->rounding_bytes += left_over < most ? left_over : most;
    stats->rounding_max_bytes += most;
    uint64_t counted =
        counters->large_objects + atomic_load_explicit(&large_requests.count, memory_order_relaxed);
    /* One that is being made is live before it is counted, and making its pages resident takes a
     * while. */
    stats->large_allocations = counted > stats->large_objects ? counted : stats->large_objects;
    stats->live_objects += stats->large_objects;
    stats->allocations += stats->large_allocations;
    stats->frees += minus(stats->large_allocations, stats->large_objects);
}

/* Samples are neither in slabs nor in chunks. */
static void add_samples(struct cairn_heap_stats *stats) {
    const struct sample_source *source = atomic_load_explicit(&sample_source, memory_order_acquire);
    if (source != NULL) {
        struct sample_counts counts;
        source->count(&counts);
        stats->sampled_objects = counts.live_objects;
        stats->sampled_live_bytes = counts.live_bytes;
        stats->sampled_allocations = counts.taken;
        stats->sampled_misses = counts.missed;
        stats->live_objects += stats->sampled_objects;
        stats->allocations += stats->sampled_allocations;
        stats->frees += minus(stats->sampled_allocations, stats->sampled_objects);
    }
}

static void add_events(struct cairn_heap_stats *stats, const struct heap_counters *counters) {
    stats->taken_peak_bytes = relaxed(&block_totals.taken_peak) * CHUNK_SIZE;
    stats->purged_bytes = relaxed(&block_totals.purged_bytes) + counters->hole_bytes;
    stats->purge_calls = relaxed(&block_totals.purge_calls);
    stats->purge_failures = relaxed(&block_totals.purge_failures);
    stats->refaulted_bytes = relaxed(&block_totals.refaulted) * CHUNK_SIZE;
    stats->refills = counters->refills;
    stats->slabs_created = counters->slabs_created;
    stats->slabs_released = counters->slabs_released + relaxed(&reclaim_totals.slabs);
    stats->slabs_adopted = counters->slabs_adopted;
    stats->remote_frees =
        counters->remote_frees + relaxed(&reclaim_totals.objects) + stats->unmerged_objects;
}

static void count(struct cairn_heap_stats *stats, struct residence *residence) {
    *stats = (struct cairn_heap_stats){.version = CAIRN_STATS_VERSION, .class_count = CLASS_COUNT};
    struct walk walk = {.stats = stats, .residence = residence};
    struct heap_sums sums = {0};
    snapshot_chunks(count_chunk, &walk);
    add_heaps(&sums, stats);
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        finish_class(stats, c, &sums);
    }
    finish_large(stats, &sums.counters);
    add_samples(stats);
    size_t regions_count = regions_seen();
    for (size_t r = 0; r < regions_count; r++) {
        stats->reserved_bytes += regions.region[r].reserved;
    }
    stats->live_bytes =
        stats->small_live_bytes + stats->large_live_bytes + stats->sampled_live_bytes;
    stats->available_bytes =
        stats->free_bytes + stats->spare_bytes + stats->dirty_bytes + stats->clean_bytes;
    add_events(stats, &sums.counters);
}

void statistics_count(struct cairn_heap_stats *stats) { count(stats, NULL); }

size_t statistics_metadata_bytes(void) { return metadata_resident() + chunk_map_resident(); }

void statistics_take(struct cairn_heap_stats *stats) {
    struct residence residence = {0};
    count(stats, &residence);
#define ADD_TO_GROUP(NAME, name, group, sentence) \
    stats->group##_bytes += stats->kept_bytes[CAIRN_##NAME];
    CAIRN_REASONS(ADD_TO_GROUP)
    stats->metadata_bytes = statistics_metadata_bytes();
    stats->metadata_mapped_bytes = metadata_mapped() + chunk_map_reserved();
    stats->resident_bytes = os_process_resident_bytes();
    stats->resident_peak_bytes = os_peak_resident_bytes();
    stats->outside_bytes =
        minus(stats->resident_bytes, stats->heap_resident_bytes + stats->metadata_bytes);
}

/* --- the peak --------------------------------------------------------------------------------- */

static void take_sample(void) {
    statistics_count(&sample);
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

void statistics_peak(struct cairn_heap_stats *stats) {
    chunks_lock();
    take_sample();
    *stats = peak;
    chunks_unlock();
}
