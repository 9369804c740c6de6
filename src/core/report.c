#include "core/report.h"

#include <stdlib.h>
#include <string.h>

#include "os/os.h"

static void describe_class(struct text *text, const char *before, size_t size) {
    text_string(text, before);
    text_string(text, " of size class ");
    text_decimal(text, size);
}

static void describe_offset(struct text *text, const struct finding *finding) {
    text_string(text, "pointer ");
    text_decimal(text, finding->address - finding->object);
    text_string(text, " bytes into ");
}

static void describe_start(struct text *text, const struct finding *finding) {
    text_string(text, " that starts at ");
    text_address(text, finding->object);
}

/* Whether the call was meant to end the object's life; by the names that are not: realloc,
 * reallocarray, malloc_usable_size and cairn's own of them, recalloc and expand. */
static int frees(const char *function) {
    return strstr(function, "realloc") == NULL && strstr(function, "recalloc") == NULL &&
           strstr(function, "usable_size") == NULL && strstr(function, "expand") == NULL;
}

static void describe(struct text *text, const char *function, const struct finding *finding) {
    switch (finding->what) {
    case FOUND_FREE:
        describe_class(text,
                       frees(function) ? "double free of an object" : "use after free of an object",
                       finding->size);
        break;
    case FOUND_INTERIOR:
        describe_offset(text, finding);
        describe_class(text, "an object", finding->size);
        describe_start(text, finding);
        break;
    case FOUND_TAIL:
        describe_class(text, "pointer behind the last object of a slab", finding->size);
        break;
    case FOUND_LARGE_BODY:
        describe_offset(text, finding);
        text_string(text, "a large object of ");
        text_decimal(text, finding->size);
        text_string(text, " bytes");
        describe_start(text, finding);
        break;
    case FOUND_RELEASED:
        text_string(text, "pointer into memory that was released");
        break;
    case FOUND_LIVE:
    case FOUND_FOREIGN:
        text_string(text, "pointer that cairn never allocated");
        break;
    }
}

void report_begin(struct text *text, const char *function, uintptr_t address) {
    text->length = 0;
    text_string(text, "cairn: ");
    text_string(text, function);
    text_string(text, "(");
    text_address(text, address);
    text_string(text, "): ");
}

_Noreturn void report_end(struct text *text) {
    text_string(text, "; thread ");
    text_decimal(text, os_thread_id());
    text_string(text, "\n");
    (void)text_write(text, 2);
    abort();
}

_Noreturn void report_bad_pointer(const char *function, const struct finding *finding) {
    struct text text;
    report_begin(&text, function, finding->address);
    describe(&text, function, finding);
    report_end(&text);
}

_Noreturn void report_wrong_size(const char *function, uintptr_t object, size_t usable,
                                 size_t size) {
    struct text text;
    report_begin(&text, function, object);
    text_string(&text, "an object of ");
    text_decimal(&text, usable);
    text_string(&text, " usable bytes was called one of ");
    text_decimal(&text, size);
    text_string(&text, "; give the size that it was allocated with");
    report_end(&text);
}

_Noreturn void report_misuse(const char *function, const void *argument, const char *what) {
    struct text text;
    report_begin(&text, function, (uintptr_t)argument);
    text_string(&text, what);
    report_end(&text);
}
