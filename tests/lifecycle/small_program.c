/* What the library costs a small program, compared with the same program under glibc's malloc:
 * address space, resident memory of its own, mappings, and memory charged against the commit limit.
 *
 *   small_program LIBRARY        compare
 *   small_program                print the four figures */
#include <errno.h>
#include <sys/wait.h>

#include "support/testkit.h"

enum { OBJECTS = 1000 };

struct cost {
    size_t address_space;
    size_t resident; /* anonymous pages: those of files are shared with other processes */
    size_t mappings;
    size_t charged; /* sizes of the mappings that the kernel accounts */
};

static void small_work(void) {
    static void *p[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        p[i] = malloc(16 + i % 200);
        EXPECT(p[i] != NULL);
        memset(p[i], 1, 16);
    }
    for (size_t i = 0; i < OBJECTS; i += 2) {
        free(p[i]);
    }
}

/* smaps prints, per mapping, a line with its address range, then "Size:" and at last "VmFlags:". */
static void read_smaps(struct cost *cost) {
    static char text[1 << 20];
    int fd = open("/proc/self/smaps", O_RDONLY);
    EXPECT(fd >= 0);
    size_t used = 0;
    for (ssize_t n; used < sizeof text - 1; used += (size_t)n) {
        n = read(fd, text + used, sizeof text - 1 - used);
        if (n <= 0) {
            break;
        }
    }
    close(fd);
    text[used] = '\0';
    size_t size = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strncmp(line, "Size:", 5) == 0) {
            size = (size_t)strtoull(line + 5, NULL, 10) * KIB;
            cost->mappings++;
        } else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " ac") != NULL) {
            cost->charged += size;
        }
    }
}

static struct cost run(const char *library, char *self) {
    int ends[2];
    EXPECT(pipe(ends) == 0);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        dup2(ends[1], 1);
        if (library != NULL) {
            setenv("LD_PRELOAD", library, 1);
        } else {
            unsetenv("LD_PRELOAD");
        }
        char *const command[] = {self, NULL};
        execv("/proc/self/exe", command);
        _exit(127);
    }
    close(ends[1]);
    FILE *stream = fdopen(ends[0], "r");
    struct cost cost = {0, 0, 0, 0};
    EXPECT(stream != NULL && fscanf(stream, "%zu %zu %zu %zu", &cost.address_space, &cost.resident,
                                    &cost.mappings, &cost.charged) == 4);
    fclose(stream);
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
    return cost;
}

int main(int count, char **arguments) {
    if (count < 2) {
        small_work();
        struct cost cost = {status_bytes("VmSize:"), status_bytes("RssAnon:"), 0, 0};
        read_smaps(&cost);
        say(1, "%zu %zu %zu %zu\n", cost.address_space, cost.resident, cost.mappings, cost.charged);
        return 0;
    }
    struct cost libc = run(NULL, arguments[0]);
    struct cost with = run(arguments[1], arguments[0]);
    say(1,
        "address space %zu (glibc %zu), anonymous resident %zu (%zu), mappings %zu (%zu), "
        "charged %zu (%zu)\n",
        with.address_space, libc.address_space, with.resident, libc.resident, with.mappings,
        libc.mappings, with.charged, libc.charged);
    EXPECT(with.address_space <= libc.address_space + 64 * MIB);
    EXPECT(with.resident <= libc.resident + 128 * KIB);
    EXPECT(with.mappings <= libc.mappings + 16);
    EXPECT(with.charged <= libc.charged + 32 * MIB);
    return 0;
}
