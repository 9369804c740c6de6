/* Thousands of short threads: what a thread leaves behind must serve those that come after it. Half
 * of what each allocates is freed by itself, the rest later by the main thread. */
#include "threads.h"

enum { AT_A_TIME = 8, OBJECTS = 64, WARM_UP = 300, GENERATIONS = 900 };

static struct tagged *left[AT_A_TIME][OBJECTS];

/* In the warm-up all threads of a generation live at once, so that as many heaps are made as can
 * ever be needed, however the machine schedules. */
static pthread_barrier_t all_here;
static bool at_once = true;

static void *work(void *argument) {
    struct tagged **mine = (struct tagged **)argument;
    uint64_t random = 1 + (uint64_t)(uintptr_t)argument;
    struct tagged *own[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        own[i] = tagged_new(&random, 20 * KIB);
        mine[i] = tagged_new(&random, 20 * KIB);
    }
    if (at_once) {
        pthread_barrier_wait(&all_here);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        tagged_delete(own[i]);
    }
    return NULL;
}

static void one_generation(void) {
    pthread_t threads[AT_A_TIME];
    for (size_t i = 0; i < AT_A_TIME; i++) {
        threads[i] = start_thread(work, left[i]);
    }
    for (size_t i = 0; i < AT_A_TIME; i++) {
        join_thread(threads[i]);
    }
    for (size_t i = 0; i < AT_A_TIME; i++) {
        for (size_t k = 0; k < OBJECTS; k++) {
            tagged_delete(left[i][k]);
        }
    }
}

int main(void) {
    pthread_barrier_init(&all_here, NULL, AT_A_TIME);
    for (size_t i = 0; i < WARM_UP; i++) {
        one_generation();
    }
    at_once = false;
    size_t warm = status_bytes("VmHWM:");
    size_t warm_address_space = status_bytes("VmSize:");
    for (size_t i = 0; i < GENERATIONS; i++) {
        one_generation();
    }
    size_t after = status_bytes("VmHWM:");
    say(1, "%d threads: peak resident %zu, of the first %d threads %zu\n", GENERATIONS * AT_A_TIME,
        after, WARM_UP * AT_A_TIME, warm);
    /* A page lost for each thread would be 28 MiB. */
    EXPECT(after <= warm + 6 * MIB);
    EXPECT(status_bytes("VmSize:") <= warm_address_space + 64 * MIB);
    return 0;
}
