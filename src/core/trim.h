/* Giving back all that can go, on request. */
#ifndef CAIRN_CORE_TRIM_H
#define CAIRN_CORE_TRIM_H

#include <stddef.h>

/* Gives to the kernel: all free chunks, also those that empty slabs of the calling thread and of
 * threads that have ended give up; and the pages inside their other slabs on which no object is
 * live.  Slabs of other running threads are theirs alone.  Returns the bytes.  Thread-safe. */
size_t trim(void);

#endif
