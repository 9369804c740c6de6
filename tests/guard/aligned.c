/* Objects with large alignments, so many at a time that some of them begin a window of the chunk
 * map (a GiB): behind a guard page, what is known of these stands in the window before. */
#include <malloc.h>

#include "support/testkit.h"

enum { OBJECTS = 40 };

static const size_t window = (size_t)1 << 30;

static size_t at_windows(size_t alignment, size_t size) {
    void *objects[OBJECTS];
    size_t count = 0;
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = memalign(alignment, size);
        EXPECT(objects[i] != NULL && malloc_usable_size(objects[i]) == size);
        count += (size_t)objects[i] % window == 0;
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        free(objects[i]);
    }
    return count;
}

int main(void) {
    size_t count = 0;
    for (size_t alignment = (size_t)1 << 15; alignment <= (size_t)1 << 26; alignment *= 2) {
        for (size_t size = 1; size < 100000; size = size * 7 + 1) {
            count += at_windows(alignment, size);
        }
    }
    say(1, "%zu objects began a window\n", count);
    EXPECT(count > 0);
    return 0;
}
