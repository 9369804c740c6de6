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

/* A line of /proc/self/maps begins with "LOW-HIGH rwxp ". */
struct maps_reader {
    int fd;
    size_t length, next; /* of bytes */
    char bytes[1024];
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

static bool find_mapping(struct maps_reader *reader, uintptr_t address, struct os_range *mapping) {
    for (int byte = 0; byte != -1;) {
        uintptr_t low = next_number(reader, &byte);
        uintptr_t high = next_number(reader, &byte);
        bool readable = next_byte(reader) == 'r';
        if (low <= address && address < high) {
            *mapping = (struct os_range){low, high - low};
            return readable;
        }
        while (byte != '\n' && byte != -1) {
            byte = next_byte(reader);
        }
    }
    return false;
}

bool os_find_mapping(uintptr_t address, struct os_range *mapping) {
    struct maps_reader reader = {.length = 0, .next = 0};
    int saved = errno;
    reader.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    bool found = reader.fd >= 0 && find_mapping(&reader, address, mapping);
    if (reader.fd >= 0) {
        (void)close(reader.fd);
    }
    errno = saved;
    return found;
}
