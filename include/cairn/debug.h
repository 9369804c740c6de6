/* Looking for mistakes: what the profiles `hardened` and `debug` can be asked while a program runs.
 *
 * CAIRN_PROFILE chooses the profile when the program starts; docs/PROFILES.md says what each does.
 * In the profile `fast` these functions have nothing to look at.
 *
 * Cost: all of the heap is read. */
#ifndef CAIRN_DEBUG_H
#define CAIRN_DEBUG_H

#include <cairn/cairn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Looks at every object: whether something was written behind a live one, or into a free one that
 * has not come again.  Returns true if nothing was found; else that is reported like any mistake,
 * and false returned if the process goes on then.
 *
 * Thread-safe in the profile `debug`; in `hardened` other threads must not allocate or free
 * meanwhile.  Not in a signal handler. */
bool cairn_check(void);

#ifdef __cplusplus
}
#endif

#endif
