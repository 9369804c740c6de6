/* Reports of bytes that were changed and should not have been. */
#ifndef CAIRN_GUARD_DAMAGE_H
#define CAIRN_GUARD_DAMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Something wrote behind an object of a class's `room`; how large it is says its canary, if that is
 * left. */
_Noreturn void damage_behind(const char *function, uintptr_t object, size_t room);

/* Something wrote before or behind an object of `size` bytes; the first changed byte is `offset`
 * bytes from its beginning. */
_Noreturn void damage_around(const char *function, uintptr_t object, size_t size, ptrdiff_t offset);

/* Something wrote into an object of a class's `room` after it was freed. */
_Noreturn void damage_after_free(const char *function, uintptr_t object, size_t room);

#endif
