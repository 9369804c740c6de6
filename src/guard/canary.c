#include "guard/canary.h"

#include "os/os.h"

uint64_t canary_secret;

const unsigned char canary_masks[2 * CANARY_WINDOW] = {[CANARY_WINDOW... 2 * CANARY_WINDOW - 1] =
                                                           255};

void canary_start(void) { os_random(&canary_secret, sizeof canary_secret); }

/* --- behind an object ------------------------------------------------------------------------- */

typedef uint64_t pair __attribute__((vector_size(16)));

static pair read_pair(const char *at) {
    pair words;
    memcpy(&words, at, sizeof words);
    return words;
}

/* Of the 16 bytes that begin so many before the trailer, those that are fill: written, the others
 * to zero; and where they differ from it. */
static void put_fill(char *end, pair fill, size_t fill_bytes, size_t before) {
    fill &= read_pair(canary_mask(fill_bytes, before));
    memcpy(end - before, &fill, sizeof fill);
}

static pair wrong_fill(const char *end, pair fill, size_t fill_bytes, size_t before) {
    return (read_pair(end - before) ^ fill) & read_pair(canary_mask(fill_bytes, before));
}

_Static_assert(CANARY_WINDOW == 64, "four pairs");

/* In a room that has as much before its trailer. */
static bool is_within_window(size_t room, size_t fill_bytes) {
    return room > CANARY_WINDOW && fill_bytes <= CANARY_WINDOW;
}

void canary_rewrite(void *object, size_t room, size_t size) {
    uint64_t key = canary_key((uintptr_t)object);
    char *fill = (char *)object + size, *end = (char *)object + room - sizeof key;
    size_t fill_bytes = room - size - sizeof key, keyed = canary_keyed(fill_bytes);
    canary_fill(fill, keyed, key);
    memset(fill + keyed, 0, fill_bytes - keyed);
    canary_put(end, key ^ (room - size));
}

void canary_write(void *object, size_t room, size_t size) {
    uint64_t key = canary_key((uintptr_t)object);
    char *end = (char *)object + room - sizeof key;
    size_t fill_bytes = room - size - sizeof key;
    canary_put(end, key ^ (room - size));
    if (!is_within_window(room, fill_bytes)) {
        canary_fill((char *)object + size, canary_keyed(fill_bytes), key);
        return;
    }
    uint64_t word = canary_fill_word(key, fill_bytes);
    put_fill(end, (pair){word, word}, fill_bytes, 16);
    put_fill(end, (pair){word, word}, fill_bytes, 32);
    put_fill(end, (pair){word, word}, fill_bytes, 48);
    put_fill(end, (pair){word, word}, fill_bytes, 64);
}

static bool fill_is_right(const char *at, const char *end, uint64_t key) {
    for (; at + sizeof key <= end; at += sizeof key) {
        if (unlikely(canary_read(at) != key)) {
            return false;
        }
    }
    /* The last bytes of the fill: what follows them in this word is the trailer's. */
    return at == end || (canary_read(at) ^ key) << (64 - 8 * (end - at)) == 0;
}

/* Of the fill, what is behind the key's bytes: `end` is where the trailer begins. */
static bool is_zero(const char *at, const char *end) {
    pair bits = {0};
    for (; at + 64 <= end; at += 64) {
        bits |= (read_pair(at) | read_pair(at + 16)) | (read_pair(at + 32) | read_pair(at + 48));
    }
    for (; at + sizeof bits <= end; at += sizeof bits) {
        bits |= read_pair(at);
    }
    bits |= read_pair(end - sizeof bits) & read_pair(canary_mask((size_t)(end - at), sizeof bits));
    return (bits[0] | bits[1]) == 0;
}

bool canary_check(const void *object, size_t room, size_t *size) {
    uint64_t key = canary_key((uintptr_t)object);
    const char *end = (const char *)object + room - sizeof key;
    uint64_t length = canary_read(end) ^ key;
    if (unlikely(length - CANARY_LEAST > room - CANARY_LEAST)) {
        return false;
    }
    *size = room - length;
    size_t fill_bytes = length - sizeof key;
    if (!is_within_window(room, fill_bytes)) {
        const char *fill = (const char *)object + *size;
        size_t keyed = canary_keyed(fill_bytes);
        return fill_is_right(fill, fill + keyed, key) &&
               (keyed == fill_bytes || is_zero(fill + keyed, end));
    }
    uint64_t word = canary_fill_word(key, fill_bytes);
    pair fill = {word, word};
    pair wrong = (wrong_fill(end, fill, fill_bytes, 16) | wrong_fill(end, fill, fill_bytes, 32)) |
                 (wrong_fill(end, fill, fill_bytes, 48) | wrong_fill(end, fill, fill_bytes, 64));
    return (wrong[0] | wrong[1]) == 0;
}

/* --- without a trailer ------------------------------------------------------------------------ */

static char byte_of(uint64_t key, size_t i) { return (char)(key >> i % 8 * 8); }

bool canary_is_right(const char *at, size_t i, uint64_t key) { return at[i] == byte_of(key, i); }

void canary_fill(char *at, size_t count, uint64_t key) {
    size_t i = 0;
    const pair both = {key, key};
    for (; i + sizeof both <= count; i += sizeof both) {
        memcpy(at + i, &both, sizeof both);
    }
    for (; i < count; i++) {
        at[i] = byte_of(key, i);
    }
}

size_t canary_first_wrong(const char *at, size_t count, uint64_t key) {
    size_t i = 0;
    const pair both = {key, key};
    for (; i + 2 * sizeof both <= count; i += 2 * sizeof both) {
        pair wrong = (read_pair(at + i) ^ both) | (read_pair(at + i + sizeof both) ^ both);
        if ((wrong[0] | wrong[1]) != 0) {
            break;
        }
    }
    for (; i < count; i++) {
        if (!canary_is_right(at, i, key)) {
            return i;
        }
    }
    return count;
}
