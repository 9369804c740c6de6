/* What the debug profile knows of each object, out of line: the note of a slab's object
 * (core/interceptor.h), and of a large one. */
#ifndef CAIRN_GUARD_RECORD_H
#define CAIRN_GUARD_RECORD_H

#include "core/object.h"
#include "core/report.h"
#include "guard/guarded_large.h"
#include "guard/quarantine.h"
#include "guard/sites.h"

enum record_mark { MARK_NONE, MARK_REACHED, MARK_SCANNED }; /* see leaks.h */

struct record {
    unsigned char state;         /* NOTE_LIVE, NOTE_WAITS; by note_read() and note_write() */
    unsigned char form : 2;      /* enum form, of its allocation */
    unsigned char alignment : 6; /* that was asked for, GRANULE at least, as a power of two */
    uint16_t asked;              /* bytes, of a slab's object */
    /* Under the profile's lock, as all of it, but for the form: */
    uint32_t used : 1;            /* it was handed out before, so it is filled while it is free */
    uint32_t mark : 2;            /* enum record_mark */
    uint32_t allocated_site : 14; /* see sites.h */
    uint32_t freed_site : 14;
    uint32_t allocated_stack, freed_stack;
    uint32_t allocated_thread, freed_thread;
    uint32_t allocated_ms, freed_ms; /* since the profile began, and one; freed_ms is 0 while the
                                        object is the program's, however the bitmap goes on */
};

_Static_assert(NARROW_MAX <= UINT16_MAX && SITES_MAX <= 1 << 14, "they fit");
_Static_assert(sizeof(struct record) <= 32,
               "those of the smallest class are one piece of metadata");
_Static_assert(sizeof(struct record) <= RECORD_BYTES, "a large object's");

/* What the bytes of an object are: at first, and once it is freed. */
enum { FILL_FRESH = 0xaa, FILL_FREED = 0xdd };

/* Behind each object at least: also what is written before the next one. */
enum { REAR_LEAST = 16 };

/* An object and its record. */
struct known {
    uintptr_t address;
    struct chunk *chunk; /* its slab, or its head; NULL or that of no memory of ours: neither */
    struct slot *slot;   /* of an object at an edge (edges.h), else NULL */
    uint64_t index;      /* in the slab */
    size_t room, size;   /* of its class or pages; what was asked for */
    struct record *record;
};

/* Of a slab of a closed heap, whatever the state of the object. */
static inline struct record *record_of(struct chunk *slab, uint64_t index) {
    return (struct record *)(void *)note_of(slab, index);
}

/* The object of a slab or the large object that begins at `address`, also if it is free or waits.
 * False: none begins there, or it is none of the profile's. */
bool record_find(uintptr_t address, struct known *known);

/* The i-th of a slab. */
struct known record_known(struct chunk *slab, uint64_t i);

/* Whether it is in the program's hands. */
bool record_is_live(const struct known *known);

/* Calls visit() for each live object until it returns false; returns that.  The profile's lock is
 * held. */
bool record_each_live(bool (*visit)(const struct known *known, void *argument), void *argument);

/* The object that contains `address`, if it is live. */
bool record_find_around(uintptr_t address, struct known *known);

#endif
