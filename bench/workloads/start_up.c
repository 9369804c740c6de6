/*
 * start_up: what the allocator adds to the start and the end of a tiny program.
 *
 * Starts /bin/true over and over, one after the other. The children inherit
 * the environment, so they run under the same allocator. Figures of the
 * children count as this program's own.
 *
 * start_up [times]
 */
#include "bench_util.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    long times = bench_param(argc, argv, 1, 1000);
    char *child_argv[] = {"/bin/true", NULL};
    for (long i = 0; i < times; i++) {
        pid_t child;
        int status;
        if (posix_spawn(&child, child_argv[0], NULL, NULL, child_argv, environ) != 0 ||
            waitpid(child, &status, 0) != child || status != 0) {
            bench_fail("a child did not run");
        }
    }
    return bench_finish((uint64_t)times);
}
