/* A large heap with holes everywhere must not need many mappings: the kernel allows 65530 of them.
 * Nor one of 10 GiB, nor many large objects whose pages were moved, nor the child of a fork. */
#include <sys/wait.h>

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

/* In a child of fork the kernel keeps some mappings apart that it would merge elsewhere. */
static bool is_forked;

/* Most of it is never touched, so that the test needs little memory. */
static void ten_gib(void) {
    enum { MANY = 20 * 1024, EACH = 512 * 1024, MOST = 1000 };
    static char *many[MANY];
    uint64_t random = 9;
    size_t before = mappings();
    for (size_t i = 0; i < MANY; i++) {
        many[i] = malloc(EACH);
        EXPECT(many[i] != NULL);
        many[i][random_next(&random) % EACH] = 1;
    }
    size_t full = mappings();
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < MANY; i++) {
            if (random_next(&random) % 10 < 3) {
                free(many[i]);
                many[i] = malloc(EACH / 2 + random_next(&random) % EACH);
                EXPECT(many[i] != NULL);
            }
        }
        (void)malloc_trim(0);
    }
    size_t holed = mappings();
    for (size_t i = 0; i < MANY; i++) {
        free(many[i]);
    }
    say(1, "10 GiB: at start %zu, full %zu, with holes %zu, freed %zu\n", before, full, holed,
        mappings());
    EXPECT(full <= MOST && holed <= MOST);
}

/* realloc of large objects moves pages, and what was moved is a mapping of its own while it
 * lives. */
static void moves(void) {
    enum { MANY = 500, SMALL = 1200 * 1024, MOST = 1000 };
    static char *many[MANY];
    size_t before = mappings(), most = 0;
    for (unsigned round = 0; round < 4; round++) {
        for (size_t i = 0; i < MANY; i++) {
            many[i] = malloc(SMALL);
            EXPECT(many[i] != NULL);
            many[i][0] = many[i][SMALL - 1] = 5;
        }
        for (size_t factor = 2; factor <= 4; factor += 2) {
            for (size_t i = 0; i < MANY; i++) {
                many[i] = realloc(many[i], factor * SMALL);
                EXPECT(many[i] != NULL && many[i][0] == 5 && many[i][SMALL - 1] == 5);
                many[i][factor * SMALL - 1] = 6;
            }
            most = mappings() > most ? mappings() : most;
        }
        for (size_t i = 0; i < MANY; i++) {
            if (i % 2 == 0) { /* what it gives back is one mapping with its neighbours again */
                many[i] = realloc(many[i], SMALL);
                EXPECT(many[i][0] == 5 && many[i][SMALL - 1] == 5);
            }
            free(many[i]);
        }
    }
    size_t after = mappings();
    say(1, "moved pages: at start %zu, at most %zu, after it %zu\n", before, most, after);
    EXPECT(most <= MOST && (is_forked || after <= before + 100));
}

static void in_child(void (*work)(void)) {
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        is_forked = true;
        work();
        _exit(0);
    }
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
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
    ten_gib();
    in_child(ten_gib);
    moves();
    in_child(moves);
    return 0;
}
