/* What the library costs a small program, compared with the same program under glibc's malloc:
 * page faults and resident memory before its first line, and then address space, resident memory of
 * its own, mappings, and memory charged against the commit limit.
 *
 *   small_program LIBRARY        compare
 *   small_program                print the six figures */
#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "support/testkit.h"

enum { OBJECTS = 1000, RUNS = 5 };

struct cost {
    size_t start_faults;
    size_t start_resident; /* pages of files included: which of the library's are in use */
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
    /* Made here: what the child writes before it becomes the program would count as its faults. */
    char preload[4096];
    EXPECT(snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library == NULL ? "" : library) <
           (int)sizeof preload);
    char *const environment[] = {library == NULL ? NULL : preload, NULL};
    EXPECT(pipe(ends) == 0);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        dup2(ends[1], 1);
        char *const command[] = {self, NULL};
        execve("/proc/self/exe", command, environment);
        _exit(127);
    }
    close(ends[1]);
    FILE *stream = fdopen(ends[0], "r");
    struct cost cost = {0};
    EXPECT(stream != NULL &&
           fscanf(stream, "%zu %zu %zu %zu %zu %zu", &cost.start_faults, &cost.start_resident,
                  &cost.address_space, &cost.resident, &cost.mappings, &cost.charged) == 6);
    fclose(stream);
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
    return cost;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* How many pages of a file one fault brings in depends on where the kernel puts it: the least of
 * some runs. */
static struct cost least(const char *library, char *self) {
    struct cost least = run(library, self);
    for (int i = 1; i < RUNS; i++) {
        struct cost cost = run(library, self);
        least.start_faults = smaller(least.start_faults, cost.start_faults);
        least.start_resident = smaller(least.start_resident, cost.start_resident);
    }
    return least;
}

static void print_costs(void) {
    struct rusage usage;
    EXPECT(getrusage(RUSAGE_SELF, &usage) == 0);
    struct cost cost = {.start_faults = (size_t)usage.ru_minflt,
                        .start_resident = status_bytes("VmRSS:")};
    small_work();
    cost.address_space = status_bytes("VmSize:");
    cost.resident = status_bytes("RssAnon:");
    read_smaps(&cost);
    say(1, "%zu %zu %zu %zu %zu %zu\n", cost.start_faults, cost.start_resident, cost.address_space,
        cost.resident, cost.mappings, cost.charged);
}

int main(int count, char **arguments) {
    if (count < 2) {
        print_costs();
        return 0;
    }
    struct cost libc = least(NULL, arguments[0]);
    struct cost with = least(arguments[1], arguments[0]);
    say(1, "at the start: page faults %zu (glibc %zu), resident %zu (%zu)\n", with.start_faults,
        libc.start_faults, with.start_resident, libc.start_resident);
    say(1,
        "address space %zu (glibc %zu), anonymous resident %zu (%zu), mappings %zu (%zu), "
        "charged %zu (%zu)\n",
        with.address_space, libc.address_space, with.resident, libc.resident, with.mappings,
        libc.mappings, with.charged, libc.charged);
    EXPECT(with.start_faults <= libc.start_faults + 16);
    EXPECT(with.start_resident <= libc.start_resident + 512 * KIB);
    EXPECT(with.address_space <= libc.address_space + 64 * MIB);
    EXPECT(with.resident <= libc.resident + 96 * KIB);
    EXPECT(with.mappings <= libc.mappings + 16);
    EXPECT(with.charged <= libc.charged + 32 * MIB);
    return 0;
}
