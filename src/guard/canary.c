#include "guard/canary.h"

#include "os/os.h"

uint64_t canary_secret;

void canary_start(void) { os_random(&canary_secret, sizeof canary_secret); }

static unsigned char byte_of(uint64_t key, size_t i) { return (unsigned char)(key >> i % 8 * 8); }

void canary_fill(char *at, size_t count, uint64_t key) {
    for (size_t i = 0; i < count; i++) {
        at[i] = (char)byte_of(key, i);
    }
}

size_t canary_first_wrong(const char *at, size_t count, uint64_t key) {
    for (size_t i = 0; i < count; i++) {
        if ((unsigned char)at[i] != byte_of(key, i)) {
            return i;
        }
    }
    return count;
}
