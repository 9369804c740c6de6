#include "program.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "command.h"

enum { FIRST_LINE = 256 };

static bool is_file(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

bool find_program(const char *name, char path[PATH_MAX]) {
    if (strchr(name, '/') != NULL) {
        return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && is_file(path);
    }
    const char *folders = getenv("PATH");
    if (folders == NULL) {
        folders = "/bin:/usr/bin";
    }
    /* As execvp does: the first that can be executed, else the first that is there at all. */
    char candidate[PATH_MAX];
    bool found = false;
    while (*name != '\0') {
        int length = (int)strcspn(folders, ":");
        const char *folder = length == 0 ? "." : folders;
        int written = snprintf(candidate, PATH_MAX, "%.*s/%s", length + !length, folder, name);
        if (written < PATH_MAX && is_file(candidate)) {
            bool executable = access(candidate, X_OK) == 0;
            if (executable || !found) {
                memcpy(path, candidate, (size_t)written + 1);
                found = true;
            }
            if (executable) {
                return true;
            }
        }
        if (folders[length] == '\0') {
            break;
        }
        folders += length + 1;
    }
    return found;
}

static bool runs_with_more_rights(int file) {
    struct stat status;
    if (fstat(file, &status) != 0) {
        return false;
    }
    if (((status.st_mode & S_ISUID) != 0 && status.st_uid != getuid()) ||
        ((status.st_mode & S_ISGID) != 0 && status.st_gid != getgid())) {
        return true;
    }
    return getuid() != 0 && fgetxattr(file, "security.capability", NULL, 0) > 0;
}

static bool has_interpreter(int file, const Elf64_Ehdr *header) {
    for (int i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr segment;
        off_t offset = (off_t)(header->e_phoff + (Elf64_Off)i * header->e_phentsize);
        if (pread(file, &segment, sizeof segment, offset) != sizeof segment) {
            return true; /* not ours to judge; the kernel will */
        }
        if (segment.p_type == PT_INTERP) {
            return true;
        }
    }
    return false;
}

/* Why the dynamic linker would not preload, or NULL if it would or the file is not ELF. */
static const char *obstacle(int file) {
    Elf64_Ehdr own;
    Elf64_Ehdr header;
    if (runs_with_more_rights(file)) {
        return "runs with more rights than its caller (setuid, setgid or capabilities)";
    }
    if (pread(file, &header, sizeof header, 0) != sizeof header ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
        return NULL;
    }
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool known = self >= 0 && pread(self, &own, sizeof own, 0) == sizeof own;
    if (self >= 0) {
        close(self);
    }
    if (known &&
        (own.e_ident[EI_CLASS] != header.e_ident[EI_CLASS] || own.e_machine != header.e_machine)) {
        return "is made for another architecture than cairn";
    }
    if (header.e_ident[EI_CLASS] == ELFCLASS64 && !has_interpreter(file, &header)) {
        return "is linked statically";
    }
    return NULL;
}

/* A script is run by its interpreter, so that is what counts. */
static int open_what_runs(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    char line[FIRST_LINE + 1] = "";
    if (file < 0 || pread(file, line, FIRST_LINE, 0) < 2 || memcmp(line, "#!", 2) != 0) {
        return file;
    }
    char *interpreter = line + 2 + strspn(line + 2, " \t");
    interpreter[strcspn(interpreter, " \t\n")] = '\0';
    close(file);
    return open(interpreter, O_RDONLY | O_CLOEXEC);
}

void warn_if_not_preloadable(const char *name, const char *path) {
    int file = open_what_runs(path);
    if (file < 0) {
        return; /* exec says it better */
    }
    const char *reason = obstacle(file);
    close(file);
    if (reason != NULL) {
        complain("warning: '%s' %s, so it keeps its own malloc", name, reason);
    }
}
