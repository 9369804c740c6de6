/* Whether the bytes of an object of the profile `debug`, and around it, are what they have to be.
 *
 *   live    the canary behind it, or the margins of its slot (edges.h)
 *   free    FILL_FREED, from when it was freed for the first time
 *   before it, in a slab, lies its neighbour's canary, or the end of a free neighbour
 *
 * The profile's lock is held, but for what reports. */
#ifndef CAIRN_GUARD_SOUNDNESS_H
#define CAIRN_GUARD_SOUNDNESS_H

#include <stdbool.h>
#include <stddef.h>

#include "guard/record.h"

bool is_filled(const void *memory, size_t size, unsigned char fill);

/* Of a live object: what is behind it. */
bool end_is_whole(const struct known *known);

/* Of any; a live one's end, or a free one's fill. */
bool is_sound(const struct known *known);

/* Reports one that is not. */
void report_damage(const char *function, const struct known *known);

/* What the bytes right before an object say, and of what *before they are. */
enum before { BEFORE_WHOLE, BEFORE_OVERFLOWN, BEFORE_WRITTEN };
enum before look_before(const struct known *known, struct known *before);

/* Reports that they were OVERFLOWN, as it seems by the object before, or WRITTEN. */
void report_before(const char *function, enum before what, const struct known *known,
                   const struct known *before);

/* The first of all objects that is not sound; false: all are. */
bool find_unsound(struct known *known);

#endif
