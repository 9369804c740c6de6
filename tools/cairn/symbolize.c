/* cairn symbolize: adds functions, files and lines to reports. */
#include "symbolize.h"

#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "symbols.h"

/* Something about the report could not be found out; the rest was. */
enum { STATUS_INCOMPLETE = 1 };

/* --- text ------------------------------------------------------------------------------------- */

/* "    0x55d0c8a011d4 /usr/bin/program+0x11d4 (build-id 8f3c...)" */
struct frame {
    const char *path;
    unsigned long offset;
    const char *build_id; /* or "" */
};

/* Takes a line apart, from its end, as a path may contain anything.  False: it is no frame. */
static bool take_apart(char *line, struct frame *frame) {
    static const char before_id[] = " (build-id ";
    char *path = strncmp(line, "    0x", 6) == 0 ? strchr(line + 6, ' ') : NULL;
    if (path == NULL) {
        return false;
    }
    path++;
    frame->build_id = "";
    size_t length = strlen(path);
    char *id = NULL;
    for (char *at = path; (at = strstr(at, before_id)) != NULL; at++) {
        id = at;
    }
    if (id != NULL && path[length - 1] == ')') {
        path[length - 1] = '\0';
        *id = '\0';
        frame->build_id = id + sizeof before_id - 1;
    }
    char *plus = strrchr(path, '+');
    if (plus == NULL || strncmp(plus, "+0x", 3) != 0) {
        return false;
    }
    *plus = '\0';
    frame->path = path;
    frame->offset = strtoul(plus + 1, NULL, 16);
    return true;
}

static void print_source(const struct source *source, const struct frame *frame, FILE *out) {
    fprintf(out, "    %s", source->function != NULL ? source->function : "?");
    if (source->file != NULL) {
        fprintf(out, " at %s:%d", source->file, source->line);
    }
    fprintf(out, " in %s+0x%lx\n", frame->path, frame->offset);
}

static void symbolize_frame(char *line, FILE *out) {
    struct source sources[SOURCES_MAX];
    struct frame frame;
    char *whole = strdup(line);
    size_t count = whole != NULL && take_apart(line, &frame)
                       ? symbols_find(frame.path, frame.build_id, frame.offset, sources)
                       : 0;
    for (size_t i = 0; i < count; i++) {
        print_source(&sources[i], &frame, out);
    }
    if (count == 0 && whole != NULL) {
        fprintf(out, "%s\n", whole);
    }
    free(whole);
}

/* --- JSON, as the library writes it ----------------------------------------------------------- */

/* The string value of a member of the object that begins at `object`; NULL: there is none.  What
 * is escaped is resolved. */
static char *member(const char *object, const char *end, const char *name) {
    char key[32];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(object, key);
    if (at == NULL || at > end) {
        return NULL;
    }
    at += strlen(key);
    char *value = malloc((size_t)(end - at) + 1);
    size_t length = 0;
    while (value != NULL && at < end && *at != '"') {
        if (strncmp(at, "\\u00", 4) == 0) {
            char digits[] = {at[4], at[5], '\0'};
            value[length++] = (char)strtoul(digits, NULL, 16);
            at += 6;
        } else {
            at += *at == '\\';
            value[length++] = *at++;
        }
    }
    if (value != NULL) {
        value[length] = '\0';
    }
    return value;
}

static void print_json_string(const char *string, FILE *out) {
    fputc('"', out);
    for (; *string != '\0'; string++) {
        if (*string == '"' || *string == '\\') {
            fputc('\\', out);
        }
        if ((unsigned char)*string < ' ') {
            fprintf(out, "\\u%04x", *string);
        } else {
            fputc(*string, out);
        }
    }
    fputc('"', out);
}

/* ,"source":[{"function":"f","file":"f.c","line":7}] from the inside out. */
static void print_json_sources(const struct source *sources, size_t count, FILE *out) {
    fputs(",\"source\":[", out);
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? "{\"function\":" : ",{\"function\":", out);
        print_json_string(sources[i].function != NULL ? sources[i].function : "?", out);
        if (sources[i].file != NULL) {
            fputs(",\"file\":", out);
            print_json_string(sources[i].file, out);
            fprintf(out, ",\"line\":%d", sources[i].line);
        }
        fputc('}', out);
    }
    fputc(']', out);
}

/* Where the object ends that begins at `object` and holds strings only. */
static const char *end_of_object(const char *object) {
    bool in_string = false;
    for (const char *at = object; *at != '\0'; at++) {
        if (in_string && *at == '\\' && at[1] != '\0') {
            at++;
        } else if (*at == '"') {
            in_string = !in_string;
        } else if (*at == '}' && !in_string) {
            return at;
        }
    }
    return NULL;
}

