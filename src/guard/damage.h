/* Reports of bytes that were changed and should not have been.
 *
 * All return only where the program asked reports not to end it (core/report.h). */
#ifndef CAIRN_GUARD_DAMAGE_H
#define CAIRN_GUARD_DAMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* Whether somebody keeps what is known of objects, and the reports ask him:
 * report_set_history(). */
extern bool damage_has_history;

/* The canary of an object with a trailer (canary.h), in a class's `room`, is not whole. */
SLOW_PATH void damage_canary(const char *function, uintptr_t object, size_t room);

/* `count` bytes at object + offset of an object of `size` bytes: behind it, or before it if offset
 * is negative. */
SLOW_PATH void damage_around(const char *function, uintptr_t object, size_t size, ptrdiff_t offset,
                             size_t count);

/* The canary of `room` - `size` bytes behind an object is not whole: canary_fill() wrote it. */
SLOW_PATH void damage_fill(const char *function, uintptr_t object, size_t size, size_t room);

/* Some of the `room` bytes of a free object are not what they were: all `expected`. */
SLOW_PATH void damage_after_free(const char *function, uintptr_t object, size_t room,
                                 unsigned char expected);

#endif
