#include "guard/quarantine.h"

#include "core/report.h"

static size_t size_of(uintptr_t object) { return slab_class(chunk_of(object))->size; }

static SLOW_PATH void report(uintptr_t object) {
    report_finding("free", &(struct finding){.what = FOUND_FREE,
                                             .address = object,
                                             .object = object,
                                             .size = size_of(object)});
}

/* `own`: the calling thread's own_distance(). */
static inline void release(struct chunk *slab, uintptr_t object, uintptr_t own) {
    bool exact;
    uint64_t index = object_index(slab, object, &exact);
    unsigned char *note = note_of(slab, index);
    if (unlikely(note_read(note) == NOTE_LIVE)) {
        return;
    }
    note_write(note, NOTE_LIVE); /* before another thread can be given the object */
    if (unlikely(chunk_owner(slab) != own)) {
        if (!free_object(slab, index)) {
            report(object);
        }
        return;
    }
    enum freed freed = slab_free_object(slab, index);
    if (unlikely(freed == FREED_ALL_OF_WORD)) {
        free_emptied((void *)object);
    } else if (unlikely(freed == FREED_TWICE)) {
        report(object);
    }
}

static inline void release_first(struct quarantine *quarantine, uintptr_t own) {
    uintptr_t object = quarantine->ring[quarantine->first];
    struct chunk *slab = chunk_of(object);
    quarantine->first = (quarantine->first + 1) & quarantine->mask;
    quarantine->count--;
    quarantine->bytes -= slab_class(slab)->size;
    release(slab, object, own);
}

void quarantine_release_of(struct chunk *slab, uintptr_t object) {
    release(slab, object, own_distance());
}

void quarantine_make_room(struct quarantine *quarantine) {
    uintptr_t own = own_distance();
    uint32_t most = quarantine->mask - quarantine->mask / 16;
    size_t most_bytes = quarantine->most_bytes - quarantine->most_bytes / 16;
    while (quarantine->count != 0 && (quarantine->count > most || quarantine->bytes > most_bytes)) {
        release_first(quarantine, own);
    }
}

void quarantine_empty(struct quarantine *quarantine) {
    uintptr_t own = own_distance();
    while (quarantine->count != 0) {
        release_first(quarantine, own);
    }
    for (unsigned i = 0; i < QUARANTINE_RANDOM; i++) {
        uintptr_t object = quarantine->random[i];
        quarantine->random[i] = 0;
        if (object != 0) {
            quarantine->bytes -= size_of(object);
            release(chunk_of(object), object, own);
        }
    }
}

/* Whether a slab's object is there that waits. */
static bool waits(uintptr_t object) {
    bool exact;
    struct chunk *slab = chunk_of(object);
    uint64_t index = object_index(slab, object, &exact);
    return object != 0 && chunk_is(slab, CHUNK_SLAB) && notes_of(slab) != NULL && exact &&
           note_read(note_of(slab, index)) != NOTE_LIVE;
}

void quarantine_begin(struct quarantine *quarantine, uint32_t ring, size_t most_bytes) {
    uint32_t kept = 0;
    quarantine->mask = ring - 1;
    quarantine->most_bytes = most_bytes;
    quarantine->bytes = 0;
    for (uint32_t i = 0; i < quarantine->count; i++) {
        uintptr_t object = quarantine->ring[(quarantine->first + i) & quarantine->mask];
        if (waits(object)) {
            quarantine->ring[(quarantine->first + kept++) & quarantine->mask] = object;
            quarantine->bytes += size_of(object);
        }
    }
    quarantine->count = kept;
    for (unsigned i = 0; i < QUARANTINE_RANDOM; i++) {
        if (waits(quarantine->random[i])) {
            quarantine->bytes += size_of(quarantine->random[i]);
        } else {
            quarantine->random[i] = 0;
        }
    }
}
