/* Objects are born in some threads and die in others, for long: memory must go round and not grow.
 * At most LIVE_LIMIT bytes are alive; the turnover is many times that.  The argument: MiB that the
 * profile keeps of what was freed. */
#include <sched.h>

#include "threads.h"

enum { PAIRS = 4, RING = 1024 };
static const size_t live_limit = 16 * 1024 * 1024;
static const size_t turnover = (size_t)1024 * 1024 * 1024;

/* One ring per pair; a producer fills it, a consumer of another core empties it. */
struct ring {
    _Atomic(struct tagged *) slots[RING];
    char apart[64];
};

static struct ring rings[PAIRS];
static atomic_size_t live;
static atomic_size_t peak;

static void note_born(size_t size) {
    size_t now = atomic_fetch_add(&live, size) + size;
    size_t before = atomic_load(&peak);
    while (now > before && !atomic_compare_exchange_weak(&peak, &before, now)) {}
}

static void *produce(void *argument) {
    struct ring *ring = (struct ring *)argument;
    uint64_t random = (uint64_t)(ring - rings) + 1;
    size_t done = 0;
    for (size_t place = 0; done < turnover / PAIRS; place = (place + 1) % RING) {
        while (atomic_load(&live) > live_limit || atomic_load(&ring->slots[place]) != NULL) {
            sched_yield();
        }
        struct tagged *p = tagged_new(&random, 64 * KIB);
        done += p->size;
        note_born(p->size);
        atomic_store(&ring->slots[place], p);
    }
    return NULL;
}

static atomic_bool finished;

static void *consume(void *argument) {
    struct ring *ring = (struct ring *)argument;
    for (size_t place = 0;; place = (place + 1) % RING) {
        struct tagged *p;
        while ((p = atomic_exchange(&ring->slots[place], NULL)) == NULL) {
            if (atomic_load(&finished)) {
                return NULL;
            }
            sched_yield();
        }
        atomic_fetch_sub(&live, p->size);
        tagged_delete(p);
    }
}

int main(int count, char **arguments) {
    size_t kept = count > 1 ? strtoul(arguments[1], NULL, 10) * MIB : 0;
    pthread_t producers[PAIRS];
    pthread_t consumers[PAIRS];
    size_t before = status_bytes("VmRSS:");
    for (size_t i = 0; i < PAIRS; i++) {
        consumers[i] = start_thread(consume, &rings[i]);
        producers[i] = start_thread(produce, &rings[i]);
    }
    for (size_t i = 0; i < PAIRS; i++) {
        join_thread(producers[i]);
    }
    while (atomic_load(&live) > 0) {
        sched_yield();
    }
    atomic_store(&finished, true);
    for (size_t i = 0; i < PAIRS; i++) {
        join_thread(consumers[i]);
    }
    size_t resident = status_bytes("VmHWM:") - before;
    say(1, "peak of live bytes %zu, peak resident above start %zu\n", atomic_load(&peak), resident);
    EXPECT(resident <= atomic_load(&peak) + atomic_load(&peak) / 2 + 8 * MIB + kept);
    return 0;
}
