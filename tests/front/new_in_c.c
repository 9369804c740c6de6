/* The C++ operators in a process that has no libstdc++: they work, and where C++ would throw the
 * process ends with a line that says why, not with a jump to nowhere. */
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "support/testkit.h"

static void find(const char *name, void *function) {
    void *symbol = dlsym(RTLD_DEFAULT, name);
    if (symbol == NULL) {
        FAIL("%s is not there", name);
    }
    memcpy(function, &symbol, sizeof symbol);
}

static bool is_mapped(const char *library) {
    char line[512];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    EXPECT(maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) {
        found = found || strstr(line, library) != NULL;
    }
    fclose(maps);
    return found;
}

static void plain_use_works(void) {
    void *(*new_plain)(size_t);
    void *(*new_aligned)(size_t, size_t);
    void *(*new_nothrow)(size_t, const void *);
    void (*delete_plain)(void *);
    void (*delete_sized)(void *, size_t);
    find("_Znwm", &new_plain);
    find("_ZnwmSt11align_val_t", &new_aligned);
    find("_ZnwmRKSt9nothrow_t", &new_nothrow);
    find("_ZdlPv", &delete_plain);
    find("_ZdlPvm", &delete_sized);
    void *p = new_plain(100);
    EXPECT(p != NULL);
    delete_sized(p, 100);
    p = new_aligned(100, 512);
    EXPECT(p != NULL && address(p) % 512 == 0);
    delete_plain(p);
    EXPECT(new_nothrow(opaque_size(SIZE_MAX / 2), "") == NULL);
}

/* Call the operator for more than there is, in a child; its stderr goes into text. */
static int exhaust(const char *name, char *text, size_t size) {
    static const struct rlimit no_core = {0, 0};
    int ends[2];
    EXPECT(pipe(ends) == 0);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        void *(*operator_new)(size_t, size_t);
        find(name, &operator_new);
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(ends[1], 2);
        opaque(operator_new(opaque_size(SIZE_MAX / 2), 64));
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n = 1; n > 0 && used<size - 1; used += n> 0 ? (size_t)n : 0) {
        n = read(ends[0], text + used, size - 1 - used);
    }
    text[used] = '\0';
    close(ends[0]);
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    return status;
}

static void exhaustion_aborts_clearly(const char *name) {
    char text[1024];
    int status = exhaust(name, text, sizeof text);
    say(1, "%s: %s", name, text);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    const char *end = strchr(text, '\n');
    EXPECT(end != NULL && end[1] == '\0');
    EXPECT(strncmp(text, "cairn: ", 7) == 0);
    EXPECT(strstr(text, "operator new") != NULL);
    EXPECT(strstr(text, "memory") != NULL);
}

int main(void) {
    EXPECT(!is_mapped("libstdc++"));
    plain_use_works();
    exhaustion_aborts_clearly("_Znwm");
    exhaustion_aborts_clearly("_Znam");
    exhaustion_aborts_clearly("_ZnwmSt11align_val_t");
    exhaustion_aborts_clearly("_ZnamSt11align_val_t");
    EXPECT(!is_mapped("libstdc++"));
    return 0;
}
