/* A thread's end takes several rounds: destructors of thread-specific data that allocate and free,
 * set their key again and so are called again, up to four times; then the library must still cope
 * with what comes, and nothing of it may be lost. */
#include "threads.h"

enum { KEYS = 6, ROUNDS = 4, THREADS = 2000, AT_A_TIME = 4 };

static pthread_key_t keys[KEYS];
static atomic_uint calls[ROUNDS + 2];
static _Atomic(struct tagged *) shared;

/* What a key holds: the number of the round, and memory from earlier rounds. */
struct state {
    unsigned round;
    size_t key;
    void *kept;
};

static void destroy(void *value) {
    struct state *old = (struct state *)value;
    uint64_t random = old->round * KEYS + old->key + 1;
    unsigned round = old->round + 1;
    size_t key = old->key;
    atomic_fetch_add(&calls[round <= ROUNDS ? round : ROUNDS + 1], 1);
    EXPECT(pattern_holds(old->kept, 100, key));
    free(old->kept);
    free(old);
    for (unsigned i = 0; i < 20; i++) {
        tagged_delete(tagged_new(&random, 80 * KIB));
    }
    /* Free what another thread allocated, and leave something for another. */
    struct tagged *other = atomic_exchange(&shared, tagged_new(&random, 500));
    if (other != NULL) {
        tagged_delete(other);
    }
    if (round == ROUNDS) {
        return; /* glibc would not call us again; keeping memory now would be a leak of this test */
    }
    struct state *next = (struct state *)malloc(sizeof *next);
    void *kept = malloc(100);
    EXPECT(next != NULL && kept != NULL);
    pattern_fill(kept, 100, key);
    *next = (struct state){round, key, kept};
    EXPECT(pthread_setspecific(keys[key], next) == 0);
}

static void *work(void *unused) {
    for (size_t key = 0; key < KEYS; key++) {
        struct state *first = (struct state *)malloc(sizeof *first);
        void *kept = malloc(100);
        EXPECT(first != NULL && kept != NULL);
        pattern_fill(kept, 100, key);
        *first = (struct state){0, key, kept};
        EXPECT(pthread_setspecific(keys[key], first) == 0);
    }
    return unused;
}

/* A thread that never allocated itself: its destructor is the first to do so. */
static void *work_without_allocating(void *first) {
    EXPECT(pthread_setspecific(keys[((struct state *)first)->key], first) == 0);
    return NULL;
}

static struct state *new_state(size_t key) {
    struct state *first = (struct state *)malloc(sizeof *first);
    void *kept = malloc(100);
    EXPECT(first != NULL && kept != NULL);
    pattern_fill(kept, 100, key);
    *first = (struct state){0, key, kept};
    return first;
}

static void one_generation(void) {
    pthread_t threads[AT_A_TIME + 1];
    for (size_t i = 0; i < AT_A_TIME; i++) {
        threads[i] = start_thread(work, NULL);
    }
    threads[AT_A_TIME] = start_thread(work_without_allocating, new_state(3));
    for (size_t i = 0; i <= AT_A_TIME; i++) {
        join_thread(threads[i]);
    }
}

int main(void) {
    for (size_t key = 0; key < KEYS; key++) {
        EXPECT(pthread_key_create(&keys[key], destroy) == 0);
    }
    for (unsigned i = 0; i < 200; i++) {
        one_generation();
    }
    size_t warm = status_bytes("VmRSS:");
    struct mallinfo2 info = mallinfo2();
    size_t in_use = info.uordblks + info.hblkhd;
    for (unsigned i = 0; i < THREADS / AT_A_TIME; i++) {
        one_generation();
    }
    info = mallinfo2();
    say(1, "calls by round %u %u %u %u; resident %zu, before %zu; in use %zu, before %zu\n",
        calls[1], calls[2], calls[3], calls[4], status_bytes("VmRSS:"), warm,
        info.uordblks + info.hblkhd, in_use);
    EXPECT(calls[1] > 0 && calls[1] == calls[4] && calls[ROUNDS + 1] == 0);
    EXPECT(status_bytes("VmRSS:") <= warm + 4 * MIB);
    EXPECT(info.uordblks + info.hblkhd <= in_use + 128 * KIB);
    return 0;
}
