/* Blocks of which something that was purged comes into use again.
 *
 * The first few times nothing happens; then it is clear that the program grows, and the block,
 * whosever it is, becomes one huge page: that costs a third of the page faults of what is missing,
 * and on a virtual machine whose host shadows page tables as much again is saved when the program
 * comes by the pages that were there.
 *
 * Thread-safe; no lock is held. */
#ifndef CAIRN_CORE_REGAIN_H
#define CAIRN_CORE_REGAIN_H

#include <stdbool.h>
#include <stdint.h>

/* Something is about to be used that was purged.  True: all of its block is resident. */
bool regain(uintptr_t address);

/* Whether all of its block is resident, as far as is known. */
bool regain_has(uintptr_t address);

/* Pages of chunks that are in use were given back: the block is no huge page any more. */
void regain_note_split(uintptr_t address);

#endif
