/* Reading files that are in the page cache: mapped, mapped and guarded, by read(2), by fread.
 *
 *     map FILE HOW        HOW: map, guarded, read, fread
 *
 * Prints a line for each workload with nanoseconds for all of it.
 *
 *   scan     lines of the whole file are counted, once from start to end
 *   passes   the first 4 MiB are summed up sixteen times, as a table that is looked through again
 *   lookups  100,000 records of 64 bytes at random places are summed up
 *   small    the first 4 KiB are read, 20,000 times opened and closed
 *
 * read and fread have a buffer of 64 KiB, and one of 4 MiB that holds the table of `passes`. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cairn/map.h>

#include "measure.h"

enum {
    BUFFER = 1 << 16,
    TABLE = 4 << 20,
    PASSES = 16,
    LOOKUPS = 100000,
    RECORD = 64,
    OPENINGS = 20000,
    SMALL = 4096
};

static const char *path;
static char table[TABLE];

static void require(bool holds, const char *what) {
    if (!holds) {
        perror(what);
        exit(1);
    }
}

static uint64_t lines_in(const char *bytes, size_t size) {
    uint64_t lines = 0;
    const char *end = bytes + size;
    for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) {
        lines++;
    }
    return lines;
}

static uint64_t sum_of(const char *bytes, size_t size) {
    uint64_t sum = 0;
    for (size_t i = 0; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof word);
        sum += word;
    }
    return sum;
}

/* The places of the lookups; the same for all. */
static size_t place_of(uint64_t *state, size_t size) {
    return (size_t)random_below(state, (uint32_t)(size / RECORD)) * RECORD;
}

/* --- mapped ----------------------------------------------------------------------------------- */

struct job {
    struct cairn_map map;
    uint64_t found;
};

static void scan_mapped(void *argument) {
    struct job *job = argument;
    job->found = lines_in(job->map.data, job->map.size);
}

static void passes_mapped(void *argument) {
    struct job *job = argument;
    for (int i = 0; i < PASSES; i++) {
        job->found += sum_of(job->map.data, TABLE);
        keep(job);
    }
}

static void lookups_mapped(void *argument) {
    struct job *job = argument;
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < LOOKUPS; i++) {
        job->found += sum_of(job->map.data + place_of(&state, job->map.size), RECORD);
    }
}

static void small_mapped(void *argument) {
    struct job *job = argument;
    job->found += sum_of(job->map.data, SMALL);
}

static uint64_t mapped(void (*work)(void *), int openings, bool guarded) {
    struct job job = {.found = 0};
    for (int i = 0; i < openings; i++) {
        struct cairn_map_error error = cairn_map_file(&job.map, path, CAIRN_MAP_READ, 0);
        require(!cairn_map_failed(error), "map");
        if (guarded) {
            error = cairn_map_call_guarded(&job.map, work, &job);
            require(!cairn_map_failed(error), "guarded call");
        } else {
            work(&job);
        }
        (void)cairn_map_close(&job.map);
    }
    return job.found;
}

/* --- read(2) ---------------------------------------------------------------------------------- */

static uint64_t scan_read(int fd) {
    static char buffer[BUFFER];
    uint64_t found = 0;
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;) {
        found += lines_in(buffer, (size_t)got);
    }
    return found;
}

static uint64_t passes_read(int fd) {
    uint64_t found = 0;
    for (size_t done = 0; done < TABLE;) {
        ssize_t got = read(fd, table + done, TABLE - done);
        require(got > 0, "read");
        done += (size_t)got;
    }
    for (int i = 0; i < PASSES; i++) {
        found += sum_of(table, TABLE);
        keep(table);
    }
    return found;
}

static uint64_t lookups_read(int fd) {
    struct stat status;
    require(fstat(fd, &status) == 0, "fstat");
    uint64_t state = 88172645463325252u;
    uint64_t found = 0;
    for (int i = 0; i < LOOKUPS; i++) {
        char record[RECORD];
        size_t place = place_of(&state, (size_t)status.st_size);
        require(pread(fd, record, RECORD, (off_t)place) == RECORD, "pread");
        found += sum_of(record, RECORD);
    }
    return found;
}

static uint64_t small_read(int fd) {
    char bytes[SMALL];
    require(read(fd, bytes, SMALL) == SMALL, "read");
    return sum_of(bytes, SMALL);
}

static uint64_t by_read(uint64_t (*work)(int), int openings) {
    uint64_t found = 0;
    for (int i = 0; i < openings; i++) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        require(fd >= 0, "open");
        found += work(fd);
        (void)close(fd);
    }
    return found;
}

/* --- fread ------------------------------------------------------------------------------------ */

static uint64_t scan_fread(FILE *file) {
    static char buffer[BUFFER];
    uint64_t found = 0;
    for (size_t got; (got = fread(buffer, 1, sizeof buffer, file)) > 0;) {
        found += lines_in(buffer, got);
    }
    return found;
}

static uint64_t passes_fread(FILE *file) {
    uint64_t found = 0;
    require(fread(table, 1, TABLE, file) == TABLE, "fread");
    for (int i = 0; i < PASSES; i++) {
        found += sum_of(table, TABLE);
        keep(table);
    }
    return found;
}

static uint64_t lookups_fread(FILE *file) {
    require(fseek(file, 0, SEEK_END) == 0, "fseek");
    size_t size = (size_t)ftell(file);
    uint64_t state = 88172645463325252u;
    uint64_t found = 0;
    for (int i = 0; i < LOOKUPS; i++) {
        char record[RECORD];
        require(fseek(file, (long)place_of(&state, size), SEEK_SET) == 0, "fseek");
        require(fread(record, 1, RECORD, file) == RECORD, "fread");
        found += sum_of(record, RECORD);
    }
    return found;
}

static uint64_t small_fread(FILE *file) {
    char bytes[SMALL];
    require(fread(bytes, 1, SMALL, file) == SMALL, "fread");
    return sum_of(bytes, SMALL);
}

static uint64_t by_fread(uint64_t (*work)(FILE *), int openings) {
    uint64_t found = 0;
    for (int i = 0; i < openings; i++) {
        FILE *file = fopen(path, "re");
        require(file != NULL, "fopen");
        found += work(file);
        (void)fclose(file);
    }
    return found;
}

/* ---------------------------------------------------------------------------------------------- */

struct workload {
    const char *name;
    int openings;
    void (*mapped)(void *);
    uint64_t (*by_read)(int);
    uint64_t (*by_fread)(FILE *);
};

static const struct workload workloads[] = {
    {"scan", 1, scan_mapped, scan_read, scan_fread},
    {"passes", 1, passes_mapped, passes_read, passes_fread},
    {"lookups", 1, lookups_mapped, lookups_read, lookups_fread},
    {"small", OPENINGS, small_mapped, small_read, small_fread},
};

static uint64_t run(const struct workload *workload, const char *how) {
    if (strcmp(how, "read") == 0) {
        return by_read(workload->by_read, workload->openings);
    }
    if (strcmp(how, "fread") == 0) {
        return by_fread(workload->by_fread, workload->openings);
    }
    return mapped(workload->mapped, workload->openings, strcmp(how, "guarded") == 0);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: map FILE map|guarded|read|fread\n");
        return 2;
    }
    path = argv[1];
    memset(table, 1, sizeof table); /* its pages are there before the clock runs */
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        int64_t start = now_ns();
        uint64_t found = run(&workloads[i], argv[2]);
        report(workloads[i].name, now_ns() - start, 1, found);
    }
    return 0;
}
