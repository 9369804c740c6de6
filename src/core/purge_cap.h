/* How much free memory is kept for reuse.
 *
 *   base = taken / 16 + 1 MiB
 *   cap  = base + min(missed, most taken lately - taken)
 *
 * `missed` learns that a program swings: memory that has to be faulted in again soon after it was
 * purged was purged too early, and raises it by as much.  What lay dirty through all of a window of
 * time was not missed, and lowers it.  So the first fall of a swing is given back, the next ones
 * are kept for the rise that follows, and never more than was in use lately.
 *
 * No timer: time is looked at when chunks move, and by heaps now and then (heap.c).  All functions:
 * chunk lock held; sizes in chunks. */
#ifndef CAIRN_CORE_PURGE_CAP_H
#define CAIRN_CORE_PURGE_CAP_H

#include <stddef.h>

enum { PURGE_WINDOW_MS = 2000 };

size_t purge_cap_base(size_t taken);
size_t purge_cap(size_t taken);

/* Most taken lately. */
size_t purge_cap_high(void);

/* What was learned: so much is kept for the rise that follows a fall. */
size_t purge_cap_missed(void);

/* What is taken and what is dirty after each change. */
void purge_cap_note_level(size_t taken, size_t dirty);
void purge_cap_note_purged(size_t chunks);
/* `chunks` clean chunks were taken.  Returns how many of them count as missed. */
size_t purge_cap_note_taken(size_t chunks);

#endif
