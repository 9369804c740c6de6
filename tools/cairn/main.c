/* The command cairn: finds the sub-command in a table and calls it. */
#include <cairn/options.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

static int help_main(int argc, char **argv);
static int options_main(int argc, char **argv);
static int version_main(int argc, char **argv);

static const struct command commands[] = {
    {"run", "run a program with cairn as its malloc", run_main},
    {"symbolize", "add functions, files and lines to a report", symbolize_main},
    {"options", "list the environment variables that the library reads", options_main},
    {"version", "print the version", version_main},
    {"help", "explain a command, or list them all", help_main},
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static const struct command *find_command(const char *name) {
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static int call_command(const struct command *command, int argc, char **argv) {
    char name[64];
    snprintf(name, sizeof name, "cairn %s", command->name);
    argv[0] = name;
    return command->main(argc, argv);
}

static void print_commands(FILE *out) {
    fputs("Usage: cairn COMMAND [ARGS...]\n\n", out);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].purpose);
    }
    fputs("\n'cairn help COMMAND' says more about one of them.\n", out);
}

/* At exit, as argp ends the process by itself when it has printed its help. */
void finish_output(void) {
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) != 0 || failed) {
        complain("cannot write: %s", strerror(errno));
        _exit(STATUS_FAILED);
    }
}

static void take_at_most(int most, int argc, char **argv) {
    if (argc - 1 > most) {
        fail(STATUS_FAILED, "%s is given '%s', which it does not take; leave it out", argv[0],
             argv[most + 1]);
    }
}

static int help_main(int argc, char **argv) {
    take_at_most(1, argc, argv);
    if (argc < 2) {
        print_commands(stdout);
        return 0;
    }
    const struct command *command = find_command(argv[1]);
    if (command == NULL) {
        fail(STATUS_FAILED, "there is no command '%s'; 'cairn help' lists them", argv[1]);
    }
    if (command->main != run_main && command->main != symbolize_main) {
        printf("cairn %s: %s\n", command->name, command->purpose);
        return 0;
    }
    char option[] = "--help";
    char *arguments[] = {NULL, option, NULL};
    return call_command(command, 2, arguments);
}

static int options_main(int argc, char **argv) {
    take_at_most(0, argc, argv);
#define PRINT(name, type, variable, fallback, sentence) \
    printf("%s (default '%s')\n    %s\n", variable, fallback, sentence);
    CAIRN_OPTIONS(PRINT)
#undef PRINT
    return 0;
}

static int version_main(int argc, char **argv) {
    take_at_most(0, argc, argv);
    puts("cairn " CAIRN_VERSION);
    return 0;
}

int main(int argc, char **argv) {
    (void)atexit(finish_output);
    if (argc < 2) {
        print_commands(stderr);
        return STATUS_FAILED;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0) {
        name = "help";
    } else if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    const struct command *command = find_command(name);
    if (command == NULL) {
        fail(STATUS_FAILED, "there is no command '%s'; 'cairn help' lists them", name);
    }
    return call_command(command, argc - 1, argv + 1);
}
