/* A library that allocates: see failing.c. */
#include <stdlib.h>

void *library_allocate(size_t size);

/* Not as the last thing that it does: then it would not be in the stack any more. */
void *library_allocate(size_t size) {
    void *volatile object = size % 2 == 0 ? malloc(size) : realloc(NULL, size);
    return object;
}
