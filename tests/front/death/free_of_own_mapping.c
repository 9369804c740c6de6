/* Memory that the program mapped itself. */
#include <sys/mman.h>

#include "death.h"

int main(void) {
    void *p = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(p != MAP_FAILED);
    EXPECT_REPORT("free", p, FOREIGN);
    free(p);
    return 0;
}
