/* Slices, exact strings, and the string that grows. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include <cairn/str.h>

#include <limits.h>
#include <stdio.h>

#include <cairn/vec.h>

#include "base/compiler.h"

/* --- slices ----------------------------------------------------------------------------------- */

CAIRN_EXPORT size_t cairn_slice_find(struct cairn_slice slice, struct cairn_slice what) {
    if (what.length == 0) {
        return 0;
    }
    if (slice.length < what.length) {
        return CAIRN_NOT_FOUND;
    }
    const char *at = memmem(slice.bytes, slice.length, what.bytes, what.length);
    return at == NULL ? CAIRN_NOT_FOUND : (size_t)(at - slice.bytes);
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

CAIRN_EXPORT struct cairn_slice cairn_slice_trim(struct cairn_slice slice) {
    while (slice.length > 0 && is_blank(slice.bytes[slice.length - 1])) {
        slice.length--;
    }
    while (slice.length > 0 && is_blank(slice.bytes[0])) {
        slice.bytes++;
        slice.length--;
    }
    return slice;
}

CAIRN_EXPORT bool cairn_slice_cut(struct cairn_slice *rest, char separator,
                                  struct cairn_slice *piece) {
    *piece = *rest;
    if (rest->bytes == NULL) {
        return false;
    }
    const char *at = memchr(rest->bytes, separator, rest->length);
    if (at == NULL) {
        *rest = (struct cairn_slice){NULL, 0};
        return true;
    }
    piece->length = (size_t)(at - rest->bytes);
    *rest = cairn_slice_part(*rest, piece->length + 1, rest->length);
    return true;
}

/* --- exact strings ---------------------------------------------------------------------------- */

static char *copy_to(char *to, struct cairn_slice slice) {
    if (slice.length != 0) {
        memcpy(to, slice.bytes, slice.length);
    }
    return to + slice.length;
}

/* False if *total + more is more than an object can have. */
static bool add_length(size_t *total, size_t more) {
    if (more > PTRDIFF_MAX - *total) {
        return false;
    }
    *total += more;
    return true;
}

CAIRN_EXPORT char *cairn_strjoin_in(const struct cairn_allocator *allocator,
                                    const struct cairn_slice *pieces, size_t count,
                                    const char *between) {
    struct cairn_slice separator = cairn_slice_of(between);
    size_t size = 1;
    for (size_t i = 0; i < count; i++) {
        if (!add_length(&size, pieces[i].length) ||
            (i != 0 && !add_length(&size, separator.length))) {
            return NULL;
        }
    }
    char *text = cairn_allocate(allocator, size, 1);
    if (text == NULL) {
        return NULL;
    }
    char *end = text;
    for (size_t i = 0; i < count; i++) {
        end = copy_to(i == 0 ? end : copy_to(end, separator), pieces[i]);
    }
    *end = '\0';
    return text;
}

CAIRN_EXPORT char *cairn_strcat_in(const struct cairn_allocator *allocator, const char *a,
                                   const char *b) {
    struct cairn_slice pieces[] = {cairn_slice_of(a), cairn_slice_of(b)};
    return cairn_strjoin_in(allocator, pieces, 2, NULL);
}

CAIRN_EXPORT char *cairn_strdup_in(const struct cairn_allocator *allocator, const char *text) {
    struct cairn_slice piece = cairn_slice_of(text);
    return cairn_strjoin_in(allocator, &piece, 1, NULL);
}

CAIRN_EXPORT char *cairn_strndup_in(const struct cairn_allocator *allocator, const char *text,
                                    size_t most) {
    struct cairn_slice piece = {text, text == NULL ? 0 : strnlen(text, most)};
    return cairn_strjoin_in(allocator, &piece, 1, NULL);
}

static char *print(const struct cairn_allocator *allocator, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = length < 0 ? NULL : cairn_allocate(allocator, (size_t)length + 1, 1);
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    return text;
}

CAIRN_EXPORT char *cairn_strprintf_in(const struct cairn_allocator *allocator, const char *format,
                                      ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = print(allocator, format, arguments);
    va_end(arguments);
    return text;
}

CAIRN_EXPORT void cairn_strfree_in(const struct cairn_allocator *allocator, char *text) {
    if (text != NULL) {
        cairn_release(allocator, text, strlen(text) + 1, 1);
    }
}

CAIRN_EXPORT char *cairn_strdup(const char *text) { return cairn_strdup_in(NULL, text); }

CAIRN_EXPORT char *cairn_strndup(const char *text, size_t most) {
    return cairn_strndup_in(NULL, text, most);
}

CAIRN_EXPORT char *cairn_strcat(const char *a, const char *b) {
    return cairn_strcat_in(NULL, a, b);
}

CAIRN_EXPORT char *cairn_strjoin(const struct cairn_slice *pieces, size_t count,
                                 const char *between) {
    return cairn_strjoin_in(NULL, pieces, count, between);
}

CAIRN_EXPORT char *cairn_strprintf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = print(NULL, format, arguments);
    va_end(arguments);
    return text;
}

/* --- the string that grows -------------------------------------------------------------------- */

