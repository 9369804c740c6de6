/* A log that grows by mapping: no buffer, no write, no flush at the end.
 *
 *     log_file FILE        appends three lines and shows the whole log
 *
 * A line is copied into the mapped file and is safe at that moment: if the process is killed after
 * it, the kernel still has it and writes it to the disk.  The file grows in steps ahead of what is
 * used, and is cut to what is used when the log is closed.  If that never happens, zeros are left
 * at its end, which the next start finds. */
#include <stdio.h>

#include <cairn/map.h>
#include <cairn/str.h>

enum { STEP = 1 << 16 };
static const size_t most = (size_t)64 << 30; /* address space, which is free: the log never moves */

struct log {
    struct cairn_map map;
    size_t used;
};

static struct cairn_map_error log_open(struct log *log, const char *path) {
    struct cairn_map_error error = cairn_map_file(&log->map, path, CAIRN_MAP_CREATE, most);
    log->used = cairn_map_failed(error) ? 0 : log->map.size;
    while (log->used > 0 && log->map.data[log->used - 1] == '\0') {
        log->used--;
    }
    return error;
}

static struct cairn_map_error log_append(struct log *log, struct cairn_slice line) {
    if (line.length > log->map.size - log->used) {
        struct cairn_map_error error = cairn_map_resize(&log->map, log->used + line.length + STEP);
        if (cairn_map_failed(error)) {
            return error; /* a full disk shows here, and not as a signal in memcpy */
        }
    }
    memcpy(log->map.data + log->used, line.bytes, line.length);
    log->used += line.length;
    return (struct cairn_map_error){0};
}

static struct cairn_map_error log_close(struct log *log) {
    struct cairn_map_error error = cairn_map_resize(&log->map, log->used);
    struct cairn_map_error closing = cairn_map_close(&log->map);
    return cairn_map_failed(error) ? error : closing;
}

static struct cairn_map_error log_visits(struct log *log) {
    static const char *const pages[] = {"/index.html", "/cairn.html", "/missing.html"};
    struct cairn_map_error error = {0};
    struct cairn_str line = {0};
    for (int i = 0; i < 3 && !cairn_map_failed(error); i++) {
        cairn_str_clear(&line);
        cairn_str_printf(&line, "%zu GET %s %d\n", log->used, pages[i], i == 2 ? 404 : 200);
        error = log_append(log, cairn_str_slice(&line));
    }
    cairn_str_destroy(&line);
    return error;
}

static int complain(const char *path, struct cairn_map_error error) {
    char text[200];
    fprintf(stderr, "%s: %s\n", path, cairn_map_explain(error, text, sizeof text));
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: log_file FILE\n");
        return 2;
    }
    struct log log;
    struct cairn_map_error error = log_open(&log, argv[1]);
    if (cairn_map_failed(error)) {
        return complain(argv[1], error);
    }
    error = log_visits(&log);
    fwrite(log.map.data, 1, log.used, stdout);
    struct cairn_map_error closing = log_close(&log);
    if (cairn_map_failed(error)) {
        return complain(argv[1], error);
    }
    return cairn_map_failed(closing) ? complain(argv[1], closing) : 0;
}
