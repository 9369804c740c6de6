/* From an address in a file to functions, files and lines, by the file's debug information. */
#ifndef CAIRN_TOOLS_SYMBOLS_H
#define CAIRN_TOOLS_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>

/* Where an address is in the source.  Strings are good until the process ends. */
struct source {
    const char *function; /* or NULL */
    const char *file;     /* or NULL; then line is 0 */
    int line;
};

enum { SOURCES_MAX = 16 };

/* Finds the function that contains the call before `offset`, a return address, in the file `path`;
 * if it was inlined, also those that it was inlined into, from the inside out.  Returns how many
 * there are; 0: nothing is known.  `build_id`: hexadecimal, or "".
 *
 * What is wrong with a file is said once, on stderr, and then counted in symbols_trouble(). */
size_t symbols_find(const char *path, const char *build_id, unsigned long offset,
                    struct source sources[SOURCES_MAX]);

/* How many files were missing, unreadable or of another build; and whether any address had a
 * line. */
unsigned symbols_trouble(void);
bool symbols_had_lines(void);

#endif
