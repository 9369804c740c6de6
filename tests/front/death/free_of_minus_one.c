/* (void *)-1, what mmap and sbrk say when they fail. */
#include "death.h"

int main(void) {
    void *p = opaque((void *)UINTPTR_MAX);
    EXPECT_REPORT("free", p, FOREIGN);
    free(p);
    return 0;
}
