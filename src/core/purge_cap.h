/* How much free memory is kept for reuse.
 *
 *   cap = taken / 32 + 512 KiB + min(missed, taken / 2 + 8 MiB, peak of taken - taken)
 *
 * `missed` learns: memory that has to be faulted back within a second after it was purged was
 * purged too early, and raises it by as much; each further second without such a miss halves it.
 * It never makes the heap larger than it was at its peak.  No timer: time is looked at when
 * chunks move.  All functions: chunk lock held; sizes in chunks. */
#ifndef CAIRN_CORE_PURGE_CAP_H
#define CAIRN_CORE_PURGE_CAP_H

#include <stddef.h>

size_t purge_cap(size_t taken, size_t taken_peak);
void purge_cap_note_purged(size_t chunks);
/* `chunks` clean chunks were taken.  Returns how many of them count as missed. */
size_t purge_cap_note_taken(size_t chunks);

#endif
