/* After fork, the child frees an object twice that was allocated before. */
#include <signal.h>
#include <sys/wait.h>

#include "death.h"

int main(void) {
    void *p = object_of(90);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        free(p);
        EXPECT_REPORT("free", p, DOUBLE_FREE, documented_class(90));
        free(opaque(p));
        _exit(0);
    }
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFSIGNALED(status));
    raise(WTERMSIG(status));
    return 0;
}
