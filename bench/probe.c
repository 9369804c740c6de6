/*
 * Tells which library a process takes malloc from.
 *
 * Preloaded before the allocator in a workload's warm-up run, this library
 * appends one line to the file named by CAIRN_BENCH_PROBE for every process
 * that starts: the libraries that malloc, free and realloc resolve to, and the
 * program. So the driver knows that a preload took effect in the very program
 * that it measures; the measured runs themselves go without the probe.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A program that takes malloc's address has a stub for it under the same name, in a symbol of no
 * section; calls go past it to the first library that defines the function. */
static const char *provider(const char *function) {
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    void *address = dlsym(RTLD_DEFAULT, function);
    if (address == NULL || dladdr1(address, &info, (void **)(void *)&symbol, RTLD_DL_SYMENT) == 0) {
        return "?";
    }
    if (symbol != NULL && symbol->st_shndx == SHN_UNDEF) {
        address = dlsym(RTLD_NEXT, function);
        return address != NULL && dladdr(address, &info) != 0 ? info.dli_fname : "?";
    }
    return info.dli_fname;
}

__attribute__((constructor)) static void probe(void) {
    const char *path = getenv("CAIRN_BENCH_PROBE");
    if (path == NULL) {
        return;
    }
    char program[1024], line[5120];
    ssize_t named = readlink("/proc/self/exe", program, sizeof program - 1);
    program[named > 0 ? named : 0] = '\0';
    int length = snprintf(line, sizeof line, "%s\t%s\t%s\t%s\n", provider("malloc"),
                          provider("free"), provider("realloc"), program);
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (file >= 0) {
        /* A lost line shows up as a missing probe in the driver. */
        ssize_t written = write(file, line, (size_t)length);
        (void)written;
        close(file);
    }
}
