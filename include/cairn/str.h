/* Strings: exact ones in one call, one that grows, and slices to read either.
 *
 *     char *path = cairn_strcat(folder, "/index.html");             cairn_free(path);
 *
 *     struct cairn_str text = {0};
 *     cairn_str_append(&text, "status: ");
 *     cairn_str_printf(&text, "%d in %.1f ms\n", status, time);
 *     if (cairn_str_failed(&text)) { ... no memory ... }
 *     puts(cairn_str_text(&text));
 *     cairn_str_destroy(&text);
 *
 * When not: for text of a bounded length in a function of its own, snprintf into an array is all
 * it takes.  Bytes are bytes: nothing here knows an encoding.
 *
 * Thread-safety: as a plain variable's.  Ownership: a string that grows owns its memory until it
 * is destroyed, the allocator must live as long; slices own nothing, and hold until what they were
 * cut from changes.  All zeros is an empty string on the heap, and so is a destroyed one.
 *
 * Errors: functions that return text give NULL if there is no memory or the length would overflow.
 * A string that grows remembers: after the first failure (false) it stays what it was before, all
 * further appends fail too, and one look at the end suffices; cairn_str_clear makes it well again.
 * Cost: an append copies its bytes; growing doubles the memory, in place where the allocator
 * can. */
#ifndef CAIRN_STR_H
#define CAIRN_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cairn/allocator.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- slices: bytes somewhere, without a NUL --------------------------------------------------- */

struct cairn_slice {
    const char *bytes; /* NULL only with length 0 */
    size_t length;
};

#define CAIRN_NOT_FOUND SIZE_MAX

/* All of a text; NULL is an empty one. */
static inline struct cairn_slice cairn_slice_of(const char *text) {
    struct cairn_slice slice = {text, text == NULL ? 0 : strlen(text)};
    return slice;
}

/* `length` bytes of a slice from `from` on, or as many of them as there are. */
static inline struct cairn_slice cairn_slice_part(struct cairn_slice slice, size_t from,
                                                  size_t length) {
    size_t start = from < slice.length ? from : slice.length;
    size_t left = slice.length - start;
    struct cairn_slice part = {slice.bytes, length < left ? length : left};
    if (start != 0) {
        part.bytes += start;
    }
    return part;
}

