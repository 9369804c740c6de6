/* Canaries: bytes behind an object that tell of a write past its end, and how long the object is.
 *
 * An object of `size` bytes in room for `room`:
 *
 *   [0, size)            the program's
 *   [size, room - 8)     fill: the bytes of the key, over and over from `size` on; behind the first
 *                        CANARY_WINDOW of them zero, which it was and costs no writing
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
enum { CANARY_WINDOW = 64 };
extern const unsigned char canary_masks[2 * CANARY_WINDOW]; /* half of them 0, half 255 */

static inline const char *canary_mask(size_t fill_bytes, size_t before) {
    return (const char *)&canary_masks[CANARY_WINDOW + fill_bytes - before];
}

/* So many bytes of the fill are the key's. */
static inline size_t canary_keyed(size_t fill_bytes) {
    return fill_bytes < CANARY_WINDOW ? fill_bytes : CANARY_WINDOW;
}

/* size + CANARY_LEAST <= room, which reads as zero.  canary_rewrite: whatever it reads as. */
void canary_write(void *object, size_t room, size_t size);
void canary_rewrite(void *object, size_t room, size_t size);

/* Whether it is whole; *size is then what it was written with. */
bool canary_check(const void *object, size_t room, size_t *size);

/* --- of small rooms ----------------------------------------------------------------------------
 * The same inline, for rooms up to CANARY_SHORT_ROOM with CANARY_SHORT bytes of fill at most, which
 * is all that classes of 16 bytes' distance make. */

enum { CANARY_SHORT_ROOM = 256, CANARY_SHORT = 16 };

static inline bool canary_is_short(size_t room, size_t size) {
    return room <= CANARY_SHORT_ROOM && room - size <= CANARY_SHORT + CANARY_LEAST;
}

/* Where the last 16 bytes before the trailer begin; in the least room, where the mask of half of
 * them is zero, there are but 8. */
static inline size_t canary_second_word(size_t room) { return room == 16 ? 0 : room - 24; }

FAST_PATH void canary_write_short(void *object, size_t room, size_t size) {
    uint64_t key = canary_key((uintptr_t)object);
    char *end = (char *)object + room - sizeof key;
    size_t fill_bytes = room - size - sizeof key;
    uint64_t word = canary_fill_word(key, fill_bytes);
    canary_put((char *)object + canary_second_word(room),
               word & canary_read(canary_mask(fill_bytes, 16)));
    canary_put(end - 8, word & canary_read(canary_mask(fill_bytes, 8)));
    canary_put(end, key ^ (room - size));
}

/* False: it is not whole, or has more fill. */
FAST_PATH bool canary_check_short(const void *object, size_t room) {
    uint64_t key = canary_key((uintptr_t)object);
    const char *end = (const char *)object + room - sizeof key;
    size_t fill_bytes = (canary_read(end) ^ key) - sizeof key;
    if (unlikely(fill_bytes > CANARY_SHORT)) {
        return false;
    }
    uint64_t word = canary_fill_word(key, fill_bytes);
    const char *second = (const char *)object + canary_second_word(room);
    return (((canary_read(end - 8) ^ word) & canary_read(canary_mask(fill_bytes, 8))) |
            ((canary_read(second) ^ word) & canary_read(canary_mask(fill_bytes, 16)))) == 0;
}

/* --- without a trailer -------------------------------------------------------------------------
 * For what is kept elsewhere. */

/* `count` bytes of the key's. */
void canary_fill(char *at, size_t count, uint64_t key);

/* Whether byte i is what canary_fill() wrote. */
bool canary_is_right(const char *at, size_t i, uint64_t key);

/* The first of `count` bytes that is not the key's; count: there is none. */
size_t canary_first_wrong(const char *at, size_t count, uint64_t key);

#endif
