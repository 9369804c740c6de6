/* The list of all regions of the process, which cairn_regions_each goes through.
 *
 * A region registers when it first holds memory and unregisters before it gives the last of it
 * back; in between, its read function may be called by any thread.  Thread-safe
 * (RANK_REGISTRY).
 *
 * After fork, regions that vanished threads had made are forgotten in the child: they may have
 * stood on stacks that are used again.  They stay usable, but are not listed. */
#ifndef CAIRN_REGIONS_REGISTRY_H
#define CAIRN_REGIONS_REGISTRY_H

#include <cairn/regions.h>

#include "base/text.h"

/* name, kind and read are filled in. */
void registry_add(struct cairn_region *region);

/* Nothing happens if it is not in the list. */
void registry_remove(struct cairn_region *region);

/* Between these two no read function runs: for a region that changes what its own goes through. */
void registry_lock(void);
void registry_unlock(void);

/* What reports call it: pool "packets", or an unnamed pool. */
void registry_describe(struct text *text, const struct cairn_region *region);

/* Once, after object_cache_start(). */
void registry_start(void);

#endif
