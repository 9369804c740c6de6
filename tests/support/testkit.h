/* What the programs that test the allocator from outside share.
 *
 * Such a program is an ordinary user of malloc: no test framework, because a framework would itself
 * allocate through the library that is on trial. Nothing here allocates. */
#ifndef CAIRN_TESTS_SUPPORT_TESTKIT_H
#define CAIRN_TESTS_SUPPORT_TESTKIT_H

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* Hide a value from the optimiser, which otherwise warns about (or removes) the very misuse under
 * test. */
static inline size_t opaque_size(size_t n) {
    __asm__ volatile("" : "+r"(n));
    return n;
}

static inline void *opaque(void *p) {
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

static inline uintptr_t address(const void *p) { return (uintptr_t)p; }

/* printf for a descriptor that never allocates; lines longer than the buffer are cut. */
__attribute__((format(printf, 2, 3))) static inline void say(int fd, const char *format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return;
    }
    size_t size = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, line + done, size - done);
        if (n <= 0) {
            return;
        }
        done += (size_t)n;
    }
}

/* End the program as failed. Exit status 1 is kept for this, 77 for "cannot be tested here". */
#define FAIL(...)                              \
    do {                                       \
        say(2, "%s:%d: ", __FILE__, __LINE__); \
        say(2, __VA_ARGS__);                   \
        say(2, "\n");                          \
        _exit(1);                              \
    } while (0)

#define EXPECT(condition)                   \
    do {                                    \
        if (!(condition)) {                 \
            FAIL("not so: %s", #condition); \
        }                                   \
    } while (0)

enum { TEST_NOT_POSSIBLE = 77 };

/* A number of kB from /proc/self/status, such as "VmRSS:", in bytes; read without stdio's buffers.
 */
static inline size_t status_bytes(const char *field) {
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) {
        return 0;
    }
    text[n] = '\0';
    const char *at = strstr(text, field);
    return at == NULL ? 0 : (size_t)strtoull(at + strlen(field), NULL, 10) * KIB;
}

/* A pattern that tells objects apart: each eight bytes depend on the seed and their place. */
static inline uint64_t pattern_word(uint64_t seed, size_t place) {
    return (seed + place / 8) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline void pattern_fill(void *p, size_t size, uint64_t seed) {
    char *bytes = (char *)p;
    size_t place = 0;
    for (; place + 8 <= size; place += 8) {
        uint64_t word = pattern_word(seed, place);
        memcpy(bytes + place, &word, 8);
    }
    uint64_t last = pattern_word(seed, place);
    memcpy(bytes + place, &last, size - place);
}

static inline int pattern_holds(const void *p, size_t size, uint64_t seed) {
    const char *bytes = (const char *)p;
    size_t place = 0;
    for (; place + 8 <= size; place += 8) {
        uint64_t word = pattern_word(seed, place);
        if (memcmp(bytes + place, &word, 8) != 0) {
            return 0;
        }
    }
    uint64_t last = pattern_word(seed, place);
    return memcmp(bytes + place, &last, size - place) == 0;
}

static inline int all_zero(const void *p, size_t size) {
    const char *bytes = (const char *)p;
    size_t place = 0;
    for (; place + 8 <= size; place += 8) {
        uint64_t word;
        memcpy(&word, bytes + place, 8);
        if (word != 0) {
            return 0;
        }
    }
    for (; place < size; place++) {
        if (bytes[place] != 0) {
            return 0;
        }
    }
    return 1;
}

/* xorshift64*: enough randomness for tests, and the same on every machine. */
static inline uint64_t random_next(uint64_t *state) {
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* The largest object in a slab; above it an object is large and whole pages. */
#define LARGEST_CLASS (32 * KIB)

static inline size_t largest_that_fits(size_t objects, size_t request) {
    while (32768 / objects / 64 * 64 < request) {
        objects--;
    }
    return 32768 / objects / 64 * 64;
}

/* The bytes that serve a request, by the documented rule: multiples of 16 up to 128, eight to a
 * doubling up to 2 KiB, the multiples of 64 of which 15 to 8 fill 32 KiB, four to a doubling up to
 * 32 KiB and the multiples of 16 of which 15 fill 64, 128 and 256 KiB; above that, whole pages.
 * From the documentation, not from the library's table. */
static inline size_t documented_class(size_t request) {
    if (request <= 16) {
        return 16;
    }
    if (request <= 128) {
        return (request + 15) & ~(size_t)15;
    }
    if (request > LARGEST_CLASS) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        return (request + page - 1) / page * page;
    }
    if (request > 2048 && request <= 4096) {
        return largest_that_fits(32768 / request, request);
    }
    size_t doubling = 128;
    while (doubling * 2 < request) {
        doubling *= 2;
    }
    size_t page_with_header = doubling * 16 / 15 / 16 * 16;
    if (request > 4096 && request <= page_with_header) {
        return page_with_header;
    }
    size_t step = doubling / (request > 4096 ? 4 : 8);
    return (request + step - 1) / step * step;
}

#ifdef __cplusplus
}
#endif

#endif
