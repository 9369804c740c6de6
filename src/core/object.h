/* From a pointer of the program's to the object it names, or to what is wrong with it.
 *
 * For slow paths: correct for every address whatsoever, also while other threads work. */
#ifndef CAIRN_CORE_OBJECT_H
#define CAIRN_CORE_OBJECT_H

#include "core/chunk.h"
#include "core/report.h"

struct object {
    struct chunk
        *chunk; /* the slab's, or the large object's first; one of neither: a sample (sampling.h);
                   NULL unless FOUND_LIVE or FOUND_FREE */
    uint64_t index; /* slab: which object */
    size_t usable;  /* bytes the program may use */
};

/* FOUND_LIVE: *object is filled in.  Anything else: *finding says more. */
enum found object_find(const void *address, struct object *object, struct finding *finding);

/* An object that another one lies beside. */
struct neighbour {
    uintptr_t start;
    size_t size;
    bool is_known; /* else there is none, or what is there is no object */
    bool is_live;
};

/* The objects before and behind that of `size` bytes at `start`.  Others may change them
 * meanwhile. */
void object_neighbours(uintptr_t start, size_t size, struct neighbour *before,
                       struct neighbour *behind);

/* The live large object that contains an address whose own chunk says nothing about it; NULL: there
 * is none. */
struct chunk *large_around(uintptr_t address);

/* object_find for a pointer that must be live: reports and aborts otherwise. */
struct object object_require(const char *function, const void *address);

#endif
