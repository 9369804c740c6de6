/* One row per promised behaviour of the allocation functions. The rows live in the conformance_*.c
 * files by subject; conformance.c runs them. */
#ifndef CAIRN_TESTS_FRONT_CONFORMANCE_H
#define CAIRN_TESTS_FRONT_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>

/* From which glibc on its malloc shows the same behaviour (238 = 2.38). */
enum {
    ALWAYS = 0,       /* every glibc that is supported: the row must pass there too */
    CAIRN_ONLY = 9999 /* glibc does not promise it */
};

struct row {
    const char *name;
    bool (*check)(void);
    int glibc_since;
};

struct rows {
    const char *subject;
    const struct row *row;
    size_t count;
};

extern const struct rows rows_failure, rows_zero, rows_content, rows_aligned, rows_info, rows_sized;

/* Print why a row does not hold; gives false so that a check can end with it. */
bool row_fails(int line, const char *what);

#define HOLDS(condition)                            \
    do {                                            \
        if (!(condition)) {                         \
            return row_fails(__LINE__, #condition); \
        }                                           \
    } while (0)

#define ROWS(name, subject_text, ...)                       \
    static const struct row name##_table[] = {__VA_ARGS__}; \
    const struct rows name = {subject_text, name##_table,   \
                              sizeof name##_table / sizeof name##_table[0]}

#endif
