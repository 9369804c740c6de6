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

/* object_find for a pointer that must be live: reports and aborts otherwise. */
struct object object_require(const char *function, const void *address);

#endif
