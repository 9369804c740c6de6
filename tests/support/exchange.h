/* Threads that free each other's objects, under a profile that knows what was asked for, and forks
 * while one of them does. */
#ifndef CAIRN_TESTS_SUPPORT_EXCHANGE_H
#define CAIRN_TESTS_SUPPORT_EXCHANGE_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/statistics.h"
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

/* Threads that end with slabs that are empty by then, and so go. */
struct turns {
    unsigned count, rounds;
    _Atomic(bool) are_over;
};

static inline void *exchange_and_leave(void *argument) {
    (void)exchange(argument);
    for (size_t size = 8; size < 4000; size += size / 4 + 8) {
        give(take(size));
    }
    return NULL;
}

static inline void *take_turns(void *argument) {
    enum { AT_ONCE = 3 };
    struct turns *turns = argument;
    for (unsigned i = 0; i < turns->count; i++) {
        pthread_t threads[AT_ONCE];
        struct exchange exchanges[AT_ONCE];
        for (unsigned t = 0; t < AT_ONCE; t++) {
            exchanges[t] = (struct exchange){i * AT_ONCE + t, turns->rounds};
            REQUIRE(pthread_create(&threads[t], NULL, exchange_and_leave, &exchanges[t]) == 0);
        }
        for (unsigned t = 0; t < AT_ONCE; t++) {
            REQUIRE(pthread_join(threads[t], NULL) == 0);
        }
    }
    atomic_store(&turns->are_over, true);
    return NULL;
}

/* Slabs and what is noted of them come and go while somebody counts, and looks at all objects if
 * the profile has a lock for that.  is_sound: NULL if it has none. */
static inline void look_while_threads_come_and_go(unsigned count, unsigned rounds,
                                                  bool (*is_sound)(const char *function)) {
    static struct cairn_heap_stats stats;
    struct turns turns = {count, rounds, false};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_turns, &turns), 0);
    while (!atomic_load(&turns.are_over)) {
        statistics_count(&stats);
        assert_true(stats.live_bytes <= stats.mapped_bytes);
        assert_true(is_sound == NULL || is_sound("test"));
        (void)usleep(500); /* or the others hardly get the lock */
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    empty_places();
    assert_intact();
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
