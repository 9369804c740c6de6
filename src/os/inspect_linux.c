#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/os.h"

/* The kernel puts some random bytes for the program there, beside its arguments. */
uintptr_t os_first_stack_end(void) {
    int saved = errno;
    uintptr_t end = getauxval(AT_RANDOM);
    errno = saved;
    return end;
}

bool os_read_memory(uintptr_t address, void *copy, size_t size) {
    struct iovec to = {copy, size};
    struct iovec from = {(void *)address, size};
    int saved = errno;
    ssize_t n = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
    errno = saved;
    return n == (ssize_t)size;
}

/* A line of /proc/self/maps: "LOW-HIGH rwxp OFFSET DEVICE INODE      PATH", numbers in hexadecimal
 * but for the inode. */
struct maps_reader {
    int fd;
    size_t length, next; /* of bytes */
    char bytes[512];
    char path[512];
};

/* The next byte, or -1 at the end. */
static int next_byte(struct maps_reader *reader) {
    if (reader->next == reader->length) {
        ssize_t n;
        do {
            n = read(reader->fd, reader->bytes, sizeof reader->bytes);
        } while (n < 0 && errno == EINTR);
        if (n <= 0) {
            return -1;
        }
        reader->length = (size_t)n;
        reader->next = 0;
    }
    return (unsigned char)reader->bytes[reader->next++];
}

/* A hexadecimal number and the byte behind it, which ends it. */
static uintptr_t next_number(struct maps_reader *reader, int *end) {
    uintptr_t number = 0;
    for (;;) {
        int byte = next_byte(reader);
        if (byte >= '0' && byte <= '9') {
            number = number << 4 | (uintptr_t)(byte - '0');
        } else if (byte >= 'a' && byte <= 'f') {
            number = number << 4 | (uintptr_t)(byte - 'a' + 10);
        } else {
            *end = byte;
            return number;
        }
    }
}

/* Skips blanks and reads up to the end of the line. */
static void next_path(struct maps_reader *reader, int byte) {
    size_t length = 0;
    while (byte == ' ') {
        byte = next_byte(reader);
    }
    for (; byte != '\n' && byte != -1; byte = next_byte(reader)) {
        if (length < sizeof reader->path - 1) {
            reader->path[length++] = (char)byte;
        }
    }
    reader->path[length] = '\0';
}

/* False at the end of the file. */
static bool next_mapping(struct maps_reader *reader, struct os_mapping *mapping) {
    int byte;
    mapping->low = next_number(reader, &byte);
    mapping->high = next_number(reader, &byte);
    if (byte == -1) {
        return false;
    }
    mapping->readable = next_byte(reader) == 'r';
    mapping->writable = next_byte(reader) == 'w';
    mapping->executable = next_byte(reader) == 'x';
    (void)next_byte(reader);
    (void)next_byte(reader);
    mapping->offset = next_number(reader, &byte);
    (void)next_number(reader, &byte); /* the device's two numbers, and the inode */
    (void)next_number(reader, &byte);
    (void)next_number(reader, &byte);
    next_path(reader, byte);
    mapping->path = reader->path;
    return true;
}

bool os_each_mapping(bool (*visit)(const struct os_mapping *mapping, void *context),
                     void *context) {
    struct maps_reader reader;
    struct os_mapping mapping;
    int saved = errno;
    reader.length = reader.next = 0;
    reader.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    bool told = reader.fd >= 0 && next_mapping(&reader, &mapping);
    if (told) {
        while (visit(&mapping, context) && next_mapping(&reader, &mapping)) {}
    }
    if (reader.fd >= 0) {
        (void)close(reader.fd);
    }
    errno = saved;
    return told;
}
