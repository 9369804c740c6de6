#include "guard/quarantine.h"

#include "core/report.h"

static struct chunk *slab_of(waiting object) {
    return (struct chunk *)(uintptr_t)(object >> WAITING_INDEX_BITS << WAITING_SLAB_ALIGN_LOG);
}

static uint64_t index_of(waiting object) {
    return object & ((UINT64_C(1) << WAITING_INDEX_BITS) - 1);
}

static size_t size_of(waiting object) { return slab_class(slab_of(object))->size; }

static uintptr_t address_of(const struct chunk *slab, uint64_t index) {
    return slab->start + index * slab_class(slab)->size;
}

static SLOW_PATH void report(const struct chunk *slab, uint64_t index) {
    uintptr_t object = address_of(slab, index);
    report_finding("free", &(struct finding){.what = FOUND_FREE,
                                             .address = object,
                                             .object = object,
                                             .size = slab_class(slab)->size});
}

static __attribute__((noinline)) void free_elsewhere(struct chunk *slab, uint64_t index) {
    if (!free_object(slab, index)) {
        report(slab, index);
    }
}

/* `own`: the calling thread's own_distance(); note_bytes: the interceptor's. */
FAST_PATH void release(struct chunk *slab, uint64_t index, uintptr_t own, size_t note_bytes) {
    unsigned char *note = shared_of(slab)->notes + index * note_bytes;
    if (unlikely(note_read(note) == NOTE_LIVE)) {
        return;
    }
    note_write(note, NOTE_LIVE); /* before another thread can be given the object */
    if (unlikely(chunk_owner(slab) != own)) {
        free_elsewhere(slab, index);
        return;
    }
    enum freed freed = slab_free_object(slab, index);
    if (unlikely(freed == FREED_ALL_OF_WORD)) {
        free_emptied((void *)slab->start);
    } else if (unlikely(freed == FREED_TWICE)) {
        report(slab, index);
    }
}

/* Releases the first ones of the ring until `most` are left at most, and of all that wait
 * most_bytes.  Each has left the ring before it is free, as the thread may vanish in a fork. */
FAST_PATH void release_until(struct quarantine *quarantine, uint32_t most, size_t most_bytes) {
    uintptr_t own = own_distance();
    size_t note_bytes = interceptor->note_bytes, bytes = quarantine->bytes;
    uint32_t first = quarantine->first, end = quarantine->end, mask = quarantine->mask;
    while ((end - first > most || bytes > most_bytes) && first != end) {
        waiting object = quarantine->ring[first & mask];
        quarantine->first = ++first;
        bytes -= size_of(object);
        release(slab_of(object), index_of(object), own, note_bytes);
    }
    quarantine->bytes = bytes;
}

void quarantine_release_of(struct chunk *slab, uint64_t index) {
    release(slab, index, own_distance(), interceptor->note_bytes);
}

void quarantine_make_room(struct quarantine *quarantine) {
    release_until(quarantine, quarantine->mask - quarantine->mask / 16,
                  quarantine->most_bytes - quarantine->most_bytes / 16);
}

void quarantine_empty(struct quarantine *quarantine) {
    release_until(quarantine, 0, SIZE_MAX);
    uintptr_t own = own_distance();
    for (unsigned i = 0; i < QUARANTINE_RANDOM; i++) {
        waiting object = quarantine->random[i];
        quarantine->random[i] = 0;
        if (object != 0) {
            quarantine->bytes -= size_of(object);
            release(slab_of(object), index_of(object), own, interceptor->note_bytes);
        }
    }
}

/* Whether a slab's object is there that waits. */
static bool waits(waiting object) {
    struct chunk *slab = slab_of(object);
    return object != 0 && chunk_is(slab, CHUNK_SLAB) && notes_of(slab) != NULL &&
           index_of(object) < slab->capacity &&
           note_read(note_of(slab, index_of(object))) != NOTE_LIVE;
}

void quarantine_begin(struct quarantine *quarantine, uint32_t ring, size_t most_bytes) {
    quarantine->mask = ring - 1;
    quarantine->most_bytes = most_bytes;
    quarantine->bytes = 0;
    uint32_t kept = quarantine->first;
    for (uint32_t i = quarantine->first; i != quarantine->end; i++) {
        waiting object = quarantine->ring[i & quarantine->mask];
        if (waits(object)) {
            quarantine->ring[kept++ & quarantine->mask] = object;
            quarantine->bytes += size_of(object);
        }
    }
    quarantine->end = kept;
    for (unsigned i = 0; i < QUARANTINE_RANDOM; i++) {
        if (waits(quarantine->random[i])) {
            quarantine->bytes += size_of(quarantine->random[i]);
        } else {
            quarantine->random[i] = 0;
        }
    }
}
