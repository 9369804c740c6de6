/* Text of any length, into a buffer as snprintf does it or to a file descriptor.
 *
 * Allocates nothing, takes no lock, is async-signal-safe, keeps errno. */
#ifndef CAIRN_BASE_OUTPUT_H
#define CAIRN_BASE_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct output {
    char *buffer;  /* NULL: it goes to fd */
    size_t size;   /* of buffer */
    size_t length; /* of all that came so far, without what is in text */
    int fd;
    int error;        /* number of the first error of writing; what comes after it is dropped */
    struct text text; /* not passed on yet */
};

/* size may be 0, and then buffer NULL. */
void output_to_buffer(struct output *output, char *buffer, size_t size);
void output_to_fd(struct output *output, int fd);

void output_string(struct output *output, const char *string);
void output_decimal(struct output *output, uint64_t number);
void output_address(struct output *output, uintptr_t address); /* as text_address() */
void output_bytes(struct output *output, const unsigned char *bytes, size_t size); /* 0a1b... */

/* In quotes, as JSON wants it; bytes above 127 are taken to be UTF-8. */
void output_json_string(struct output *output, const char *string);

/* Passes on what is left, and ends a buffer with a zero byte.  Returns the length of the whole
 * text, also of what did not fit. */
size_t output_end(struct output *output);

#endif