static inline bool cairn_slice_equal(struct cairn_slice a, struct cairn_slice b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

static inline bool cairn_slice_starts_with(struct cairn_slice slice, struct cairn_slice start) {
    return cairn_slice_equal(cairn_slice_part(slice, 0, start.length), start);
}

static inline bool cairn_slice_ends_with(struct cairn_slice slice, struct cairn_slice end) {
    return slice.length >= end.length &&
           cairn_slice_equal(cairn_slice_part(slice, slice.length - end.length, end.length), end);
}

/* Where the first of a text is, an empty one at 0, or CAIRN_NOT_FOUND. */
size_t cairn_slice_find(struct cairn_slice slice, struct cairn_slice what);

/* Without blanks, tabs and ends of lines around it. */
struct cairn_slice cairn_slice_trim(struct cairn_slice slice);

/* Splits: the piece up to the next separator, which is dropped, moves from *rest to *piece.  False
 * when there is none left: "a,b," has three pieces, the empty text has one.
 *
 *     for (struct cairn_slice piece; cairn_slice_cut(&rest, ',', &piece);) ... */
bool cairn_slice_cut(struct cairn_slice *rest, char separator, struct cairn_slice *piece);

/* --- exact strings ---------------------------------------------------------------------------- */

/* On the heap, each exactly as long as it must be, freed by cairn_free.  A text of NULL is an empty
 * one. */
CAIRN_OWNED_BY(cairn_free) CAIRN_ATTRIBUTE(warn_unused_result) char *cairn_strdup(const char *text);

/* At most `most` bytes of the text, which need not end with a NUL if it is that long. */
CAIRN_OWNED_BY(cairn_free)
CAIRN_ATTRIBUTE(warn_unused_result) char *cairn_strndup(const char *text, size_t most);

CAIRN_OWNED_BY(cairn_free)
CAIRN_ATTRIBUTE(warn_unused_result) char *cairn_strcat(const char *a, const char *b);

CAIRN_OWNED_BY(cairn_free)
CAIRN_ATTRIBUTE(warn_unused_result, format(printf, 1, 2))
char *cairn_strprintf(const char *format, ...);

/* All pieces one after the other, with `between` between each two. */
CAIRN_OWNED_BY(cairn_free)
CAIRN_ATTRIBUTE(warn_unused_result)
char *cairn_strjoin(const struct cairn_slice *pieces, size_t count, const char *between);

/* The same on any allocator; freed by cairn_strfree_in, which ignores NULL.  The text must still be
 * as long as it was made. */
CAIRN_ATTRIBUTE(warn_unused_result)
char *cairn_strdup_in(const struct cairn_allocator *allocator, const char *text);
CAIRN_ATTRIBUTE(warn_unused_result)
char *cairn_strndup_in(const struct cairn_allocator *allocator, const char *text, size_t most);
CAIRN_ATTRIBUTE(warn_unused_result)
char *cairn_strcat_in(const struct cairn_allocator *allocator, const char *a, const char *b);
CAIRN_ATTRIBUTE(warn_unused_result, format(printf, 2, 3))
char *cairn_strprintf_in(const struct cairn_allocator *allocator, const char *format, ...);
CAIRN_ATTRIBUTE(warn_unused_result)
char *cairn_strjoin_in(const struct cairn_allocator *allocator, const struct cairn_slice *pieces,
                       size_t count, const char *between);
void cairn_strfree_in(const struct cairn_allocator *allocator, char *text);

/* --- a string that grows ---------------------------------------------------------------------- */

/* bytes == NULL and capacity == 0, or
 *
 *     length < capacity
 *     bytes[length] == 0
 *
 * bytes[0 .. length) may be written. */
struct cairn_str {
    char *bytes;
    size_t length;
    size_t capacity;                         /* bytes that are allocated */
    const struct cairn_allocator *allocator; /* NULL: the heap */
    bool failed;                             /* an append has failed since the last clear */
};

static inline void cairn_str_init(struct cairn_str *string,
                                  const struct cairn_allocator *allocator) {
    struct cairn_str empty = {NULL, 0, 0, allocator, false};
    *string = empty;
}

/* Gives its memory back. */
static inline void cairn_str_destroy(struct cairn_str *string) {
    cairn_release(string->allocator, string->bytes, string->capacity, 1);
    cairn_str_init(string, string->allocator);
}

static inline bool cairn_str_failed(const struct cairn_str *string) { return string->failed; }

/* What it says, never NULL, until it changes next. */
CAIRN_ATTRIBUTE(returns_nonnull)
static inline const char *cairn_str_text(const struct cairn_str *string) {
    return string->bytes == NULL ? "" : string->bytes;
}

/* The same with its length: NULs inside count as bytes. */
static inline struct cairn_slice cairn_str_slice(const struct cairn_str *string) {
    struct cairn_slice slice = {cairn_str_text(string), string->length};
    return slice;
}

/* Room for `length` bytes in all: appends up to there can't fail. */
bool cairn_str_reserve(struct cairn_str *string, size_t length);

/* The slice may be of the string itself. */
bool cairn_str_append_slice(struct cairn_str *string, struct cairn_slice slice);

/* NULL is an empty text. */
static inline bool cairn_str_append(struct cairn_str *string, const char *text) {
    return cairn_str_append_slice(string, cairn_slice_of(text));
}

static inline bool cairn_str_append_byte(struct cairn_str *string, char byte) {
    if (string->capacity - string->length < 2 || string->failed) {
        struct cairn_slice slice = {&byte, 1};
        return cairn_str_append_slice(string, slice);
    }
    string->bytes[string->length++] = byte;
    string->bytes[string->length] = '\0';
    return true;
}

/* Arguments may be texts of the string itself. */
CAIRN_ATTRIBUTE(format(printf, 2, 3))
bool cairn_str_printf(struct cairn_str *string, const char *format, ...);
CAIRN_ATTRIBUTE(format(printf, 2, 0))
bool cairn_str_vprintf(struct cairn_str *string, const char *format, va_list arguments);

/* Before the byte at `position`, at most the length: else it fails. */
bool cairn_str_insert(struct cairn_str *string, size_t position, struct cairn_slice slice);

/* Takes `count` bytes out; fails if there are not as many. */
bool cairn_str_remove(struct cairn_str *string, size_t position, size_t count);

/* Makes it `length` bytes long, or leaves it if it is shorter. */
static inline void cairn_str_truncate(struct cairn_str *string, size_t length) {
    if (length < string->length) {
        string->length = length;
        string->bytes[length] = '\0';
    }
}

/* Empty and well; its memory stays. */
static inline void cairn_str_clear(struct cairn_str *string) {
    cairn_str_truncate(string, 0);
    string->failed = false;
}

/* Gives back the memory that is not used, if the allocator can. */
void cairn_str_shrink(struct cairn_str *string);

/* Hands the text over, in memory exactly as large as it must be, and leaves an empty string.  The
 * text belongs to the caller: cairn_strfree_in, or cairn_free if it is on the heap; mind NULs
 * inside, which cairn_strfree_in takes for its end.  NULL, and the string is as it was but failed,
 * if it had failed or there is no memory. */
CAIRN_ATTRIBUTE(warn_unused_result)
char *cairn_str_take(struct cairn_str *string);

#ifdef __cplusplus
}
#endif

#endif
