/* mlockall(MCL_CURRENT | MCL_FUTURE): every mapping is populated at once and no page can be given
 * back, so nothing that was freed becomes zero by itself, and reservations must not become memory.
 */
#include <errno.h>
#include <sys/mman.h>

#include "threads.h"

enum { COUNT = 20000 };

static void *objects[COUNT];

static void zero_after_reuse(size_t size, size_t count) {
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < count; i++) {
            objects[i] = calloc(1, size);
            EXPECT(objects[i] != NULL && all_zero(objects[i], size));
            memset(objects[i], 0xff, size);
        }
        for (size_t i = 0; i < count; i++) {
            errno = 4711;
            free(objects[i]);
            EXPECT(errno == 4711);
        }
        (void)malloc_trim(0);
    }
}

static void *work(void *argument) {
    uint64_t random = (uint64_t)(uintptr_t)argument + 1;
    for (size_t i = 0; i < 5000; i++) {
        tagged_delete(tagged_new(&random, 100 * KIB));
    }
    return NULL;
}

int main(void) {
    size_t before = status_bytes("VmRSS:");
    /* Locking populates what is writable: see first that this cannot take all memory of the
     * machine. */
    EXPECT(status_bytes("VmSize:") <= 512 * MIB);
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        say(2, "cannot be tested here: mlockall: %s (it needs CAP_IPC_LOCK)\n", strerror(errno));
        return TEST_NOT_POSSIBLE;
    }
    void *first = malloc(100);
    EXPECT(first != NULL);
    size_t locked = status_bytes("VmRSS:");
    say(1, "resident before %zu, locked %zu\n", before, locked);
    EXPECT(locked <= before + 32 * MIB);
    zero_after_reuse(100, COUNT);
    zero_after_reuse(5000, COUNT / 20);
    zero_after_reuse(100 * KIB, 100);
    zero_after_reuse(5 * MIB, 4);
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++) {
        threads[i] = start_thread(work, (void *)i);
    }
    for (size_t i = 0; i < 4; i++) {
        join_thread(threads[i]);
    }
    char *large = malloc(20 * MIB);
    EXPECT(large != NULL);
    pattern_fill(large, 20 * MIB, 1);
    large = realloc(large, 40 * MIB);
    EXPECT(large != NULL && pattern_holds(large, 20 * MIB, 1));
    large = realloc(large, 1 * MIB);
    EXPECT(large != NULL && pattern_holds(large, 1 * MIB, 1));
    free(large);
    free(first);
    size_t peak = status_bytes("VmHWM:");
    say(1, "peak resident %zu\n", peak);
    EXPECT(peak <= 160 * MIB);
    return 0;
}
