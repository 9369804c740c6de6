/* Canaries: bytes behind an object that tell of a write past its end, and how long the object is.
 *
 * An object of `size` bytes in room for `room`:
 *
 *   [0, size)            the program's
 *   [size, room - 8)     fill: the bytes of the key, over and over from `size` on
 *   [room - 8, room)     trailer: key ^ (room - size)
 *
 * The key is a secret of the process mixed with the object's address, so that it can't be foreseen
 * nor copied from one object to another.  Each of its bytes is odd: the zero byte that ends a
 * string always shows; any other byte is taken for the right one by one chance in 128. */
#ifndef CAIRN_GUARD_CANARY_H
#define CAIRN_GUARD_CANARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"

enum { CANARY_LEAST = sizeof(uint64_t) };

extern uint64_t canary_secret;

/* Once, before the first object. */
void canary_start(void);

static inline uint64_t canary_key(uintptr_t object) {
    uint64_t low, factor = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t high = multiply_wide(object ^ canary_secret, &factor, &low);
    return (high ^ low) | UINT64_C(0x0101010101010101);
}

static inline uint64_t canary_read(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline void canary_put(char *at, uint64_t word) { memcpy(at, &word, sizeof word); }

/* size + CANARY_LEAST <= room. */
static inline void canary_write(void *object, size_t room, size_t size) {
    uint64_t key = canary_key((uintptr_t)object);
    char *end = (char *)object + room - sizeof key;
    for (char *at = (char *)object + size; at < end; at += sizeof key) {
        canary_put(at, key);
    }
    canary_put(end, key ^ (room - size));
}

/* Whether it is whole; *size is then what canary_write() was given. */
static inline bool canary_check(const void *object, size_t room, size_t *size) {
    uint64_t key = canary_key((uintptr_t)object);
    const char *end = (const char *)object + room - sizeof key;
    uint64_t length = canary_read(end) ^ key;
    if (unlikely(length - CANARY_LEAST > room - CANARY_LEAST)) {
        return false;
    }
    *size = room - length;
    const char *at = (const char *)object + *size;
    for (; at + sizeof key <= end; at += sizeof key) {
        if (unlikely(canary_read(at) != key)) {
            return false;
        }
    }
    /* The last bytes of the fill: what follows them in this word is the trailer's. */
    return at == end || (canary_read(at) ^ key) << (64 - 8 * (end - at)) == 0;
}

/* The same without a trailer, for what is kept elsewhere: `count` bytes of the key's. */
void canary_fill(char *at, size_t count, uint64_t key);

/* Whether byte i is what canary_fill() wrote. */
bool canary_is_right(const char *at, size_t i, uint64_t key);

/* The first of `count` bytes that is not the key's; count: there is none. */
size_t canary_first_wrong(const char *at, size_t count, uint64_t key);

#endif
