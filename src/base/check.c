#include "base/check.h"

#include <stdlib.h>

#include "base/text.h"

_Noreturn void check_failed(const char *expression, const char *file, int line) {
    struct text text = {0};
    text_string(&text, "cairn: internal check failed: ");
    text_string(&text, expression);
    text_string(&text, " at ");
    text_string(&text, file);
    text_string(&text, ":");
    text_decimal(&text, (uint64_t)line);
    text_string(&text, "\n");
    (void)text_write(&text, 2);
    abort();
}
