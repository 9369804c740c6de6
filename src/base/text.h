/* Text in a fixed buffer: what reports and summaries are built with.
 *
 * Allocates nothing, takes no lock, is async-signal-safe; what does not fit is cut off, but for
 * the end of a line. */
#ifndef CAIRN_BASE_TEXT_H
#define CAIRN_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { TEXT_CAPACITY = 4096 };

struct text {
    size_t length; /* length <= TEXT_CAPACITY */
    char bytes[TEXT_CAPACITY];
};

void text_string(struct text *text, const char *string);
void text_decimal(struct text *text, uint64_t number);
void text_address(struct text *text, uintptr_t address); /* 0x and lower-case hexadecimal digits */

/* Writes all of it to the descriptor (retrying on EINTR, giving up on any other error) and empties
 * the buffer.  Keeps errno; returns 0 or the error's number. */
int text_write(struct text *text, int fd);

/* The same, and keeps what is in the buffer. */
int text_show(const struct text *text, int fd);

#endif
