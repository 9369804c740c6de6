/* Eight threads allocate, one thread only frees: what it frees must come back to the eight.  With
 * at most 63 MB alive the process may hold 1.25 times that, 4 MiB for what is not the heap (the
 * queues and stacks here, the libraries), and the latest block, which comes whole, as a huge page.
 * Whoever is not scheduled for a while falls back to few live objects and swings up again, so this
 * is the bound of a swing.
 * (Sizes are spread evenly up to 8 KiB here, which costs more in rounding and in partly filled
 * slabs of eight heaps than those of the benchmark's row "free-only", where the bound is 1.2.) */
#include <sched.h>

#include "threads.h"

enum { PRODUCERS = 8, QUEUE = 16384 };
static const size_t outside = (size_t)6 << 20;
static const size_t live_limit = (size_t)63 * 1000 * 1000 / PRODUCERS; /* of each producer */
static const size_t turnover = (size_t)400 * 1000 * 1000;              /* of each producer */

/* Objects of one producer on their way to the thread that frees. */
struct queue {
    _Atomic(size_t *) slots[QUEUE];
    atomic_size_t live;
    size_t peak;
};

static struct queue queues[PRODUCERS];

static void *produce(void *argument) {
    struct queue *queue = (struct queue *)argument;
    uint64_t random = 1 + (uint64_t)(queue - queues);
    size_t produced = 0;
    for (size_t place = 0; produced < turnover; place = (place + 1) % QUEUE) {
        size_t range = (size_t)64 << random_next(&random) % 8;
        size_t size = 64 + (size_t)(random_next(&random) >> 20) % range;
        while (atomic_load(&queue->live) + size > live_limit ||
               atomic_load(&queue->slots[place]) != NULL) {
            sched_yield();
        }
        size_t *p = (size_t *)malloc(size);
        EXPECT(p != NULL);
        memset(p, 0x77, size);
        *p = size;
        produced += size;
        size_t live = atomic_fetch_add(&queue->live, size) + size;
        queue->peak = live > queue->peak ? live : queue->peak;
        atomic_store(&queue->slots[place], p);
    }
    return NULL;
}

static atomic_bool finished;

static bool reclaim_some(struct queue *queue, size_t *place) {
    bool any = false;
    for (unsigned i = 0; i < 64; i++) {
        size_t *p = atomic_exchange(&queue->slots[*place], NULL);
        if (p == NULL) {
            break;
        }
        size_t size = *p;
        free(p);
        atomic_fetch_sub(&queue->live, size);
        *place = (*place + 1) % QUEUE;
        any = true;
    }
    return any;
}

static void *reclaim(void *unused) {
    size_t places[PRODUCERS] = {0};
    for (;;) {
        bool any = false;
        bool last_round = atomic_load(&finished);
        for (size_t i = 0; i < PRODUCERS; i++) {
            any |= reclaim_some(&queues[i], &places[i]);
        }
        if (!any && last_round) {
            return unused;
        }
        if (!any) {
            sched_yield();
        }
    }
}

int main(void) {
    pthread_t producers[PRODUCERS];
    pthread_t reclaimer = start_thread(reclaim, NULL);
    for (size_t i = 0; i < PRODUCERS; i++) {
        producers[i] = start_thread(produce, &queues[i]);
    }
    size_t most = 0;
    for (size_t i = 0; i < PRODUCERS; i++) {
        join_thread(producers[i]);
        most += queues[i].peak;
    }
    size_t resident = status_bytes("VmHWM:");
    atomic_store(&finished, true);
    join_thread(reclaimer);
    say(1, "live bytes at most %zu, peak resident %zu, ratio %zu.%02zu\n", most, resident,
        resident / most, resident * 100 / most % 100);
    EXPECT(most > live_limit * PRODUCERS * 9 / 10);
    EXPECT(resident <= most + most / 4 + outside);
    return 0;
}
