#include "guard/quarantine.h"

#include "base/random.h"
#include "core/allocate.h"
#include "core/report.h"
#include "core/slab.h"

static size_t size_of(uintptr_t object) { return slab_class(chunk_of(object))->size; }

void quarantine_release(uintptr_t object) {
    struct chunk *slab = chunk_of(object);
    bool exact;
    uint64_t index = object_index(slab, object, &exact);
    unsigned char *note = note_of(slab, index);
    if (unlikely(note_read(note) == NOTE_LIVE)) {
        return;
    }
    note_write(note, NOTE_LIVE); /* before another thread can be given the object */
    if (unlikely(!free_object(slab, index))) {
        report_bad_pointer("free", &(struct finding){.what = FOUND_FREE,
                                                     .address = object,
                                                     .object = object,
                                                     .size = slab_class(slab)->size});
    }
}

static void release_first(struct quarantine *quarantine) {
    uintptr_t object = quarantine->ring[quarantine->first];
    quarantine->first = (quarantine->first + 1) % QUARANTINE_RING;
    quarantine->count--;
    quarantine->bytes -= size_of(object);
    quarantine_release(object);
}

void quarantine_keep(struct heap *heap, struct quarantine *quarantine, uintptr_t object,
                     size_t size) {
    quarantine->bytes += size;
    if (likely(size <= QUARANTINE_BYTES / QUARANTINE_SHARE)) {
        uint64_t place = random_next(&heap->random) % QUARANTINE_RANDOM;
        uintptr_t other = quarantine->random[place];
        quarantine->random[place] = object;
        object = other;
    }
    if (likely(object != 0)) {
        if (quarantine->count == QUARANTINE_RING) {
            release_first(quarantine);
        }
        quarantine->ring[(quarantine->first + quarantine->count) % QUARANTINE_RING] = object;
        quarantine->count++;
    }
    while (quarantine->bytes > QUARANTINE_BYTES && quarantine->count != 0) {
        release_first(quarantine);
    }
}

void quarantine_empty(struct quarantine *quarantine) {
    while (quarantine->count != 0) {
        release_first(quarantine);
    }
    for (unsigned i = 0; i < QUARANTINE_RANDOM; i++) {
        uintptr_t object = quarantine->random[i];
        quarantine->random[i] = 0;
        if (object != 0) {
            quarantine->bytes -= size_of(object);
            quarantine_release(object);
        }
    }
}

/* Whether a slab's object is there that waits. */
static bool waits(uintptr_t object) {
    bool exact;
    struct chunk *slab = chunk_of(object);
    uint64_t index = object_index(slab, object, &exact);
    return object != 0 && chunk_is(slab, CHUNK_SLAB) && shared_of(slab)->notes != NULL && exact &&
           note_read(note_of(slab, index)) != NOTE_LIVE;
}

void quarantine_mend(struct quarantine *quarantine) {
    uint32_t kept = 0;
    quarantine->bytes = 0;
    for (uint32_t i = 0; i < quarantine->count; i++) {
        uintptr_t object = quarantine->ring[(quarantine->first + i) % QUARANTINE_RING];
        if (waits(object)) {
            quarantine->ring[(quarantine->first + kept++) % QUARANTINE_RING] = object;
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
