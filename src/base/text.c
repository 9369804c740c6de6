#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void text_string(struct text *text, const char *string) {
    size_t length = strlen(string);
    size_t room = TEXT_CAPACITY - text->length;
    if (length <= room) {
        memcpy(text->bytes + text->length, string, length);
        text->length += length;
        return;
    }
    memcpy(text->bytes + text->length, string, room);
    text->length = TEXT_CAPACITY;
    if (string[length - 1] == '\n') {
        text->bytes[TEXT_CAPACITY - 1] = '\n';
    }
}

static void text_digits(struct text *text, uint64_t number, unsigned base) {
    char digits[24];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    text_string(text, digits + at);
}

void text_decimal(struct text *text, uint64_t number) { text_digits(text, number, 10); }

void text_address(struct text *text, uintptr_t address) {
    text_string(text, "0x");
    text_digits(text, address, 16);
}

int text_show(const struct text *text, int fd) {
    int saved = errno, error = 0;
    size_t done = 0;
    while (done < text->length && error == 0) {
        ssize_t n = write(fd, text->bytes + done, text->length - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            error = n == 0 ? EIO : errno;
        }
    }
    errno = saved;
    return error;
}

int text_write(struct text *text, int fd) {
    int error = text_show(text, fd);
    text->length = 0;
    return error;
}
