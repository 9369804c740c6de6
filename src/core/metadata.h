/* Memory of the tables: bitmaps and heaps, in cache lines.
 *
 * Far from user memory, in mappings of their own.  What is given back is kept for the same size;
 * memory of a heap or bitmap never becomes anything else, so a late reader sees an old value and
 * never a foreign one; and METADATA_MARGIN bytes behind each are readable, for one who takes it for
 * a longer one.  Thread-safe (RANK_METADATA). */
#ifndef CAIRN_CORE_METADATA_H
#define CAIRN_CORE_METADATA_H

#include <stddef.h>

#include "base/compiler.h"

/* Sizes in cache lines that are kept for reuse; larger ones are never given back. */
enum { METADATA_KEPT_LINES = 512, METADATA_MARGIN = 32 * CACHE_LINE };

/* Zeroed the first time, as it was given back otherwise; aligned to a cache line.  NULL: no
 * memory. */
void *metadata_take(size_t lines);
void metadata_give(void *memory, size_t lines);

/* Bytes of address space, and those of them that are resident.  Lock-free. */
size_t metadata_mapped(void);
size_t metadata_resident(void);

void metadata_lock(void);
void metadata_unlock(void);
void metadata_reset_lock(void);

/* All memory that there is for tables, in no particular order.  Lock-free. */
void metadata_each_segment(void (*visit)(void *address, size_t size));

#endif
