// Run one function in a thread of its own, to its end.
#ifndef CAIRN_TESTS_FRONT_DEATH_THREADS_H
#define CAIRN_TESTS_FRONT_DEATH_THREADS_H

#include <pthread.h>

#include "death.h"

static inline void run_thread(void *(*work)(void *), void *argument) {
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, work, argument) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
}

#endif
