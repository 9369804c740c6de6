/* What the library does for all object caches; see <cairn/object_cache.h> for one. */
#ifndef CAIRN_REGIONS_OBJECT_CACHE_H
#define CAIRN_REGIONS_OBJECT_CACHE_H

#include <cairn/object_cache.h>

/* Once, after threads_start() and before registry_start(), as locks are taken at a fork in the
 * reverse order: from now on trimming reaps caches. */
void object_cache_start(void);

#endif
