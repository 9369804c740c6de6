/* Copies and strings in an arena. */
#include <limits.h>
#include <stdio.h>

#include <cairn/arena.h>

#include "base/compiler.h"

CAIRN_EXPORT void *cairn_arena_copy(struct cairn_arena *arena, const void *bytes, size_t size,
                                    size_t alignment) {
    void *copy = cairn_arena_allocate(arena, size, alignment);
    if (copy != NULL && size != 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

CAIRN_EXPORT char *cairn_arena_string_n(struct cairn_arena *arena, const char *string,
                                        size_t most) {
    size_t length = strnlen(string, most);
    char *copy = cairn_arena_allocate(arena, length + 1, 1);
    if (copy != NULL) {
        memcpy(copy, string, length);
        copy[length] = '\0';
    }
    return copy;
}

CAIRN_EXPORT char *cairn_arena_string(struct cairn_arena *arena, const char *string) {
    return cairn_arena_copy(arena, string, strlen(string) + 1, 1);
}

/* Prints into the bytes that need no new chunk first, and again only if these were too few.  Of
 * room that an int can't count the printf of musl makes an error. */
CAIRN_EXPORT char *cairn_arena_vprintf(struct cairn_arena *arena, const char *format,
                                       va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    size_t room = arena->bound == 0 ? 0 : arena->end - arena->next;
    room = room > INT_MAX ? INT_MAX : room;
    int length = vsnprintf(room == 0 ? NULL : (char *)arena->next, room, format, arguments);
    char *string = NULL;
    if ((length < 0 || (size_t)length >= room) && arena->dirty < arena->end) {
        arena->dirty = arena->end; /* it may have been written to its end */
    }
    if (length >= 0) {
        string = cairn_arena_allocate(arena, (size_t)length + 1, 1);
    }
    if (string != NULL && (size_t)length >= room) {
        (void)vsnprintf(string, (size_t)length + 1, format, again);
    }
    va_end(again);
    return string;
}

CAIRN_EXPORT char *cairn_arena_printf(struct cairn_arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *string = cairn_arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return string;
}
