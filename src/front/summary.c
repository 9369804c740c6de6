#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "front/summary.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/text.h"
#include "config/options.h"
#include "core/statistics.h"
#include "os/kept_stderr.h"
#include "os/os.h"

/* A line is far shorter than LINE, so two parts hold all of them. */
enum { PARTS = 2, LINE = 160 };

static struct text parts[PARTS];

/* Where it goes, as the option was meant when the program started: absolute, as the program may
 * change its directory; empty for stderr. */
static char path[OS_PATH_SIZE];

static bool is_wanted(void) { return options.summary[0] != '\0'; }

static void complain(int error) {
    struct text text = {0};
    text_string(&text, "cairn: cannot write the summary to ");
    text_string(&text, path[0] != '\0' ? path : "stderr");
    text_string(&text, ": ");
    text_string(&text, strerror(error));
    text_string(&text, "\n");
    (void)text_write(&text, STDERR_FILENO);
}

/* The file is made at once, so that a path that does not work is told of while somebody listens. */
static bool path_works(void) {
    int fd;
    int error = os_absolute_path(options.summary, path) ? os_append_open(path, &fd) : ENAMETOOLONG;
    if (error != 0) {
        complain(error);
        return false;
    }
    (void)os_file_close(fd);
    return true;
}

RUNS_ONCE void summary_start(void) {
    if (!is_wanted()) {
        return;
    }
    int saved = errno;
    if (strcmp(options.summary, "stderr") == 0) {
        kept_stderr_start();
    } else if (!path_works()) {
        options.summary = "";
    }
    if (is_wanted()) {
        statistics_follow_peak();
    }
    errno = saved;
}

/* --- the text --------------------------------------------------------------------------------- */

static struct text *part_with_room(void) {
    return parts[0].length + LINE <= TEXT_CAPACITY ? &parts[0] : &parts[1];
}

static void number_line(const char *key, size_t number) {
    struct text *text = part_with_room();
    text_string(text, key);
    text_string(text, ": ");
    text_decimal(text, number);
    text_string(text, "\n");
}

static void peak_line(struct text *text, size_t bytes, size_t objects) {
    text_string(text, ": live_bytes_at_peak=");
    text_decimal(text, bytes);
    text_string(text, " objects=");
    text_decimal(text, objects);
    text_string(text, "\n");
}

static void title(void) {
    text_string(&parts[0], "cairn summary of pid ");
    text_decimal(&parts[0], os_process_id());
    text_string(&parts[0], " (");
    text_string(&parts[0], program_invocation_short_name);
    text_string(&parts[0], ")\n");
}

static void totals(const struct cairn_heap_stats *peak) {
    struct cairn_heap_stats now;
    statistics_count(&now);
    number_line("live_bytes_at_peak", peak->live_bytes);
    number_line("peak_rss_bytes", os_peak_resident_bytes());
    number_line("returned_bytes", now.purged_bytes);
    number_line("mapped_bytes", now.mapped_bytes);
    number_line("metadata_bytes", statistics_metadata_bytes());
    number_line("live_bytes_at_exit", now.live_bytes);
}

static void classes(const struct cairn_heap_stats *peak) {
    for (unsigned c = 0; c < peak->class_count; c++) {
        const struct cairn_class_stats *class = &peak->classes[c];
        if (class->live_objects != 0) {
            struct text *text = part_with_room();
            text_string(text, "class ");
            text_decimal(text, class->object_bytes);
            peak_line(text, class->live_bytes, class->live_objects);
        }
    }
    struct text *text = part_with_room();
    text_string(text, "large");
    peak_line(text, peak->large_live_bytes, peak->large_objects);
}

/* --- where it goes ---------------------------------------------------------------------------- */

/* One system call, so that summaries of several processes in one file do not mix. */
static int write_parts(int fd) {
    struct iovec pieces[PARTS];
    for (int i = 0; i < PARTS; i++) {
        pieces[i] = (struct iovec){parts[i].bytes, parts[i].length};
    }
    ssize_t written;
    do {
        written = writev(fd, pieces, PARTS);
    } while (written < 0 && errno == EINTR);
    return written < 0 ? errno : 0;
}

static int append(void) {
    int fd;
    int error = os_append_open(path, &fd);
    if (error == 0) {
        error = write_parts(fd);
        (void)os_file_close(fd);
    }
    return error;
}

RUNS_ONCE void summary_write(void) {
    static struct cairn_heap_stats peak;
    if (!is_wanted()) {
        return;
    }
    int saved = errno;
    statistics_peak(&peak);
    title();
    totals(&peak);
    classes(&peak);
    int error = path[0] == '\0' ? write_parts(kept_stderr()) : append();
    if (error != 0) {
        complain(error);
    }
    errno = saved;
}
