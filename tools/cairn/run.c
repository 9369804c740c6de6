/* cairn run: puts libcairn.so in front of a program's libc, by LD_PRELOAD. */
#include "run.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "library.h"
#include "program.h"
#include "reader.h"

enum { OPTION_SUMMARY = 's', OPTION_COMPARE = 'c' };

struct options {
    const char *summary; /* value of CAIRN_SUMMARY, or NULL */
    bool compare;
    char **program; /* the program and its arguments */
};

static error_t parse(int key, char *argument, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case OPTION_SUMMARY:
        options->summary = argument != NULL ? argument : "stderr";
        return 0;
    case OPTION_COMPARE:
        options->compare = true;
        return 0;
    case ARGP_KEY_ARG:
        /* The first word that is no option ends ours; all after it is the program's. */
        options->program = &state->argv[state->next - 1];
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which PROGRAM?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option option_table[] = {
    {"summary", OPTION_SUMMARY, "FILE", OPTION_ARG_OPTIONAL,
     "At the program's end the library writes what happened to FILE (by default to stderr)", 0},
    {"compare", OPTION_COMPARE, NULL, 0,
     "Run the program under libc's malloc first, its output dropped, then under cairn, both with "
     "/dev/null as input; print a table of both to stderr",
     0},
    {0},
};

static const struct argp parser = {
    .options = option_table,
    .parser = parse,
    .args_doc = "[--] PROGRAM [ARGS...]",
    .doc = "Runs PROGRAM with cairn as its malloc. What cairn finds wrong is told on stderr with "
           "functions and lines, unless CAIRN_REPORT sends it elsewhere. The exit status is that "
           "of PROGRAM; 125 if cairn "
           "fails, 126 if PROGRAM cannot be executed, 127 if it is not found.",
};

/* The program may change its directory before it ends, so the library gets an absolute path; and
 * what an earlier run wrote goes, for the library appends, one process after the other. */
static const char *prepare_summary(const char *file) {
    static char absolute[PATH_MAX];
    if (strcmp(file, "stderr") == 0) {
        return file;
    }
    int descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        fail(STATUS_FAILED, "cannot write the summary to '%s': %s", file, strerror(errno));
    }
    close(descriptor);
    if (realpath(file, absolute) == NULL) {
        fail(STATUS_FAILED, "cannot resolve '%s': %s", file, strerror(errno));
    }
    return absolute;
}

static bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

void fail_to_execute(const char *program, int reason) {
    char path[PATH_MAX];
    if (strchr(program, '/') != NULL && is_folder(program)) {
        fail(STATUS_NOT_EXECUTABLE, "cannot execute '%s': it is a directory", program);
    }
    if (!find_program(program, path)) {
        fail(STATUS_NOT_FOUND, "the program '%s' is not found", program);
    }
    if (reason == ENOENT) {
        fail(STATUS_NOT_EXECUTABLE, "the interpreter that '%s' asks for is missing", program);
    }
    fail(STATUS_NOT_EXECUTABLE, "cannot execute '%s': %s", program, strerror(reason));
}

void use_cairn(const struct preload *preload) {
    const char *others = getenv("LD_PRELOAD");
    char *value = (char *)preload->library;
    if (others != NULL && others[0] != '\0' && asprintf(&value, "%s:%s", value, others) < 0) {
        fail(STATUS_FAILED, "out of memory");
    }
    if (setenv("LD_PRELOAD", value, 1) != 0 ||
        (preload->summary != NULL && setenv("CAIRN_SUMMARY", preload->summary, 1) != 0)) {
        fail(STATUS_FAILED, "out of memory");
    }
}

int run_main(int argc, char **argv) {
    struct options options = {0};
    argp_err_exit_status = STATUS_FAILED;
    argp_parse(&parser, argc, argv, ARGP_IN_ORDER, NULL, &options);

    struct preload preload = {.library = find_library()};
    char path[PATH_MAX];
    if (!find_program(options.program[0], path)) {
        fail_to_execute(options.program[0], ENOENT);
    }
    warn_if_not_preloadable(options.program[0], path);
    if (options.summary != NULL) {
        preload.summary = prepare_summary(options.summary);
    }
    if (options.compare) {
        return compare(options.program, &preload);
    }
    use_cairn(&preload);
    start_reader();
    execvp(options.program[0], options.program);
    fail_to_execute(options.program[0], errno);
}
