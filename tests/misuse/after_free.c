/* Accesses to an object that was freed: before its memory is used again and after. */
#include "front/death/threads.h"

#include "misuse.h"

enum {
    REUSE = 1,        /* objects are taken until one lies there */
    MANY = 2,         /* and before that many were taken and freed */
    BY_THREAD = 4,    /* another thread frees it */
    BY_REALLOC = 8,   /* realloc moves it: the old address is the freed one */
    TO_CALLOC = 16,   /* what is taken afterwards is calloc's */
    FIRST_BYTES = 32, /* the write is of 16 bytes */
    TRIM = 64         /* malloc_trim comes between */
};

static void *free_it(void *object) {
    free(opaque(object));
    return NULL;
}

static struct prepared_thread freeing;

/* An object in the middle of others that stay: its start, once it is free. */
static char *freed_object(size_t size, long how, uint64_t *seed) {
    if ((how & BY_THREAD) != 0) {
        prepare_thread(&freeing, free_it);
    }
    take_neighbours(size);
    size_t victim = span_count / 2;
    char *start = spans[victim].start;
    *seed = spans[victim].seed;
    forget(victim);
    if ((how & BY_THREAD) != 0) {
        run_prepared(&freeing, start);
    } else if ((how & BY_REALLOC) != 0) {
        void *moved = realloc(opaque(start), 5 * size);
        EXPECT(moved != NULL);
        if (moved == start) {
            not_possible("realloc grew it in place");
        }
        (void)keep_out(moved, 5 * size);
    } else {
        free(opaque(start));
    }
    if ((how & TRIM) != 0) {
        (void)malloc_trim(0);
    }
    return start;
}

static void take_and_free_many(size_t size) {
    for (size_t i = size > 4 * KIB ? 64 : 10000; i > 0; i--) {
        drop(take(size));
        span_count--;
    }
}

static void use_again(const char *start, size_t size, long how) {
    if ((how & MANY) != 0) {
        take_and_free_many(size);
    }
    if ((how & (REUSE | MANY)) != 0 && !take_until_reused(start, size)) {
        say(1, "not reused\n");
    }
}

static void read_freed(size_t size, long how) {
    static char seen[4096];
    static char former[4096];
    uint64_t seed;
    char *start = freed_object(size, how, &seed);
    use_again(start, size, how);
    size_t count = looked_at(size);
    access_begin();
    load(seen, start, count);
    access_end();
    pattern_fill(former, count, seed);
    /* The last 8 bytes are those that links through freed memory leave alone. */
    if (memcmp(seen + count - 8, former + count - 8, 8) == 0) {
        silent("what was in the object is still read");
    }
    for (size_t i = 0; i < span_count; i++) {
        if (spans[i].start != NULL && memcmp(seen, spans[i].start, 8) == 0) {
            silent("another object is read");
        }
    }
    if (!uniform(seen, count)) {
        silent("something else is read");
    }
    judge_sound(size);
}

static void write_freed(size_t size, long how) {
    uint64_t seed;
    char *start = freed_object(size, how, &seed);
    use_again(start, size, how);
    access_begin();
    store(start, (how & FIRST_BYTES) != 0 && size > 16 ? 16 : looked_at(size), 'A');
    access_end();
    if ((how & TO_CALLOC) != 0) {
        for (size_t i = 2 * neighbours(size); i > 0; i--) {
            char *object = calloc(1, opaque_size(size));
            EXPECT(object != NULL);
            if (all_zero(object, looked_at(size)) == 0) {
                silent("calloc's memory is not zero");
            }
            (void)keep_out(object, size);
        }
    }
    judge_others(size);
}

#define READS(name, how) \
    { name, read_freed, how, ALL_SIZES, RULE_UNIFORM }
#define WRITES(name, how) \
    { name, write_freed, how, ALL_SIZES, RULE_OTHERS }

static const struct kind kinds[] = {
    READS("read", 0),
    READS("read-after-reuse", REUSE),
    READS("read-after-many", MANY),
    READS("read-freed-by-thread", BY_THREAD),
    READS("read-moved", BY_REALLOC),
    READS("read-after-trim", TRIM),
    WRITES("write", 0),
    WRITES("write-after-reuse", REUSE),
    WRITES("write-after-many", MANY),
    WRITES("write-freed-by-thread", BY_THREAD),
    WRITES("write-freed-by-thread-after-reuse", BY_THREAD | REUSE),
    WRITES("write-moved", BY_REALLOC),
    WRITES("write-moved-after-reuse", BY_REALLOC | REUSE),
    WRITES("write-of-links", FIRST_BYTES),
    {"write-then-calloc", write_freed, TO_CALLOC, ALL_SIZES,
     "what calloc gives reads as zero, no other object is changed, the heap stays sound"},
    {"write-after-trim-then-calloc", write_freed, TRIM | TO_CALLOC, ALL_SIZES,
     "what calloc gives reads as zero, no other object is changed, the heap stays sound"},
};

int main(int count, char **arguments) {
    return misuse_main(count, arguments, kinds, sizeof kinds / sizeof *kinds);
}
