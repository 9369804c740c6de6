/* The report names the bytes of a large object: the request rounded up to pages. */
#include "death.h"

int main(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t request = 5 * MIB + 1;
    void *p = object_of(request);
    void *q = at_offset(p, 1);
    EXPECT_REPORT("free", q, INTERIOR_LARGE, (size_t)1, (request + page - 1) / page * page,
                  (unsigned long)address(p));
    free(q);
    return 0;
}
