/* An object may be freed by any thread: threads throw objects into a common table and each takes
 * out what others put there. At the end everything is freed, and hardly anything may be left in
 * use. */
#include "threads.h"

enum { THREADS = 8, SLOTS = 4096, ROUNDS = 25000 };

static _Atomic(struct tagged *) slots[SLOTS];

static void *work(void *argument) {
    uint64_t random = 1 + (uint64_t)(uintptr_t)argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct tagged *mine = tagged_new(&random, 100 * KIB);
        struct tagged *other = atomic_exchange(&slots[random_next(&random) % SLOTS], mine);
        if (other != NULL) {
            tagged_delete(other);
        }
    }
    return NULL;
}

static size_t bytes_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void run_round(void) {
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        threads[i] = start_thread(work, (void *)i);
    }
    for (size_t i = 0; i < THREADS; i++) {
        join_thread(threads[i]);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        struct tagged *left = atomic_exchange(&slots[i], NULL);
        if (left != NULL) {
            tagged_delete(left);
        }
    }
}

int main(void) {
    size_t start = status_bytes("VmRSS:");
    run_round();
    run_round();
    size_t in_use = bytes_in_use();
    size_t peak = status_bytes("VmHWM:");
    run_round();
    run_round();
    say(1, "in use %zu, before %zu; peak resident %zu, before %zu\n", bytes_in_use(), in_use,
        status_bytes("VmHWM:"), peak);
    /* What the first rounds left is what threads that ended keep for the next ones. */
    EXPECT(bytes_in_use() <= in_use + 64 * KIB);
    EXPECT(status_bytes("VmHWM:") <= peak + 16 * MIB);
    (void)malloc_trim(0);
    say(1, "resident after a trim %zu, at the start %zu\n", status_bytes("VmRSS:"), start);
    EXPECT(status_bytes("VmRSS:") <= start + 8 * MIB);
    return 0;
}
