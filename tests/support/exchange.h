/* Threads that free each other's objects, under a profile that knows what was asked for, and forks
 * while one of them does. */
#ifndef CAIRN_TESTS_SUPPORT_EXCHANGE_H
#define CAIRN_TESTS_SUPPORT_EXCHANGE_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/child.h"
#include "support/core.h"
#include "support/random.h"

enum { PLACES = 1000 };
static void *places[PLACES];

static inline size_t usable(void *object) { return usable_size("malloc_usable_size", object); }

static inline void empty_places(void) {
    for (size_t i = 0; i < PLACES; i++) {
        give(places[i]);
        places[i] = NULL;
    }
}

struct exchange {
    uint64_t random;
    unsigned rounds;
};

static inline void *exchange(void *argument) {
    struct exchange *mine = argument;
    uint64_t *random = &mine->random;
    for (unsigned i = 0; i < mine->rounds; i++) {
        size_t size = random_below(random, i % 200 == 0 ? 100000 : 600);
        char *object = take(size);
        REQUIRE(object != NULL && usable(object) == size);
        if (size != 0) {
            memset(object, 9, size);
        }
        if (i % 4 == 0) {
            object = resize(object, size + 40);
            REQUIRE(object != NULL && usable(object) == size + 40);
        }
        give(__atomic_exchange_n(&places[random_below(random, PLACES)], object, __ATOMIC_ACQ_REL));
    }
    return NULL;
}

/* Of a child that a thread forked while another one was at work. */
struct fork {
    unsigned rounds;
    bool (*is_sound)(const char *function); /* NULL: the profile has no lock, so who can say */
};

static inline int goes_on(void *argument) {
    const struct fork *child = argument;
    struct checker_finding finding;
    bool holds = checker_run_after_fork(&finding);
    if (!holds) {
        dprintf(STDERR_FILENO, "the checker found at 0x%lx that this is violated: %s\n",
                (unsigned long)finding.address, finding.what);
    }
    REQUIRE(holds);
    empty_places();
    exchange(&(struct exchange){7, child->rounds});
    empty_places();
    return child->is_sound == NULL || child->is_sound("test") ? 0 : 1;
}

static inline void assert_forks_go_on(unsigned count, struct fork child) {
    for (unsigned i = 0; i < count; i++) {
        struct exchange other = {i + 1, child.rounds};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, exchange, &other), 0);
        assert_int_equal(in_child(goes_on, &child), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    empty_places();
    assert_intact();
}

#endif
