/* A large heap with holes everywhere must not need many mappings: the kernel allows 65530 of them.
 */
#include "threads.h"

enum { OBJECTS = 60000, LARGE = 300 };

static struct tagged *objects[OBJECTS];
static void *large[LARGE];

static size_t mappings(void) {
    size_t lines = 0;
    char text[4096];
    int fd = open("/proc/self/maps", O_RDONLY);
    EXPECT(fd >= 0);
    for (ssize_t n; (n = read(fd, text, sizeof text)) > 0;) {
        for (ssize_t i = 0; i < n; i++) {
            lines += text[i] == '\n';
        }
    }
    close(fd);
    return lines;
}

int main(void) {
    uint64_t random = 5;
    size_t before = mappings();
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = tagged_new(&random, 200 * KIB);
        if (i % (OBJECTS / LARGE) == 0) {
            large[i / (OBJECTS / LARGE)] = malloc(300 * KIB + random_next(&random) % MIB);
        }
    }
    size_t full = mappings();
    for (unsigned round = 0; round < 4; round++) {
        for (size_t i = 0; i < OBJECTS; i++) {
            if (objects[i] != NULL && random_next(&random) % 10 < 3) {
                tagged_delete(objects[i]);
                objects[i] = NULL;
            }
        }
        for (size_t i = 0; i < LARGE; i++) {
            if (random_next(&random) % 10 < 3) {
                free(large[i]);
                large[i] = malloc(300 * KIB + random_next(&random) % MIB);
            }
        }
        (void)malloc_trim(0);
    }
    size_t holed = mappings();
    say(1, "mappings: at start %zu, full %zu, with holes %zu\n", before, full, holed);
    EXPECT(full <= before + 200 && holed <= before + 400);
    return 0;
}
