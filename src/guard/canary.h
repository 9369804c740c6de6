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
    return multiply_mixed(object ^ canary_secret, UINT64_C(0x9e3779b97f4a7c15)) |
           UINT64_C(0x0101010101010101);
}

static inline uint64_t canary_read(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline void canary_put(char *at, uint64_t word) { memcpy(at, &word, sizeof word); }

/* The fill is a multiple of the key's bytes from its first on: so a word of it that ends where the
 * trailer begins has these bytes. */
static inline uint64_t canary_fill_word(uint64_t key, size_t fill_bytes) {
    return rotated_right(key, (unsigned)fill_bytes * 8 % 64);
}

/* Masks of what is fill, so that it is written and compared without a branch for its length:
 * canary_mask(fill_bytes, before) is that of the 16 bytes which begin so many before the trailer,
 * of which its first 8 are that of the word there. */
enum { CANARY_WINDOW = 64, CANARY_SHORT_ROOM = 256, CANARY_SHORT = 16 };
extern const unsigned char canary_masks[2 * CANARY_WINDOW]; /* half of them 0, half 255 */

static inline const char *canary_mask(size_t fill_bytes, size_t before) {
    return (const char *)&canary_masks[CANARY_WINDOW + fill_bytes - before];
}

typedef uint64_t canary_pair __attribute__((vector_size(16)));

static inline canary_pair canary_read_pair(const char *at) {
    canary_pair pair;
    memcpy(&pair, at, sizeof pair);
    return pair;
}

/* Where the last 16 bytes before the trailer begin; in the least room, where the mask of half of
 * them is zero, there are but 8. */
static inline size_t canary_second_word(size_t room) { return room == 16 ? 0 : room - 24; }

/* size + CANARY_LEAST <= room. */
static inline void canary_write(void *object, size_t room, size_t size) {
    uint64_t key = canary_key((uintptr_t)object);
    char *end = (char *)object + room - sizeof key;
    for (char *at = (char *)object + size; at < end; at += sizeof key) {
        canary_put(at, key);
    }
    canary_put(end, key ^ (room - size));
}

/* The same in memory that reads as zero. */
FAST_PATH void canary_write_first(void *object, size_t room, size_t size) {
    uint64_t key = canary_key((uintptr_t)object);
    char *end = (char *)object + room - sizeof key;
    size_t fill_bytes = room - size - sizeof key;
    uint64_t word = canary_fill_word(key, fill_bytes);
    if (likely(room <= CANARY_SHORT_ROOM && fill_bytes <= CANARY_SHORT)) {
        canary_put((char *)object + canary_second_word(room),
                   word & canary_read(canary_mask(fill_bytes, 16)));
        canary_put(end - 8, word & canary_read(canary_mask(fill_bytes, 8)));
    } else if (room > CANARY_SHORT_ROOM && fill_bytes <= CANARY_WINDOW) {
        for (size_t before = 16; before <= CANARY_WINDOW; before += 16) {
            canary_pair pair =
                (canary_pair){word, word} & canary_read_pair(canary_mask(fill_bytes, before));
            memcpy(end - before, &pair, sizeof pair);
        }
    } else {
        canary_write(object, room, size);
        return;
    }
    canary_put(end, key ^ (room - size));
}

static inline bool canary_fill_is_right(const char *at, const char *end, uint64_t key) {
    for (; at + sizeof key <= end; at += sizeof key) {
        if (unlikely(canary_read(at) != key)) {
            return false;
        }
    }
    /* The last bytes of the fill: what follows them in this word is the trailer's. */
    return at == end || (canary_read(at) ^ key) << (64 - 8 * (end - at)) == 0;
}

/* Whether it is whole; *size is then what canary_write() was given. */
FAST_PATH bool canary_check(const void *object, size_t room, size_t *size) {
    uint64_t key = canary_key((uintptr_t)object);
    const char *end = (const char *)object + room - sizeof key;
    uint64_t length = canary_read(end) ^ key;
    if (unlikely(length - CANARY_LEAST > room - CANARY_LEAST)) {
        return false;
    }
    *size = room - length;
    size_t fill_bytes = length - sizeof key;
    uint64_t word = canary_fill_word(key, fill_bytes);
    if (likely(room <= CANARY_SHORT_ROOM && fill_bytes <= CANARY_SHORT)) {
        const char *second = (const char *)object + canary_second_word(room);
        return (((canary_read(end - 8) ^ word) & canary_read(canary_mask(fill_bytes, 8))) |
                ((canary_read(second) ^ word) & canary_read(canary_mask(fill_bytes, 16)))) == 0;
    }
    if (room > CANARY_SHORT_ROOM && fill_bytes <= CANARY_WINDOW) {
        canary_pair wrong = {0};
        for (size_t before = 16; before <= CANARY_WINDOW; before += 16) {
            wrong |= (canary_read_pair(end - before) ^ (canary_pair){word, word}) &
                     canary_read_pair(canary_mask(fill_bytes, before));
        }
        return (wrong[0] | wrong[1]) == 0;
    }
    return canary_fill_is_right((const char *)object + *size, end, key);
}

/* The same without a trailer, for what is kept elsewhere: `count` bytes of the key's. */
void canary_fill(char *at, size_t count, uint64_t key);

/* Whether byte i is what canary_fill() wrote. */
bool canary_is_right(const char *at, size_t i, uint64_t key);

/* The first of `count` bytes that is not the key's; count: there is none. */
size_t canary_first_wrong(const char *at, size_t count, uint64_t key);

#endif
