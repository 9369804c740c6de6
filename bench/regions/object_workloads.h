/* The workloads of the object cache's measurement, and main().  A program defines before it
 * includes this:
 *
 *   set_up(), tear_down(), take() and give(object): of constructed objects
 *
 *     object [ROUNDS]
 *
 * prints a line for each workload with nanoseconds for one take and one give.  The construction
 * takes some 200 ns: a table of 64 words, each from the one before it. */
#include <pthread.h>

#include "connection.h"
#include "measure.h"

#define BATCH   100
#define LIVE    1000
#define THREADS 2

static uint64_t rounds;

/* What a program does with a connection at least: read its table, write its buffer. */
static inline struct connection *take_and_use(uint64_t value) {
    struct connection *connection = take();
    connection->request = connection->table[value % CONNECTION_WORDS] + value;
    memset(connection->buffer, (int)(value & 255), sizeof connection->buffer);
    keep(connection);
    return connection;
}

static void pairs(void) {
    for (uint64_t i = 0; i < rounds; i++) {
        give(take_and_use(i));
    }
}

static void batches(void) {
    struct connection *batch[BATCH];
    for (uint64_t round = 0; round < rounds / BATCH; round++) {
        for (uint64_t i = 0; i < BATCH; i++) {
            batch[i] = take_and_use(i);
        }
        for (uint64_t i = 0; i < BATCH; i++) {
            give(batch[i]);
        }
    }
}

/* A thousand connections; one at random ends and another begins. */
static void server(void) {
    static __thread struct connection *live[LIVE];
    uint64_t state = 88172645463325252u;
    for (uint64_t i = 0; i < LIVE; i++) {
        live[i] = take_and_use(i);
    }
    for (uint64_t i = 0; i < rounds; i++) {
        uint32_t victim = random_below(&state, LIVE);
        give(live[victim]);
        live[victim] = take_and_use(i);
    }
    for (uint64_t i = 0; i < LIVE; i++) {
        give(live[i]);
    }
}

static void *server_thread(void *unused) {
    (void)unused;
    server();
    return NULL;
}

static void server_of_threads(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, server_thread, NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void construction(void) {
    static struct connection connection;
    for (uint64_t i = 0; i < rounds; i++) {
        connection_construct(&connection);
        keep(&connection);
    }
}

static void measure(const char *name, void (*workload)(void)) {
    set_up();
    int64_t start = now_ns();
    workload();
    report(name, now_ns() - start, rounds, rounds);
    tear_down();
}

int main(int argc, char **argv) {
    rounds = number_or(argc > 1 ? argv[1] : NULL, 1000000);
    measure("construction", construction);
    measure("pairs", pairs);
    measure("batches", batches);
    measure("server", server);
    measure("server_of_2_threads", server_of_threads);
    return 0;
}
