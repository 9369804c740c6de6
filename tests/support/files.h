/* Files of their own for tests: a folder that is made on first use and removed at the end. */
#ifndef CAIRN_TESTS_SUPPORT_FILES_H
#define CAIRN_TESTS_SUPPORT_FILES_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/child.h"

static char scratch_folder[256];
static pid_t scratch_owner;

static inline void scratch_remove(void) {
    if (getpid() != scratch_owner) {
        return;
    }
    DIR *folder = opendir(scratch_folder);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char path[600];
        (void)snprintf(path, sizeof path, "%s/%s", scratch_folder, entry->d_name);
        (void)unlink(path); /* fails for . and .. */
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    (void)rmdir(scratch_folder);
}

/* The path of a file in the folder; the last eight stay valid. */
static inline const char *scratch_path(const char *name) {
    static char paths[8][512];
    static unsigned next;
    if (scratch_owner == 0) {
        const char *parent = getenv("TMPDIR");
        (void)snprintf(scratch_folder, sizeof scratch_folder, "%s/cairn-test-XXXXXX",
                       parent != NULL ? parent : "/tmp");
        REQUIRE(mkdtemp(scratch_folder) != NULL);
        scratch_owner = getpid();
        REQUIRE(atexit(scratch_remove) == 0);
    }
    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", scratch_folder, name);
    return path;
}

/* Makes the file anew with these bytes. */
static inline const char *scratch_file(const char *name, const void *bytes, size_t size) {
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "wb");
    REQUIRE(file != NULL);
    REQUIRE(fwrite(bytes, 1, size, file) == size);
    REQUIRE(fclose(file) == 0);
    return path;
}

/* How long the file is, and its first bytes. */
static inline size_t scratch_read(const char *path, void *bytes, size_t size) {
    FILE *file = fopen(path, "rb");
    REQUIRE(file != NULL);
    (void)fread(bytes, 1, size, file);
    REQUIRE(fseek(file, 0, SEEK_END) == 0);
    long length = ftell(file);
    (void)fclose(file);
    return (size_t)length;
}

/* The process's address space in use. */
static inline size_t mapped_bytes(void) {
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    REQUIRE(file != NULL && fscanf(file, "%zu", &pages) == 1);
    (void)fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

#endif
