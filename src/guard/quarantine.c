#include "guard/quarantine.h"

#include "core/report.h"

static size_t size_of(uintptr_t object) { return slab_class(chunk_of(object))->size; }

void quarantine_report(uintptr_t object) {
    report_finding("free", &(struct finding){.what = FOUND_FREE,
                                             .address = object,
                                             .object = object,
                                             .size = size_of(object)});
}

void quarantine_empty(struct quarantine *quarantine) {
    while (quarantine->count != 0) {
        quarantine_release_first(quarantine);
    }
    for (unsigned i = 0; i < QUARANTINE_RANDOM; i++) {
        uintptr_t object = quarantine->random[i];
        quarantine->random[i] = 0;
        if (object != 0) {
            quarantine->bytes -= size_of(object);
            quarantine_release_of(chunk_of(object), object);
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
