/* What the control group of the process (version 2) allows it: the least that it and those above it
 * say.  SIZE_MAX or 0, as said, where nothing is said or nothing can be read.
 *
 * Reads files: for start-up and background work, not for a path that a sandboxed program takes.
 * errno is kept. */
#ifndef CAIRN_OS_CGROUP_H
#define CAIRN_OS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

struct os_cgroup_memory {
    size_t max;  /* bytes that may not be exceeded; SIZE_MAX: no limit */
    size_t high; /* bytes above which the kernel reclaims and slows down; SIZE_MAX: likewise */
};

void os_cgroup_memory(struct os_cgroup_memory *memory);

/* The path of a file of the group, in `path`; NULL if it does not fit or there is no group. */
const char *os_cgroup_file(const char *name, char *path, size_t size);

/* How many times memory went above `high` so far; only differences mean something. */
size_t os_cgroup_high_events(void);

/* The processors that the process may use at once, at least 1: by its affinity, which costs a
 * microsecond; `of_group`: and not more than the control group grants time for, rounded up, which
 * costs twenty. */
unsigned os_cpus(bool of_group);

/* For tests: another file than /proc/self/cgroup, and the folder where the tree of control groups
 * is.  Both are kept, not copied; NULL: the real ones again. */
void os_cgroup_look_at(const char *self, const char *mount);

#endif
