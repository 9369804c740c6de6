/* Objects are born in some threads and die in others, for long: memory must go round and not grow.
 * At most LIVE_LIMIT bytes are alive; the turnover is many times that.  What a producer's heap held
 * once is its own until it runs again, so the bound is on the sum of the pairs' peaks: on a busy
 * machine the pairs peak one after another, and the peak of all of them is half of that sum.  The
 * argument: MiB that the profile keeps of what was freed. */
#include <sched.h>

#include "threads.h"

enum { PAIRS = 4, RING = 1024 };
static const size_t live_limit = 16 * 1024 * 1024;
static const size_t turnover = (size_t)1024 * 1024 * 1024;

/* One ring per pair; a producer fills it, a consumer of another core empties it. */
struct ring {
    _Atomic(struct tagged *) slots[RING];
    atomic_size_t live; /* bytes of its objects, by both threads */
    size_t peak;        /* of live, by the producer; read after its end */
    char apart[64];
};

static struct ring rings[PAIRS];
static atomic_size_t live; /* bytes of all rings */

static void note_born(struct ring *ring, size_t size) {
    atomic_fetch_add(&live, size);
    size_t now = atomic_fetch_add(&ring->live, size) + size;
    if (now > ring->peak) {
        ring->peak = now;
    }
}

static void note_dead(struct ring *ring, size_t size) {
    atomic_fetch_sub(&ring->live, size);
    atomic_fetch_sub(&live, size);
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
        note_born(ring, p->size);
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
        note_dead(ring, p->size);
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
    size_t peaks = 0;
    for (size_t i = 0; i < PAIRS; i++) {
        join_thread(producers[i]);
        peaks += rings[i].peak;
    }
    while (atomic_load(&live) > 0) {
        sched_yield();
    }
    atomic_store(&finished, true);
    for (size_t i = 0; i < PAIRS; i++) {
        join_thread(consumers[i]);
    }
    size_t resident = status_bytes("VmHWM:") - before;
    say(1, "peaks of live bytes %zu, peak resident above start %zu\n", peaks, resident);
    EXPECT(resident <= peaks + peaks / 2 + 8 * MIB + kept);
    return 0;
}
