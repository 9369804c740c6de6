/* CAIRN_GUARD_EDGES: each object of the profile `debug` at the edge of its own pages.
 *
 *   after    it ends where a page begins that nobody may touch, as far as its alignment lets it
 *   before   it begins where such a page ends
 *
 * The memory is a slot's (slots.h), of which there are EDGES_MAX, or SLOTS_MAX where the kernel
 * needs mappings for them: those are bounded.  Freed objects stay untouchable until some thousand
 * others were freed since.  What there is no slot for, or is larger, is an object like without the
 * option; the first time that there is no slot is said on stderr.
 *
 * The profile's lock is held, except where said otherwise. */
#ifndef CAIRN_GUARD_EDGES_H
#define CAIRN_GUARD_EDGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known;

enum { EDGES_MAX = 1 << 17 };

/* Reads the option; once, before there is an object.  What makes no sense is complained about, and
 * so is that there is no address space for slots. */
void edges_start(void);

/* An object whose slot is the caller's until slot_publish().  False: it has to be another one. */
bool edges_take(size_t size, size_t alignment, struct known *known);

/* The object of a slot that begins at `address`, or contains it, also if it was freed.  False:
 * there is none.  Without the lock the answer may be old by the time it is there. */
bool edges_find(uintptr_t address, struct known *known);
bool edges_find_around(uintptr_t address, struct known *known);

/* Calls visit() for each live one until it returns false; returns that. */
bool edges_each_live(bool (*visit)(const struct known *known, void *argument), void *argument);

/* The memory that leads to all of them, without being the program's. */
void edges_each_own(void (*visit)(void *address, size_t size));

/* The bytes around the object in its pages.  False: some are not what they were. */
bool edges_are_whole(const struct known *known);

/* Reports that they are not, without the lock. */
void edges_report(const char *function, const struct known *known);

#endif
