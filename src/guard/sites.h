/* Call sites by file and line, as <cairn/debug.h> has the compiler note them: each once, under a
 * number.
 *
 * The text is copied: a library that is unloaded takes its own with it.  What is kept stays until
 * the process ends; memory comes from the system as it is needed, and is bounded. */
#ifndef CAIRN_GUARD_SITES_H
#define CAIRN_GUARD_SITES_H

#include "core/report.h"

enum { SITES_MAX = 1 << 14, SITE_TEXT_BYTES = 2 << 20 };

/* Its number, the same for the same file and line; 0: there is no room any more.  The profile's
 * lock is held. */
uint32_t sites_keep(const char *file, uint32_t line);

/* Any time.  A number of 0 gives a site of no file. */
struct site sites_find(uint32_t id);

#endif
