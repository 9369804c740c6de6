#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "os/cgroup.h"

enum { PATH_BYTES = 4096, TEXT_BYTES = 512 };

static const char *self_file = "/proc/self/cgroup";
static const char *mount_folder; /* NULL: where it usually is */

void os_cgroup_look_at(const char *self, const char *mount) {
    self_file = self != NULL ? self : "/proc/self/cgroup";
    mount_folder = mount;
}

/* The beginning of a file as a string; false if it can't be read. */
static bool read_text(const char *path, char *text, size_t size) {
    ssize_t length = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        length = read(fd, text, size - 1);
        (void)close(fd);
    }
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* Alone, or beside the tree of version 1. */
static const char *mount_point(void) {
    if (mount_folder != NULL) {
        return mount_folder;
    }
    return access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0 ? "/sys/fs/cgroup"
                                                            : "/sys/fs/cgroup/unified";
}

/* The folder of the process's group, and where in it the mount point ends.  False: there is
 * none. */
struct group {
    char path[PATH_BYTES];
    size_t length, mount_length;
};

static bool find_group(struct group *group) {
    char text[PATH_BYTES];
    if (!read_text(self_file, text, sizeof text)) {
        return false;
    }
    /* Version 2's line begins with "0::", and is the last one where there are others. */
    char *at = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (at == NULL) {
        return false;
    }
    at = strchr(at, '/');
    const char *mount = mount_point();
    group->mount_length = strlen(mount);
    size_t length = at == NULL ? 0 : strcspn(at, "\n");
    if (group->mount_length + length + 64 > sizeof group->path) {
        return false;
    }
    memcpy(group->path, mount, group->mount_length);
    if (length != 0) {
        memcpy(group->path + group->mount_length, at, length);
    }
    group->length = group->mount_length + length;
    while (group->length > group->mount_length && group->path[group->length - 1] == '/') {
        group->length--;
    }
    return true;
}

/* The text of a file of the group; false if it is not there. */
static bool read_of_group(struct group *group, const char *name, char *text) {
    group->path[group->length] = '/';
    memcpy(group->path + group->length + 1, name, strlen(name) + 1);
    return read_text(group->path, text, TEXT_BYTES);
}

const char *os_cgroup_file(const char *name, char *path, size_t size) {
    struct group group;
    int saved = errno;
    bool found = find_group(&group) && group.length + strlen(name) + 2 <= size;
    errno = saved;
    if (!found) {
        return NULL;
    }
    memcpy(path, group.path, group.length);
    path[group.length] = '/';
    memcpy(path + group.length + 1, name, strlen(name) + 1);
    return path;
}

/* Goes on to the group above; false: there is none. */
static bool leave(struct group *group) {
    if (group->length == group->mount_length) {
        return false;
    }
    while (group->path[--group->length] != '/') {}
    return true;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* "max" or a number. */
static size_t number_of(const char *text) {
    return text[0] >= '0' && text[0] <= '9' ? strtoull(text, NULL, 10) : SIZE_MAX;
}

void os_cgroup_memory(struct os_cgroup_memory *memory) {
    struct group group;
    char text[TEXT_BYTES];
    int saved = errno;
    *memory = (struct os_cgroup_memory){SIZE_MAX, SIZE_MAX};
    for (bool more = find_group(&group); more; more = leave(&group)) {
        if (read_of_group(&group, "memory.max", text)) {
            memory->max = smaller(memory->max, number_of(text));
        }
        if (read_of_group(&group, "memory.high", text)) {
            memory->high = smaller(memory->high, number_of(text));
        }
    }
    errno = saved;
}

/* Of the group itself, whose counts include those below it; lines such as "high 12". */
size_t os_cgroup_high_events(void) {
    struct group group;
    char text[TEXT_BYTES];
    int saved = errno;
    size_t events = 0;
    if (find_group(&group) && read_of_group(&group, "memory.events", text)) {
        const char *at = strncmp(text, "high ", 5) == 0 ? text : strstr(text, "\nhigh ");
        events = at == NULL ? 0 : strtoull(strchr(at, ' '), NULL, 10);
    }
    errno = saved;
    return events;
}

/* "max 100000" or "250000 100000": microseconds of time in a period. */
RUNS_ONCE static size_t cpus_of_cgroup(void) {
    struct group group;
    char text[TEXT_BYTES];
    size_t cpus = SIZE_MAX;
    for (bool more = find_group(&group); more; more = leave(&group)) {
        const char *behind = NULL;
        if (read_of_group(&group, "cpu.max", text) && (behind = strchr(text, ' ')) != NULL) {
            size_t quota = number_of(text), period = number_of(behind + 1);
            bool limits = quota != SIZE_MAX && period != SIZE_MAX && period != 0;
            cpus = smaller(cpus, limits ? quota / period + (quota % period != 0) : SIZE_MAX);
        }
    }
    return cpus;
}

/* More processors than a set of the usual size holds are counted as many as it holds. */
RUNS_ONCE unsigned os_cpus(bool of_group) {
    uint64_t set[CPU_SETSIZE / 64] = {0};
    int saved = errno;
    size_t cpus = 1;
    /* Not by the C library's functions for it: of those a small program has no page in memory. */
    if (syscall(SYS_sched_getaffinity, 0, sizeof set, set) > 0) {
        cpus = 0;
        for (size_t i = 0; i < sizeof set / sizeof set[0]; i++) {
            cpus += count_bits(set[i]);
        }
    } else if (errno == EINVAL) {
        cpus = CPU_SETSIZE;
    }
    if (of_group) {
        cpus = smaller(cpus, cpus_of_cgroup());
    }
    errno = saved;
    return cpus == 0 ? 1 : (unsigned)cpus;
}
