#include "config/options.h"

#include <string.h>

#include "base/compiler.h"

#define INITIAL_TEXT(name, fallback)                      .name = (fallback),
#define INITIAL_SWITCH(name, fallback)                    .name = false,
#define INITIAL_NUMBER(name, fallback)                    .name = 0,
#define INITIAL_SIZE(name, fallback)                      .name = 0,
#define INITIAL(name, type, variable, fallback, sentence) INITIAL_##type(name, fallback)
struct options options = {CAIRN_OPTIONS(INITIAL)};

/* Texts as they were when they were read: the environment may change.  Of those that nobody sets no
 * page is touched. */
static char texts[OPTION_COUNT][OPTION_TEXT_SIZE];

#define ENTRY(name, type, variable, fallback, sentence) \
    {OPTION_##type, offsetof(struct options, name), variable, fallback},
const struct option option_table[OPTION_COUNT] = {CAIRN_OPTIONS(ENTRY)};

#define FITS(name, type, variable, fallback, sentence)           \
    _Static_assert(sizeof(variable) <= OPTION_NAME_SIZE &&       \
                       sizeof(fallback) <= OPTION_FALLBACK_SIZE, \
                   "struct option has room for " variable);
CAIRN_OPTIONS(FITS)

static void *field_of(const struct option *option) { return (char *)&options + option->offset; }

/* NULL, or what a value must be. */
RUNS_ONCE static const char *set_text(const struct option *option, const char *value) {
    size_t length = strlen(value);
    if (length >= OPTION_TEXT_SIZE) {
        return "it must be shorter than 4096 bytes";
    }
    char *text = texts[option - option_table];
    *(const char **)field_of(option) = memcpy(text, value, length + 1);
    return NULL;
}

RUNS_ONCE static const char *set_switch(bool *field, const char *value) {
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0) {
        return "it must be 0 or 1";
    }
    *field = value[0] == '1';
    return NULL;
}

/* A suffix stands for so many bits; -1: it is none. */
RUNS_ONCE static int shift_of(const char *suffix) {
    static const char suffixes[] = "KMG";
    if (suffix[0] == '\0') {
        return 0;
    }
    const char *at = strchr(suffixes, suffix[0]);
    return at != NULL && suffix[1] == '\0' ? 10 * (int)(at - suffixes + 1) : -1;
}

/* The digits at the start of *at, which moves behind them.  False: it is too large. */
RUNS_ONCE static bool read_digits(const char **at, size_t *number) {
    bool fits = true;
    for (*number = 0; **at >= '0' && **at <= '9'; ++*at) {
        fits = fits && !__builtin_mul_overflow(*number, (size_t)10, number) &&
               !__builtin_add_overflow(*number, (size_t)(**at - '0'), number);
    }
    return fits;
}

RUNS_ONCE static const char *set_number(size_t *field, const char *value) {
    size_t number;
    const char *at = value;
    bool fits = read_digits(&at, &number);
    if (at == value || *at != '\0') {
        return "it must be a whole number";
    }
    if (!fits) {
        return "it is too large";
    }
    *field = number;
    return NULL;
}

RUNS_ONCE static const char *set_size(size_t *field, const char *value) {
    size_t number;
    const char *at = value;
    bool fits = read_digits(&at, &number);
    int shift = shift_of(at);
    if (at == value || shift < 0) {
        return "it must be a number of bytes, with K, M or G behind it for KiB, MiB or GiB";
    }
    if (!fits || number > SIZE_MAX >> shift) {
        return "it is too large";
    }
    *field = number << shift;
    return NULL;
}

RUNS_ONCE static const char *set(const struct option *option, const char *value) {
    switch (option->type) {
    case OPTION_TEXT:
        return set_text(option, value);
    case OPTION_SWITCH:
        return set_switch(field_of(option), value);
    case OPTION_NUMBER:
        return set_number(field_of(option), value);
    case OPTION_SIZE:
        return set_size(field_of(option), value);
    }
    return NULL;
}

RUNS_ONCE static void set_fallback(const struct option *option) {
    if (option->type == OPTION_TEXT) {
        *(const char **)field_of(option) = option->fallback;
    } else {
        (void)set(option, option->fallback);
    }
}

RUNS_ONCE static void complain(const struct option *option, const char *value, const char *why,
                               int fd) {
    enum { SHOWN = 80 }; /* of the value: enough to recognise it */
    char start[SHOWN + 1];
    strncpy(start, value, SHOWN);
    start[SHOWN] = '\0';
    struct text text = {0};
    text_string(&text, "cairn: ");
    text_string(&text, option->variable);
    text_string(&text, "=");
    text_string(&text, start);
    text_string(&text, strlen(value) > SHOWN ? "... is ignored: " : " is ignored: ");
    text_string(&text, why);
    text_string(&text, "\n");
    (void)text_write(&text, fd);
}

RUNS_ONCE void options_read(const char *(*look_up)(const char *variable), int complaints) {
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &option_table[i];
        set_fallback(option);
        const char *value = look_up(option->variable);
        if (value == NULL || value[0] == '\0') {
            continue;
        }
        const char *why = set(option, value);
        if (why != NULL) {
            complain(option, value, why, complaints);
        }
    }
}

static void describe_value(struct text *text, const struct option *option) {
    switch (option->type) {
    case OPTION_TEXT:
        text_string(text, *(const char *const *)field_of(option));
        break;
    case OPTION_SWITCH:
        text_string(text, *(const bool *)field_of(option) ? "1" : "0");
        break;
    case OPTION_NUMBER:
    case OPTION_SIZE:
        text_decimal(text, *(const size_t *)field_of(option));
        break;
    }
}

void options_describe(struct text *text) {
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        text_string(text, i == 0 ? "" : " ");
        text_string(text, option_table[i].variable);
        text_string(text, "=");
        describe_value(text, &option_table[i]);
    }
}
