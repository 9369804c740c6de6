/* Ordinary work while the kernel charges every writable page against a limit (overcommit_memory=2):
 * reservations that are not writable are free of charge, and what is charged follows what is used.
 */
#include <sys/wait.h>

#include "threads.h"

enum { OBJECTS = 100000 };

static void *objects[OBJECTS];

static void *work(void *argument) {
    uint64_t random = (uint64_t)(uintptr_t)argument + 1;
    for (size_t i = 0; i < 5000; i++) {
        tagged_delete(tagged_new(&random, MIB));
    }
    return NULL;
}

int main(void) {
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = malloc(500);
        EXPECT(objects[i] != NULL);
        pattern_fill(objects[i], 500, i);
    }
    char *large = malloc(64 * MIB);
    EXPECT(large != NULL);
    memset(large, 1, 64 * MIB);
    pid_t child = fork(); /* charges all of it once more */
    EXPECT(child >= 0);
    if (child == 0) {
        alarm(60);
        work(NULL);
        _exit(0);
    }
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++) {
        threads[i] = start_thread(work, (void *)i);
    }
    for (size_t i = 0; i < 4; i++) {
        join_thread(threads[i]);
    }
    EXPECT(malloc(opaque_size((size_t)1 << 45)) == NULL);
    for (size_t i = 0; i < OBJECTS; i++) {
        EXPECT(pattern_holds(objects[i], 500, i));
        free(objects[i]);
    }
    free(large);
    return 0;
}
