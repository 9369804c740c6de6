/* Objects of no bytes: addresses of their own on memory that nobody may touch.
 *
 * One reservation has room for ZERO_SIZE_MAX of them at a time, 16 bytes apart; they are handed out
 * in turn, so that one that was freed comes again as late as possible.  Thread-safe, lock-free. */
#ifndef CAIRN_GUARD_ZERO_SIZE_H
#define CAIRN_GUARD_ZERO_SIZE_H

#include <stdbool.h>

enum { ZERO_SIZE_MAX = 65536 };

/* Reserves the addresses.  Refused: there are none. */
void zero_size_start(void);

/* NULL: all are in use. */
void *zero_size_take(void);

enum zero_size { ZERO_SIZE_NONE, ZERO_SIZE_FREE, ZERO_SIZE_LIVE };

/* What a pointer is: not the beginning of one, or one that is free or live. */
enum zero_size zero_size_find(const void *pointer);

/* False: it was free already. */
bool zero_size_give(void *pointer);

#endif
