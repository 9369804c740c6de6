/* Making pages resident before the program touches them, all at once: a page fault costs several
 * times what the page itself costs.  Only where it is as good as certain that the program will
 * write to them: what is populated in vain is resident in vain. */
#ifndef CAIRN_CORE_PREFAULT_H
#define CAIRN_CORE_PREFAULT_H

#include <stddef.h>
#include <stdint.h>

#include "core/heap.h"

/* The clean chunk of a new slab, if the heap has one of its class already and objects are no larger
 * than a page: whoever takes one writes to its page. */
void prefault_slab(const struct heap *owner, unsigned class, uintptr_t address);

/* The holes of a slab from which objects are about to be handed out, likewise. */
void prefault_holes(const struct chunk *slab);

/* What a large object of `before` bytes has grown by, in place and clean: if it is a small step; a
 * larger one as if it were a new object. */
void prefault_growth(uintptr_t address, size_t size, size_t before);

/* Memory, not all of it resident, to which so much is about to be copied. */
void prefault_copy(uintptr_t address, size_t size);

/* Memory of which little is resident, less than that is too: all of it is about to be written. */
void prefault_whole(uintptr_t address, size_t size);

/* A new large object on memory that is not all resident, if the ones before it were used whole:
 * that is looked up, a few pages each, when the next one comes or the last one leaves. */
void prefault_large(uintptr_t address, size_t size);

/* Memory of large objects that is about to be freed or moved, and still as the program left it. */
void prefault_note_leaving(uintptr_t address, size_t size);

#endif
