/* The profile `hardened`: what a mistake of the program can be made of is taken away.
 *
 *   which of the free objects is handed out can't be foreseen (of those of a word; and which slab
 *   is next), and a freed one comes again late (quarantine.h)
 *   a canary behind each object, which is looked at when it is freed or resized (canary.h)
 *   freed objects are cleared, and have to be clear still when they are handed out: fresh memory is
 *   always zero, and a write after free is found
 *   large objects lie between guard pages (guarded_large.h), those of no bytes on none
 *   (zero_size.h), and some slabs end in one (core/slab.h)
 *   objects that hold pointers share no slab with others, where the program tells them apart
 *
 * All of it with the core's slabs, bitmaps and remote frees: this file is a second pair of malloc
 * and free on top of them. */
#ifndef CAIRN_GUARD_HARDENED_H
#define CAIRN_GUARD_HARDENED_H

#include <stdbool.h>

/* From now on. */
void hardened_start(void);

/* Looks at the canaries of all live objects, and at whether free ones are clear.  Other threads
 * must not allocate or free meanwhile.  False: something is wrong, and was reported. */
bool hardened_check(const char *function);

#endif
