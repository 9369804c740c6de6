#include "guard/canary.h"

#include "os/os.h"

uint64_t canary_secret;

const unsigned char canary_masks[2 * CANARY_WINDOW] = {[CANARY_WINDOW... 2 * CANARY_WINDOW - 1] =
                                                           255};

void canary_start(void) { os_random(&canary_secret, sizeof canary_secret); }

static char byte_of(uint64_t key, size_t i) { return (char)(key >> i % 8 * 8); }

bool canary_is_right(const char *at, size_t i, uint64_t key) { return at[i] == byte_of(key, i); }

void canary_fill(char *at, size_t count, uint64_t key) {
    size_t i = 0;
    for (; i + sizeof key <= count; i += sizeof key) {
        canary_put(at + i, key);
    }
    for (; i < count; i++) {
        at[i] = byte_of(key, i);
    }
}

size_t canary_first_wrong(const char *at, size_t count, uint64_t key) {
    size_t i = 0;
    while (i + sizeof key <= count && canary_read(at + i) == key) {
        i += sizeof key;
    }
    for (; i < count; i++) {
        if (!canary_is_right(at, i, key)) {
            return i;
        }
    }
    return count;
}