static SLOW_PATH bool fail(struct cairn_str *string) {
    string->failed = true;
    return false;
}

CAIRN_EXPORT bool cairn_str_reserve(struct cairn_str *string, size_t length) {
    if (string->failed) {
        return false;
    }
    bool is_new = string->bytes == NULL;
    if (!is_new && length < string->capacity) {
        return true;
    }
    char *grown = length >= PTRDIFF_MAX ? NULL
                                        : cairn_vec_grow(string->allocator, string->bytes,
                                                         &string->capacity, length + 1, 1, 1);
    if (grown == NULL) {
        return fail(string);
    }
    string->bytes = grown;
    if (is_new) {
        grown[0] = '\0';
    }
    return true;
}

/* Copies bytes that were at `own` of the string before a gap was opened at `position`. */
static void copy_own(char *bytes, size_t own, size_t position, size_t length) {
    size_t before = own < position ? position - own : 0;
    before = before < length ? before : length;
    memcpy(bytes + position, bytes + own, before);
    memcpy(bytes + position + before, bytes + own + before + length, length - before);
}

CAIRN_EXPORT bool cairn_str_insert(struct cairn_str *string, size_t position,
                                   struct cairn_slice slice) {
    size_t length = string->length;
    uintptr_t own = (uintptr_t)slice.bytes - (uintptr_t)string->bytes;
    bool is_own = string->bytes != NULL && own < length;
    if (position > length || !add_length(&length, slice.length)) {
        return fail(string);
    }
    if (!cairn_str_reserve(string, length)) {
        return false;
    }
    char *place = string->bytes + position;
    memmove(place + slice.length, place, string->length - position + 1);
    if (is_own) {
        copy_own(string->bytes, own, position, slice.length);
    } else {
        (void)copy_to(place, slice);
    }
    string->length = length;
    return true;
}

CAIRN_EXPORT bool cairn_str_append_slice(struct cairn_str *string, struct cairn_slice slice) {
    return cairn_str_insert(string, string->length, slice);
}

CAIRN_EXPORT bool cairn_str_remove(struct cairn_str *string, size_t position, size_t count) {
    if (string->failed) {
        return false;
    }
    if (position > string->length || count > string->length - position) {
        return fail(string);
    }
    if (count != 0) {
        char *place = string->bytes + position;
        memmove(place, place + count, string->length - position - count + 1);
        string->length -= count;
    }
    return true;
}

/* Into memory of its own, as the arguments may lie in the old one. */
static bool print_larger(struct cairn_str *string, size_t more, const char *format,
                         va_list arguments) {
    struct cairn_str larger;
    cairn_str_init(&larger, string->allocator);
    size_t length = string->length;
    if (!add_length(&length, more)) {
        return fail(string);
    }
    size_t doubled = 2 * string->capacity;
    if (!cairn_str_reserve(&larger, length > doubled ? length : doubled)) {
        cairn_str_clear(&larger);
        if (!cairn_str_reserve(&larger, length)) { /* memory is short */
            return fail(string);
        }
    }
    char *end = copy_to(larger.bytes, cairn_str_slice(string));
    (void)vsnprintf(end, more + 1, format, arguments);
    larger.length = length;
    cairn_str_destroy(string);
    *string = larger;
    return true;
}

/* Behind the NUL first: the arguments may be the text that it ends. */
CAIRN_EXPORT bool cairn_str_vprintf(struct cairn_str *string, const char *format,
                                    va_list arguments) {
    if (string->failed) {
        return false;
    }
    size_t spare = string->bytes == NULL ? 0 : string->capacity - string->length - 1;
    spare = spare > INT_MAX ? INT_MAX : spare; /* musl's printf makes an error of more */
    char *behind = spare == 0 ? NULL : string->bytes + string->length + 1;
    va_list again;
    va_copy(again, arguments);
    int printed = vsnprintf(behind, spare, format, arguments);
    bool done = false;
    if (printed < 0) {
        (void)fail(string);
    } else if ((size_t)printed < spare) {
        memmove(behind - 1, behind, (size_t)printed + 1);
        string->length += (size_t)printed;
        done = true;
    } else {
        done = print_larger(string, (size_t)printed, format, again);
    }
    va_end(again);
    return done;
}

CAIRN_EXPORT bool cairn_str_printf(struct cairn_str *string, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    bool done = cairn_str_vprintf(string, format, arguments);
    va_end(arguments);
    return done;
}

CAIRN_EXPORT void cairn_str_shrink(struct cairn_str *string) {
    if (string->bytes != NULL) {
        string->bytes = cairn_vec_fit(string->allocator, string->bytes, &string->capacity,
                                      string->length + 1, 1, 1);
    }
}

CAIRN_EXPORT char *cairn_str_take(struct cairn_str *string) {
    if (!cairn_str_reserve(string, string->length)) {
        return NULL;
    }
    cairn_str_shrink(string);
    if (string->capacity != string->length + 1) {
        (void)fail(string);
        return NULL;
    }
    char *text = string->bytes;
    cairn_str_init(string, string->allocator);
    return text;
}
