/* How many of its own allocations and of a library's fail, of 100 each: failing LIBRARY. */
#include <dlfcn.h>

#include "support/testkit.h"

static unsigned count_failed(void *(*allocate)(size_t)) {
    unsigned failed = 0;
    for (unsigned i = 0; i < 100; i++) {
        void *object = allocate(10 + i % 50 * 1000);
        failed += object == NULL;
        free(object);
    }
    return failed;
}

/* Not only by malloc. */
__attribute__((noinline)) static void *allocate(size_t size) {
    void *object = size % 3 == 0 ? malloc(size) : size % 3 == 1 ? calloc(size, 1) : NULL;
    if (size % 3 == 2 && posix_memalign(&object, 64, size) != 0) {
        object = NULL;
    }
    return opaque(object);
}

int main(int count, char **arguments) {
    EXPECT(count == 2);
    unsigned own = count_failed(allocate);
    void *library = dlopen(arguments[1], RTLD_NOW);
    EXPECT(library != NULL);
    void *(*of_library)(size_t) = NULL;
    void *symbol = dlsym(library, "library_allocate");
    memcpy(&of_library, &symbol, sizeof symbol);
    say(1, "%u %u\n", own, count_failed(of_library));
    return 0;
}
