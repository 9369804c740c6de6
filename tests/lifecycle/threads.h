/* Small helpers for the programs that use many threads. */
#ifndef CAIRN_TESTS_LIFECYCLE_THREADS_H
#define CAIRN_TESTS_LIFECYCLE_THREADS_H

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "support/testkit.h"

static inline pthread_t start_thread(void *(*work)(void *), void *argument) {
    pthread_attr_t attributes;
    pthread_t thread;
    EXPECT(pthread_attr_init(&attributes) == 0);
    EXPECT(pthread_attr_setstacksize(&attributes, 256 * KIB) == 0);
    int error = pthread_create(&thread, &attributes, work, argument);
    if (error != 0) {
        FAIL("no thread: error %d", error);
    }
    pthread_attr_destroy(&attributes);
    return thread;
}

static inline void join_thread(pthread_t thread) { EXPECT(pthread_join(thread, NULL) == 0); }

/* A size as programs ask for: mostly small, seldom large; never above limit. */
static inline size_t random_size(uint64_t *random, size_t limit) {
    unsigned bits = 4 + (unsigned)(random_next(random) % 12);
    size_t size = 1 + (size_t)(random_next(random) >> 20) % ((size_t)1 << bits);
    if (random_next(random) % 500 == 0) {
        size *= 40;
    }
    return size < limit ? size : limit;
}

/* An object that knows its size and carries a pattern. */
struct tagged {
    size_t size;
    uint64_t seed;
};

static inline struct tagged *tagged_new(uint64_t *random, size_t limit) {
    size_t size = sizeof(struct tagged) + random_size(random, limit);
    struct tagged *p = (struct tagged *)malloc(size);
    EXPECT(p != NULL);
    p->size = size;
    p->seed = random_next(random);
    pattern_fill(p + 1, size - sizeof *p, p->seed);
    return p;
}

static inline void tagged_delete(struct tagged *p) {
    EXPECT(pattern_holds(p + 1, p->size - sizeof *p, p->seed));
    free(p);
}

#endif
