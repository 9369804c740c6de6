/* Threads for the death programs. To start one allocates (libc does), which could fill the very
 * place that a mistake is to be made with: so a thread is prepared before and let go when all is
 * set. */
#ifndef CAIRN_TESTS_FRONT_DEATH_THREADS_H
#define CAIRN_TESTS_FRONT_DEATH_THREADS_H

#include <pthread.h>

#include "death.h"

struct prepared_thread {
    pthread_t thread;
    pthread_barrier_t start;
    void *(*work)(void *);
    void *argument;
};

static inline void *prepared_main(void *self) {
    struct prepared_thread *prepared = (struct prepared_thread *)self;
    pthread_barrier_wait(&prepared->start);
    return prepared->work(prepared->argument);
}

static inline void prepare_thread(struct prepared_thread *prepared, void *(*work)(void *)) {
    prepared->work = work;
    EXPECT(pthread_barrier_init(&prepared->start, NULL, 2) == 0);
    EXPECT(pthread_create(&prepared->thread, NULL, prepared_main, prepared) == 0);
}

/* Let the thread do its work on the argument, to its end. */
static inline void run_prepared(struct prepared_thread *prepared, void *argument) {
    prepared->argument = argument;
    pthread_barrier_wait(&prepared->start);
    EXPECT(pthread_join(prepared->thread, NULL) == 0);
}

#endif
