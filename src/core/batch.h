/* Many objects at once: whole words of bits instead of a bit at a time.
 *
 * The same bins, slabs and rules as one by one, and the same counts: what is taken leaves the bin's
 * word, the first object of each handful comes by the slow path and is the sample that it is for
 * malloc.  Thread-safe. */
#ifndef CAIRN_CORE_BATCH_H
#define CAIRN_CORE_BATCH_H

#include <stddef.h>

/* Puts `count` objects of `size` bytes into pointers[].  Returns how many they are: fewer, with
 * errno ENOMEM, if there is no memory for more. */
size_t batch_allocate(size_t size, size_t count, void **pointers);

/* Frees objects of any size and owner, in any order; NULL is ignored, errno kept.  A bad one is
 * reported under the name `function`; those before it are freed by then. */
void batch_free(const char *function, void *const *pointers, size_t count);

#endif
