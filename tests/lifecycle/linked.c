/* A program that has the library linked in, statically or not: is it there, and does it all work?
 */
#include <errno.h>
#include <sys/wait.h>

#include "threads.h"

enum { THREADS = 4, OBJECTS = 5000 };

static void *from_constructor;

__attribute__((constructor(101))) static void construct(void) { from_constructor = malloc(100); }

static void *work(void *argument) {
    uint64_t random = (uint64_t)(uintptr_t)argument + 1;
    struct tagged *p[64] = {NULL};
    for (size_t i = 0; i < OBJECTS; i++) {
        struct tagged **slot = &p[random_next(&random) % 64];
        if (*slot != NULL) {
            tagged_delete(*slot);
        }
        *slot = tagged_new(&random, 500 * KIB);
    }
    for (size_t i = 0; i < 64; i++) {
        if (p[i] != NULL) {
            tagged_delete(p[i]);
        }
    }
    return NULL;
}

static void run_threads(void) {
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        threads[i] = start_thread(work, (void *)i);
    }
    work((void *)99);
    for (size_t i = 0; i < THREADS; i++) {
        join_thread(threads[i]);
    }
}

static void run_child(void) {
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        alarm(60);
        run_threads();
        exit(0);
    }
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void libc_uses_the_same_heap(void) {
    char *p = NULL;
    EXPECT(asprintf(&p, "%0999d", 7) == 999);
    size_t usable = malloc_usable_size(p);
    EXPECT(usable >= 1000 && usable == documented_class(usable));
    free(p);
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    EXPECT(stream != NULL && fprintf(stream, "%05000d", 3) == 5000 && fclose(stream) == 0);
    EXPECT(size == 5000);
    free(text);
}

int main(void) {
    /* glibc would grant 1000 bytes for 1000, cairn grants the size class. */
    void *p = malloc(1000);
    EXPECT(malloc_usable_size(p) == documented_class(1000));
    free(p);
    EXPECT(from_constructor != NULL);
    free(from_constructor);
    run_threads();
    run_child();
    libc_uses_the_same_heap();
    EXPECT(mallinfo2().arena > 0 && malloc_trim(0) <= 1 && mallopt(12345, 1) == 1);
    p = NULL;
    EXPECT(posix_memalign(&p, 4096, 10) == 0 && address(p) % 4096 == 0);
    free(p);
    errno = 0;
    EXPECT(malloc(opaque_size(SIZE_MAX)) == NULL && errno == ENOMEM);
    free(valloc(10));
    free(pvalloc(10));
    free(memalign(64, 10));
    return 0;
}
