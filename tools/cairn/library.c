#include "library.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

/* Folders that may hold the library; %s stands for that of this command. */
static const char *const places[] = {"%s", "%s/../lib", ("%s/../" CAIRN_LIBDIR), CAIRN_FULL_LIBDIR};

static void own_folder(char folder[PATH_MAX]) {
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (length < 0) {
        fail(STATUS_FAILED, "cannot read /proc/self/exe, so libcairn.so cannot be looked for");
    }
    folder[length] = '\0';
    *strrchr(folder, '/') = '\0';
}

const char *find_library(void) {
    static char library[PATH_MAX + sizeof "/libcairn.so"];
    char own[PATH_MAX];
    own_folder(own);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char candidate[2 * PATH_MAX];
        char folder[PATH_MAX];
        snprintf(candidate, sizeof candidate, places[i], own);
        if (realpath(candidate, folder) == NULL) {
            continue;
        }
        snprintf(library, sizeof library, "%s/libcairn.so", folder);
        if (access(library, R_OK) != 0) {
            continue;
        }
        if (strpbrk(library, " :\t\n") != NULL) {
            fail(STATUS_FAILED, "LD_PRELOAD cannot hold a path with a blank or a colon: '%s'",
                 library);
        }
        return library;
    }
    fail(STATUS_FAILED, "libcairn.so is neither beside this command in %s nor installed", own);
}
