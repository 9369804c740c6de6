/* The slabs of an object cache: where objects come from and go to when magazines can't help.
 *
 * A slab is 2^granule_log bytes, so aligned, from the cache's allocator, with up to 64 objects; its
 * descriptor is elsewhere.  The first object's offset (the colour) goes round through what the
 * objects leave of the slab, so that the same object of several slabs is not in the same set of the
 * cache (Bonwick 1994, section 4).
 *
 * Thread-safe: one lock (RANK_REGION), never held while the allocator, a constructor or a
 * destructor runs. */
#ifndef CAIRN_REGIONS_OBJECT_SLAB_H
#define CAIRN_REGIONS_OBJECT_SLAB_H

#include <cairn/object_cache.h>

#include "os/mutex.h"
#include "regions/span_table.h"

enum { SLAB_OBJECTS = 64 };

/* What an object is to the program; every change is one exchange, so no mistake is missed. */
enum object_state { OBJECT_IDLE = 0, OBJECT_LIVE = 1 };

/* raw & idle = 0;   bits of neither: out of the slab, live or in a magazine.
 * In the list exactly if raw | idle != 0; whole slabs, of which nothing is out, come last. */
struct object_slab {
    struct cairn_span span;                  /* all of it; the first field, see span_table.h */
    uintptr_t first;                         /* the first object: start + colour */
    uint64_t raw;                            /* objects that are not constructed */
    uint64_t idle;                           /* objects that are, and wait in the slab */
    struct object_slab *next, *prev;         /* the list; or `next`: descriptors to be used again */
    struct object_slab *next_all, *prev_all; /* all slabs that are held */
    uint8_t states[SLAB_OBJECTS];            /* enum object_state; any thread */
};

/* In front of a table.  Tables are kept to the end, as threads may still be looking at them. */
struct table_memory {
    struct table_memory *next;
    size_t bytes;
};

/* All fields from `lock` on are written under it. */
struct object_slabs {
    size_t size;      /* of an object, as asked for */
    size_t stride;    /* from object to object */
    unsigned objects; /* of a slab */
    unsigned granule_log;
    size_t colour_step; /* a cache line, or the alignment if that is more */
    size_t colour_most; /* colour <= colour_most */
    struct cairn_allocator allocator;
    struct cairn_object_cache_options hooks; /* construct, destruct, context */

    struct mutex lock;
    struct object_slab *head, *tail; /* slabs to take from */
    struct object_slab *all;
    struct object_slab *spare;      /* descriptors of slabs that went back */
    struct cairn_span_table *table; /* any thread reads */
    struct table_memory *tables;    /* this and all former ones */
    size_t colour;                  /* of the next slab */
    size_t count;                   /* slabs held */
    size_t table_entries;           /* that the table is for */
    size_t bytes;                   /* of slabs, descriptors and tables */
    size_t out, out_most;           /* objects out of slabs, and the most that ever were */
    uint64_t takes, gives;          /* by no magazine */
    uint64_t constructed, destructed;
    uint64_t contended; /* times that the lock was not free */
};

/* False: no memory. */
bool slabs_start(struct object_slabs *slabs, size_t size, size_t stride, size_t alignment);

/* Destructs everything; all objects are in the slabs. */
void slabs_end(struct object_slabs *slabs);

/* An object, constructed, out of its slab; idle still, as far as its state says.  NULL: no memory,
 * or not constructed. */
void *slabs_take(struct object_slabs *slabs);

/* Objects that are idle and out of their slabs go back. */
void slabs_give(struct object_slabs *slabs, void *const *objects, size_t count);

/* Gives all whole slabs to the allocator; returns the bytes. */
size_t slabs_reap(struct object_slabs *slabs);

/* Counts an attempt that had to wait, and locks. */
void slabs_lock(struct object_slabs *slabs);
void slabs_unlock(struct object_slabs *slabs);

/* The slab that contains address, or NULL.  Takes no lock: an object that is the caller's stays
 * where it is. */
struct object_slab *slabs_find(const struct object_slabs *slabs, const void *address);

/* Which of the slab's objects contains address, if it is at or behind the first; and how far in. */
unsigned slab_index(const struct object_slabs *slabs, const struct object_slab *slab,
                    const void *address, size_t *offset);

/* Objects that the program has. */
size_t slabs_live(struct object_slabs *slabs);

#endif
