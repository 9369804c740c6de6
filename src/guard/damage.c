#include "guard/damage.h"

#include "core/report.h"

_Noreturn void damage_behind(const char *function, uintptr_t object, size_t room) {
    struct text text;
    report_begin(&text, function, object);
    text_string(&text, "something wrote past the end of this object of size class ");
    text_decimal(&text, room);
    report_end(&text);
}

_Noreturn void damage_around(const char *function, uintptr_t object, size_t size,
                             ptrdiff_t offset) {
    struct text text;
    report_begin(&text, function, object);
    if (offset < 0) {
        text_string(&text, "something wrote ");
        text_decimal(&text, (uint64_t)-offset);
        text_string(&text, " bytes before the start");
    } else {
        text_string(&text, "something wrote ");
        text_decimal(&text, (uint64_t)offset - size);
        text_string(&text, " bytes past the end");
    }
    text_string(&text, " of this object of ");
    text_decimal(&text, size);
    text_string(&text, " bytes");
    report_end(&text);
}

_Noreturn void damage_after_free(const char *function, uintptr_t object, size_t room) {
    const char *bytes = (const char *)object;
    size_t first = 0;
    while (first + 1 < room && bytes[first] == 0) {
        first++;
    }
    struct text text;
    report_begin(&text, function, object);
    text_string(&text, "something wrote to byte ");
    text_decimal(&text, first);
    text_string(&text, " of an object of size class ");
    text_decimal(&text, room);
    text_string(&text, " after it was freed");
    report_end(&text);
}
