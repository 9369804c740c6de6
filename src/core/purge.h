/* Giving dirty chunks back to the kernel: which, how many, and what is counted of it.
 *
 * All functions but purge_measure() and purge_resident(): chunk lock held; those that purge give it
 * up during the system call. */
#ifndef CAIRN_CORE_PURGE_H
#define CAIRN_CORE_PURGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many chunks may be kept dirty: the cap (purge_cap.h), and within the limits, whatever else
 * speaks for keeping more. */
size_t purge_allowed(void);

/* Purges those that wait longest until no more than `keep` chunks are dirty; of dense huge pages
 * too, if `dense`.  Returns the bytes. */
size_t purge_down_to(size_t keep, bool dense);

/* Purges if more is dirty than may be.  More goes than that asks for, so that the next chunk does
 * not come back here at once: a system call costs as much as ten page faults. */
void purge_surplus(void);

/* Gives the chunk lock up, and takes it again, for a system call on chunks that are in no list
 * meanwhile, neither free nor taken; and whether any thread is between the two. */
void purge_begin_call(void);
void purge_end_call(void);
bool purge_is_calling(void);

/* Of a run of chunks that somebody else gave back or could not: `resident` of its bytes were. */
void purge_note(bool gone, size_t count, size_t resident);

/* From now on until it is called with false, as often as with true, block_totals.measured_bytes
 * tells how much of what is purged was resident: a call of the kernel more for each run. */
void purge_measure(bool on);

/* How much of a range is resident; 0 while nobody measures. */
size_t purge_resident(uintptr_t address, size_t size);

/* In the child of a fork: whoever measured, or was in a call, is gone. */
void purge_reset(void);

#endif
