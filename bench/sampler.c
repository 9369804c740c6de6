#include "sampler.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

enum { HUGE_EVERY = 16, SPACES_BEFORE_FAULTS = 8 };

static int open_of(pid_t process, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)process, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

bool sampler_open(struct sampler *sampler, pid_t process, const char *output, bool huge_pages) {
    *sampler = (struct sampler){.page_bytes = sysconf(_SC_PAGESIZE), .huge_bytes = -1, .smaps = -1};
    sampler->statm = open_of(process, "statm");
    sampler->stat = open_of(process, "stat");
    if (huge_pages) {
        sampler->smaps = open_of(process, "smaps_rollup");
    }
    sampler->output = fopen(output, "we");
    return sampler->statm >= 0 && sampler->stat >= 0 && (sampler->smaps >= 0 || !huge_pages) &&
           sampler->output != NULL;
}

/* The file's text from its start; false if there is none any more. */
static bool text_of(int file, char *text, size_t size) {
    ssize_t length = pread(file, text, size - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static bool resident_pages(const struct sampler *sampler, int64_t *pages) {
    char text[256];
    if (!text_of(sampler->statm, text, sizeof text)) {
        return false;
    }
    char *second = strchr(text, ' ');
    *pages = second != NULL ? strtoll(second, NULL, 10) : 0;
    return *pages > 0;
}

/* The tenth field; the second is the program's name in parentheses, which may hold anything. */
static bool minor_faults(const struct sampler *sampler, int64_t *faults) {
    char text[1024];
    if (!text_of(sampler->stat, text, sizeof text)) {
        return false;
    }
    char *field = strrchr(text, ')');
    for (int i = 0; i < SPACES_BEFORE_FAULTS && field != NULL; i++) {
        field = strchr(field + 1, ' ');
    }
    *faults = field != NULL ? strtoll(field, NULL, 10) : 0;
    return field != NULL;
}

static int64_t huge_bytes(const struct sampler *sampler) {
    static const char name[] = "AnonHugePages:";
    char text[4096];
    if (!text_of(sampler->smaps, text, sizeof text)) {
        return -1;
    }
    char *line = strstr(text, name);
    return line != NULL ? strtoll(line + strlen(name), NULL, 10) * 1024 : -1;
}

void sampler_take(struct sampler *sampler) {
    int64_t time = now_ns(), pages, faults;
    if (!resident_pages(sampler, &pages) || !minor_faults(sampler, &faults)) {
        return;
    }
    if (sampler->smaps >= 0 && sampler->count % HUGE_EVERY == 0) {
        sampler->huge_bytes = huge_bytes(sampler);
    }
    sampler->count++;
    fprintf(sampler->output, "%lld %lld %lld %lld\n", (long long)time,
            (long long)(pages * sampler->page_bytes), (long long)faults,
            (long long)sampler->huge_bytes);
}

bool sampler_close(struct sampler *sampler) {
    close(sampler->statm);
    close(sampler->stat);
    if (sampler->smaps >= 0) {
        close(sampler->smaps);
    }
    bool written = !ferror(sampler->output);
    return fclose(sampler->output) == 0 && written;
}
