/* abort ends the process also when the program ignores SIGABRT. */
#include <signal.h>

#include "death.h"

int main(void) {
    signal(SIGABRT, SIG_IGN);
    void *p = object_of(50);
    free(p);
    EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(50));
    free(p);
    return 0;
}
