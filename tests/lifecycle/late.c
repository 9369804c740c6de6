/* The heap after everything has run: exit handlers, destructors of the program and of a library
 * that knows nothing of the allocator, in an order that nobody can choose. Memory from main must
 * still be freed there, and new memory be had. */
#include <malloc.h>

#include "late_library.h"

static void *from_main[3];

static void use_heap(void) {
    for (size_t size = 1; size < 3 * MIB; size = size * 3 + 1) {
        void *p = malloc(size);
        EXPECT(p != NULL);
        pattern_fill(p, size, size);
        p = realloc(p, size * 2);
        EXPECT(p != NULL && pattern_holds(p, size, size));
        free(p);
    }
}

static void at_exit(void) {
    use_heap();
    free(from_main[0]);
}

static void on_exit_too(int status, void *argument) {
    (void)status;
    use_heap();
    free(argument);
}

/* The last of the program's own destructors. */
__attribute__((destructor(101))) static void destruct(void) {
    use_heap();
    free(from_main[1]);
    /* What stdio still holds is written and freed by libc itself, after us. */
    printf("the last destructor of the program ran\n");
}

int main(void) {
    EXPECT(atexit(at_exit) == 0);
    from_main[0] = malloc(1000);
    from_main[1] = malloc(2 * MIB);
    EXPECT(on_exit(on_exit_too, malloc(77)) == 0);
    late_library_keep(malloc(300), malloc(4 * MIB));
    return 0;
}
