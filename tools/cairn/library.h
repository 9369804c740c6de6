/* Where libcairn.so is. */
#ifndef CAIRN_TOOLS_LIBRARY_H
#define CAIRN_TOOLS_LIBRARY_H

/* Looks beside this command, then where it is installed relative to it, then in the configured
 * library folder. Exits if there is none. */
const char *find_library(void);

#endif
