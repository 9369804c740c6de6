/* Size classes: which object sizes slabs are cut into.
 *
 * Multiples of 16 up to 128 bytes, then eight classes to a doubling up to 2 KiB, so that
 * rounding up wastes at most 12.5 % (and 15 bytes).  Above that what counts is how many objects
 * a slab of 32 KiB holds: for 15, 14, ... 8 of them the largest multiple of 64 that fits; a
 * class between two of these would waste at the slab's end what it saves in the object.  Above
 * 4 KiB slabs are wide (geometry.h) where a heap has more than a few objects, with 8 to 12 of
 * them, and there are four classes to a doubling: what is rounded up is mostly pages that nobody
 * touches.  And a fifth, the largest multiple of 16 of which a wide slab holds 15, which is a
 * fifteenth above each power of two: many programs keep a page, or two or four, with a header of
 * their own.  SQLite's pages of 4 KiB are objects of 4,368 bytes, which is just this class.  A
 * request of 0 bytes takes the smallest class.
 *
 *   class  0 ..  7:  size = 16 * (c + 1)
 *   class  8 .. 39:  size = (9 + (c - 8) % 8) << (4 + (c - 8) / 8)
 *   class 40 .. 47:  size = 32768 / (55 - c), rounded down to 64
 *   class 48 .. 62, with d = (c - 48) / 5 and p = (c - 48) % 5:
 *                    size = p != 0 ? (4 + p) << (10 + d) : (65536 << d) / 15, rounded down to 16
 *
 * All tables are constants: they need no initialisation and lie in read-only memory. */
#ifndef CAIRN_CORE_SIZE_CLASS_H
#define CAIRN_CORE_SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

#include "core/geometry.h"

enum {
    CLASS_COUNT = 63,
    WIDE_FROM_CLASS = 48, /* from this one on slabs may be wide */
    SLAB_MAX = 32768,     /* the largest object in a slab, in bytes */
    /* The largest of which a slab of one chunk has two.  What takes slabs of one chunk only, has no
     * use for larger ones. */
    NARROW_MAX = 16384,
    NARROW_CLASS_COUNT = 58,
    GRANULE = 16,      /* sizes are multiples of it, and so is every alignment */
    BIN_STRIDE_LOG = 5 /* a bin is 32 bytes: heap.h asserts it */
};

struct size_class {
    uint64_t reciprocal; /* ceil(2^64 / size): see object_index() in slab.h */
    uint32_t size;       /* of an object, in bytes */
    uint16_t capacity;   /* objects in a slab of one chunk: floor(32 KiB / size) */
    uint8_t words; /* of its bitmap: a bit for each multiple of size, also behind the last object; a
                      wide slab has one as well */
    uint8_t chunks;  /* of a wide slab; 1: there are none */
    uint8_t handful; /* a bin gets objects within so many places of the first */
    uint8_t worth;   /* so many used objects make a word worth going to: fewer do not pay the way */
};

extern const struct size_class size_classes[CLASS_COUNT];

enum { SLAB_MOST_WORDS = CHUNK_SIZE / GRANULE / 64 }; /* of the longest bitmap */

enum { SIZE_TABLE_LENGTH = SLAB_MAX / GRANULE + 1 };

#endif
