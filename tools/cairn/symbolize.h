/* Reports with functions, files and lines in the place of addresses. */
#ifndef CAIRN_TOOLS_SYMBOLIZE_H
#define CAIRN_TOOLS_SYMBOLIZE_H

#include <stdbool.h>
#include <stdio.h>

/* Copies a line of a report to `out`, text or JSON, with what is known about the addresses in it;
 * any other line as it is.  Says whether it was the first line of a report. */
bool symbolize_line(char *line, FILE *out);

/* Symbolizes what arrives at the descriptor, on stderr, until its other end is closed or the
 * process has ended: `process` is a descriptor of it, or -1. */
void symbolize_from(int fd, int process);

#endif
