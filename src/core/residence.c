#include "core/residence.h"

#include <string.h>

#include "base/bits.h"
#include "os/os.h"

/* A step is a page, or the chunk where pages are larger. */
enum { STEP_MIN = 4096, STEPS = CHUNK_SIZE / STEP_MIN };

static size_t step_size(void) {
    size_t page = os_page_size();
    return page < CHUNK_SIZE ? page : CHUNK_SIZE;
}

static bool is_present(struct residence *residence, uintptr_t address) {
    uintptr_t block = round_down(address, BLOCK_SIZE);
    if (residence->block != block) {
        residence->block = block;
        if (!os_resident_pages((void *)block, BLOCK_SIZE, residence->present)) {
            memset(residence->present, 0, sizeof residence->present);
        }
    }
    return residence->present[(address - block) / os_page_size()] != 0;
}

static size_t overlap(size_t from, size_t to, size_t other_from, size_t other_to) {
    size_t start = from > other_from ? from : other_from;
    size_t end = to < other_to ? to : other_to;
    return start < end ? end - start : 0;
}

static void keep(struct cairn_heap_stats *stats, enum cairn_reason reason, size_t bytes) {
    stats->kept_bytes[reason] += bytes;
    stats->heap_resident_bytes += bytes;
}

static void keep_live(struct cairn_heap_stats *stats, size_t bytes) {
    stats->live_resident_bytes += bytes;
    stats->heap_resident_bytes += bytes;
}

/* --- slabs ------------------------------------------------------------------------------------ */

/* Bytes of objects of each kind on each step. */
struct steps {
    size_t live[STEPS], ready[STEPS], unmerged[STEPS];
};

/* Adds the objects whose bits are set to the steps of the chunk on which they lie. */
static void spread(const uint64_t *bits, const struct chunk_snapshot *chunk, size_t *steps) {
    size_t step = step_size(), size = size_classes[chunk->slab.class].size;
    unsigned capacity = chunk->slab.capacity;
    for (unsigned from = 0, to; from < capacity; from = to) {
        to = run_end(bits, from, capacity);
        if ((bits[from / 64] >> (from % 64) & 1) == 0) {
            continue;
        }
        for (size_t i = 0; i < CHUNK_SIZE / step; i++) {
            size_t at = chunk->offset + i * step;
            steps[i] += overlap(from * size, to * size, at, at + step);
        }
    }
}

static bool has_live(const struct slab_snapshot *slab) {
    for (unsigned w = 0; w < size_classes[slab->class].words; w++) {
        if (slab->live[w] != 0) {
            return true;
        }
    }
    return false;
}

/* Why the page of step i, which begins so far from the slab's start, is resident; see
 * CAIRN_REASONS. */
static enum cairn_reason reason_of(const struct slab_snapshot *slab, const struct steps *steps,
                                   size_t i, size_t at) {
    if (steps->live[i] != 0) {
        return CAIRN_PINNED;
    }
    if (steps->unmerged[i] != 0) {
        return CAIRN_UNMERGED;
    }
    if (steps->ready[i] != 0) {
        return CAIRN_READY;
    }
    if (at >= (size_t)slab->fresh * size_classes[slab->class].size) {
        return CAIRN_FRESH;
    }
    return has_live(slab) ? CAIRN_HOLE : CAIRN_EMPTY;
}

static void add_slab(struct residence *residence, const struct chunk_snapshot *chunk,
                     struct cairn_heap_stats *stats) {
    const struct slab_snapshot *slab = &chunk->slab;
    const struct size_class *size_class = &size_classes[slab->class];
    struct cairn_class_stats *class = &stats->classes[slab->class];
    size_t step = step_size(), objects_end = (size_t)slab->capacity * size_class->size;
    struct steps steps = {{0}, {0}, {0}};
    spread(slab->live, chunk, steps.live);
    spread(slab->ready, chunk, steps.ready);
    spread(slab->unmerged, chunk, steps.unmerged);
    for (size_t i = 0; i < CHUNK_SIZE / step; i++) {
        if (!is_present(residence, chunk->address + i * step)) {
            continue;
        }
        size_t at = chunk->offset + i * step;
        size_t live = steps.live[i];
        size_t end = overlap(at, at + step, objects_end, slab->chunks * CHUNK_SIZE);
        enum cairn_reason reason = reason_of(slab, &steps, i, at);
        keep_live(stats, live);
        keep(stats, CAIRN_END, end);
        keep(stats, reason, step - live - end);
        class->resident_bytes += step;
        class->live_resident_bytes += live;
        class->pinned_bytes += reason == CAIRN_PINNED ? step - live - end : 0;
    }
}

/* --- everything else -------------------------------------------------------------------------- */

/* The first live_bytes of it are live. */
static void add_whole(struct residence *residence, const struct chunk_snapshot *chunk,
                      enum cairn_reason reason, struct cairn_heap_stats *stats) {
    size_t step = step_size();
    for (size_t at = 0; at < CHUNK_SIZE; at += step) {
        if (is_present(residence, chunk->address + at)) {
            size_t live = overlap(at, at + step, 0, chunk->live_bytes);
            keep_live(stats, live);
            keep(stats, reason, step - live);
        }
    }
}

void residence_add(struct residence *residence, const struct chunk_snapshot *chunk,
                   struct cairn_heap_stats *stats) {
    switch (chunk->state) {
    case STATE_SLAB:
        add_slab(residence, chunk, stats);
        break;
    case STATE_LARGE:
        add_whole(residence, chunk, CAIRN_END, stats);
        break;
    case STATE_SPARE:
        add_whole(residence, chunk, CAIRN_SPARE, stats);
        break;
    case STATE_TRANSIT:
        add_whole(residence, chunk, CAIRN_TRANSIT, stats);
        break;
    case STATE_DIRTY:
        add_whole(residence, chunk, CAIRN_DIRTY, stats);
        break;
    case STATE_CLEAN:
        add_whole(residence, chunk, CAIRN_CLEAN, stats);
        break;
    }
}
