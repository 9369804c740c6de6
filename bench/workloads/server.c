/*
 * server: random replacement in slots that outlive the threads that fill them.
 *
 * A server's session hands its open requests on to the next worker: each
 * thread replaces random slots of its inherited table, then starts a successor
 * with the same table and exits. So most frees are of objects that another,
 * dead thread allocated. The idea is Larson and Krishnan's ("Memory allocation
 * for long-running server applications", 1998); the work here is a fixed
 * number of replacements instead of a fixed time.
 *
 * server [sessions at a time] [slots each] [workers per session] [replacements per worker]
 */
#include "bench_util.h"

enum { SMALLEST = 8, LARGEST = 1000 };

struct slot {
    void *object;
    size_t size;
};

struct session {
    struct rng rng;
    struct slot *slots;
    uint64_t freed_stamps;
    long workers_left;
};

static size_t slots_per_session;
static long replacements;
static size_t open_sessions;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t session_closed = PTHREAD_COND_INITIALIZER;

static void slot_fill(struct slot *slot, struct rng *rng) {
    slot->size = rng_between(rng, SMALLEST, LARGEST);
    slot->object = stamped_alloc(slot->size, rng_next(rng));
}

static void start_worker(struct session *session);

static void *worker(void *argument) {
    struct session *session = argument;
    for (long i = 0; i < replacements; i++) {
        struct slot *slot = &session->slots[rng_below(&session->rng, slots_per_session)];
        session->freed_stamps += stamp_of(slot->object);
        stamped_free(slot->object, slot->size);
        slot_fill(slot, &session->rng);
    }
    if (--session->workers_left > 0) {
        start_worker(session);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    open_sessions--;
    pthread_cond_signal(&session_closed);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void start_worker(struct session *session) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, worker, session) != 0) {
        bench_fail("pthread_create");
    }
    pthread_detach(thread);
}

int main(int argc, char **argv) {
    size_t sessions = (size_t)bench_param(argc, argv, 1, 4);
    slots_per_session = (size_t)bench_param(argc, argv, 2, 5000);
    long workers = bench_param(argc, argv, 3, 300);
    replacements = bench_param(argc, argv, 4, 20000);
    struct session *session = bench_calloc(sessions, sizeof *session);
    open_sessions = sessions;
    /* All tables are filled by the main thread first, as in a server that was restored. */
    for (size_t s = 0; s < sessions; s++) {
        session[s].rng.state = s;
        session[s].workers_left = workers;
        session[s].slots = bench_alloc(slots_per_session * sizeof *session[s].slots);
        for (size_t i = 0; i < slots_per_session; i++) {
            slot_fill(&session[s].slots[i], &session[s].rng);
        }
    }
    for (size_t s = 0; s < sessions; s++) {
        start_worker(&session[s]);
    }
    pthread_mutex_lock(&lock);
    while (open_sessions > 0) {
        pthread_cond_wait(&session_closed, &lock);
    }
    pthread_mutex_unlock(&lock);
    uint64_t checksum = 0;
    for (size_t s = 0; s < sessions; s++) {
        checksum += session[s].freed_stamps;
        for (size_t i = 0; i < slots_per_session; i++) {
            stamped_free(session[s].slots[i].object, session[s].slots[i].size);
        }
        free(session[s].slots);
    }
    free(session);
    return bench_finish(checksum);
}