static void symbolize_json(const char *line, FILE *out) {
    static const char frame_start[] = "{\"address\":\"";
    const char *done = line;
    for (const char *at = line; (at = strstr(at, frame_start)) != NULL; at++) {
        const char *end = end_of_object(at);
        if (end == NULL) {
            break;
        }
        char *path = member(at, end, "module");
        char *offset = member(at, end, "offset");
        char *build_id = member(at, end, "build_id");
        if (path != NULL && offset != NULL) {
            struct source sources[SOURCES_MAX];
            size_t count = symbols_find(path, build_id != NULL ? build_id : "",
                                        strtoul(offset, NULL, 16), sources);
            fprintf(out, "%.*s", (int)(end - done), done);
            print_json_sources(sources, count, out);
            done = end;
        }
        free(path);
        free(offset);
        free(build_id);
    }
    fprintf(out, "%s\n", done);
}

/* ---------------------------------------------------------------------------------------------- */

static bool starts_with(const char *line, const char *text) {
    return strncmp(line, text, strlen(text)) == 0;
}

/* Of a finding, or of what is told of leaks. */
static bool begins_report(const char *line) {
    return (starts_with(line, "cairn: ") && strstr(line, "; thread ") != NULL) ||
           starts_with(line, "cairn: leaks: ");
}

bool symbolize_line(char *line, FILE *out) {
    if (strncmp(line, "{\"message\":\"cairn: ", 19) == 0) {
        symbolize_json(line, out);
        return true;
    }
    if (strncmp(line, "    0x", 6) == 0) {
        symbolize_frame(line, out);
    } else if (strncmp(line, "  'cairn symbolize' ", 20) == 0) {
        /* The hint has been followed; what stands behind it is another one. */
        const char *more = strchr(line, ';');
        if (more != NULL) {
            fprintf(out, " %s\n", more + 1);
        }
    } else {
        fprintf(out, "%s\n", line);
    }
    return begins_report(line);
}

static error_t parse(int key, char *argument, struct argp_state *state) {
    const char **file = state->input;
    if (key != ARGP_KEY_ARG) {
        return ARGP_ERR_UNKNOWN;
    }
    if (*file != NULL) {
        argp_error(state, "only one FILE can be read");
    }
    *file = argument;
    return 0;
}

static const struct argp parser = {
    .parser = parse,
    .args_doc = "[FILE]",
    .doc = "Copies FILE, or its input, to its output, and puts functions, files and lines in the "
           "place of the addresses in cairn's reports, text or JSON. The exit status is 1 if a "
           "program or library of a report is missing or was changed, or no line was found; 125 "
           "if FILE cannot be read or has no report.",
};

/* Whether there is more to read: waits until there is, the other end is closed, or what `process`
 * stands for has ended with nothing left. */
static bool wait_for_more(int fd, int process) {
    struct pollfd waits[2] = {{.fd = fd, .events = POLLIN}, {.fd = process, .events = POLLIN}};
    while (poll(waits, 2, -1) < 0 && errno == EINTR) {}
    return waits[0].revents != 0;
}

void symbolize_from(int fd, int process) {
    char *line = NULL;
    size_t length = 0;
    while (wait_for_more(fd, process)) {
        char piece[4096];
        ssize_t n = read(fd, piece, sizeof piece);
        char *longer = n > 0 ? realloc(line, length + (size_t)n + 1) : NULL;
        if (longer == NULL) {
            break;
        }
        line = longer;
        memcpy(line + length, piece, (size_t)n);
        length += (size_t)n;
        line[length] = '\0';
        char *start = line;
        for (char *end; (end = memchr(start, '\n', length)) != NULL; start = end + 1) {
            *end = '\0';
            length -= (size_t)(end + 1 - start);
            (void)symbolize_line(start, stderr);
        }
        memmove(line, start, length + 1);
        fflush(stderr);
    }
    if (length != 0) {
        (void)symbolize_line(line, stderr); /* of who was killed in the middle of it */
        fflush(stderr);
    }
    free(line);
}

static unsigned symbolize_all(FILE *in, FILE *out) {
    unsigned reports = 0;
    char *line = NULL;
    size_t room = 0;
    for (ssize_t length; (length = getline(&line, &room, in)) > 0;) {
        if (line[length - 1] == '\n') {
            line[length - 1] = '\0';
        }
        reports += symbolize_line(line, out);
    }
    free(line);
    return reports;
}

int symbolize_main(int argc, char **argv) {
    const char *name = NULL;
    argp_err_exit_status = STATUS_FAILED;
    argp_parse(&parser, argc, argv, 0, NULL, &name);
    FILE *in = name == NULL ? stdin : fopen(name, "r");
    if (in == NULL) {
        fail(STATUS_FAILED, "cannot read '%s': %s", name, strerror(errno));
    }
    unsigned reports = symbolize_all(in, stdout);
    name = name == NULL ? "the input" : name;
    if (ferror(in)) {
        fail(STATUS_FAILED, "cannot read '%s': %s", name, strerror(errno));
    }
    finish_output();
    if (reports == 0) {
        fail(STATUS_FAILED, "there is no report of cairn's in %s", name);
    }
    if (symbols_trouble() == 0 && !symbols_had_lines()) {
        complain("no line is known of any address; compile the program with -g");
        return STATUS_INCOMPLETE;
    }
    return symbols_trouble() == 0 ? 0 : STATUS_INCOMPLETE;
}
