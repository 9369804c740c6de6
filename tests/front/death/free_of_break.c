/* Memory that the program took from the break. */
#include "death.h"

int main(void) {
    void *p = sbrk(8192);
    EXPECT(p != (void *)-1);
    EXPECT_REPORT("free", p, FOREIGN);
    free(p);
    return 0;
}
