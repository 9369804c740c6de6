#include "base/output.h"

#include <string.h>

static char nowhere[1]; /* never written: stands for a buffer of no size */

void output_to_buffer(struct output *output, char *buffer, size_t size) {
    *output = (struct output){.buffer = size == 0 ? nowhere : buffer, .size = size, .fd = -1};
}

void output_to_fd(struct output *output, int fd) { *output = (struct output){.fd = fd}; }

/* What does not fit is counted only. */
static void to_buffer(struct output *output) {
    struct text *text = &output->text;
    if (output->length < output->size) {
        size_t room = output->size - output->length;
        memcpy(output->buffer + output->length, text->bytes,
               text->length < room ? text->length : room);
    }
    output->length += text->length;
    text->length = 0;
}

static void pass_on(struct output *output) {
    if (output->buffer != NULL) {
        to_buffer(output);
        return;
    }
    output->length += output->text.length;
    if (output->error == 0) {
        output->error = text_write(&output->text, output->fd);
    }
    output->text.length = 0;
}

static void make_room(struct output *output, size_t length) {
    if (TEXT_CAPACITY - output->text.length < length) {
        pass_on(output);
    }
}

void output_string(struct output *output, const char *string) {
    for (size_t left = strlen(string); left > 0;) {
        size_t part = left < TEXT_CAPACITY ? left : TEXT_CAPACITY;
        make_room(output, part);
        memcpy(output->text.bytes + output->text.length, string, part);
        output->text.length += part;
        string += part;
        left -= part;
    }
}

void output_decimal(struct output *output, uint64_t number) {
    enum { DIGITS = 20 };
    make_room(output, DIGITS);
    text_decimal(&output->text, number);
}

void output_address(struct output *output, uintptr_t address) {
    enum { DIGITS = 18 };
    make_room(output, DIGITS);
    text_address(&output->text, address);
}

static void put_byte(struct output *output, unsigned char byte) {
    char digits[] = {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15], '\0'};
    output_string(output, digits);
}

void output_bytes(struct output *output, const unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        put_byte(output, bytes[i]);
    }
}

void output_json_string(struct output *output, const char *string) {
    output_string(output, "\"");
    for (; *string != '\0'; string++) {
        char character[] = {*string, '\0'};
        if (*string == '"' || *string == '\\') {
            output_string(output, "\\");
        }
        if ((unsigned char)*string < ' ') {
            output_string(output, "\\u00");
            put_byte(output, (unsigned char)*string);
        } else {
            output_string(output, character);
        }
    }
    output_string(output, "\"");
}

size_t output_end(struct output *output) {
    pass_on(output);
    if (output->size != 0) {
        output->buffer[output->length < output->size ? output->length : output->size - 1] = '\0';
    }
    return output->length;
}
