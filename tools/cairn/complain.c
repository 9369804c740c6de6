#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"

static void print(const char *format, va_list arguments) {
    fputs("cairn: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print(format, arguments);
    va_end(arguments);
}

void fail(int status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print(format, arguments);
    va_end(arguments);
    exit(status);
}
