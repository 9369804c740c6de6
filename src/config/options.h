/* The options in effect.  Which there are says the table in <cairn/options.h>; everything here is
 * made from it.
 *
 * Before options_read() each has its default, which is 0 for all that are no text. */
#ifndef CAIRN_CONFIG_OPTIONS_H
#define CAIRN_CONFIG_OPTIONS_H

#include <cairn/options.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* With the zero byte: of a text, as long as a path may be; of an option's name and default. */
enum { OPTION_TEXT_SIZE = 4096, OPTION_NAME_SIZE = 24, OPTION_FALLBACK_SIZE = 8 };

enum option_type { OPTION_TEXT, OPTION_SWITCH, OPTION_NUMBER, OPTION_SIZE };

/* Texts of its own and no pointers, which would have to be relocated as each process starts. */
struct option {
    enum option_type type;
    uint32_t offset;                     /* in struct options */
    char variable[OPTION_NAME_SIZE];     /* name of the environment variable */
    char fallback[OPTION_FALLBACK_SIZE]; /* default, as one would write it there */
};

#define OPTION_FIELD_TEXT(name)                                const char *name;
#define OPTION_FIELD_SWITCH(name)                              bool name;
#define OPTION_FIELD_NUMBER(name)                              size_t name;
#define OPTION_FIELD_SIZE(name)                                size_t name;
#define OPTION_FIELD(name, type, variable, fallback, sentence) OPTION_FIELD_##type(name)
struct options {
    CAIRN_OPTIONS(OPTION_FIELD)
};

#define OPTION_INDEX(name, type, variable, fallback, sentence) OPTION_INDEX_##name,
enum { CAIRN_OPTIONS(OPTION_INDEX) OPTION_COUNT };

extern const struct option option_table[OPTION_COUNT];
extern struct options options;

/* Fills in `options` from what look_up() knows by the names of the variables (NULL: not set).  A
 * value that makes no sense is left out, and on the descriptor `complaints` a line says why.
 * Allocates nothing. */
void options_read(const char *(*look_up)(const char *variable), int complaints);

/* NAME=value of each option, separated by blanks. */
void options_describe(struct text *text);

#endif
