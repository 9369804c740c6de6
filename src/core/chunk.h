/* Descriptors: everything the allocator knows about a chunk of 32 KiB, outside the chunk.
 *
 * Two halves of one cache line each.  `struct chunk` is what malloc, free and the owner use;
 * `struct chunk_shared` is what other threads write when they free into a slab, so that they do
 * not take the owner's line away.  The chunk map (chunk_map.h) finds both from any address.
 *
 * Kinds and who may write:
 *   CHUNK_NEVER     all zero; never given out
 *   CHUNK_RELEASED  was given out once, belongs to the block allocator now
 *   CHUNK_SLAB      its owner's thread writes; or, while that heap is parked, whoever holds the
 *                   registry lock
 *   CHUNK_LARGE     first chunk of a large object; who allocates, reallocates or frees it writes
 *                   (its further chunks are not marked: object.c searches for the head)
 *   CHUNK_SPARE     in no use, kept by a heap (spare.h); who puts it there or takes it out
 *                   writes
 *   CHUNK_BODY      a further chunk of a wide slab; who writes to its head writes.  It repeats what
 *                   malloc and free look at (owner, reciprocal, words, start, class, capacity), so
 *                   that they need not know; all else is at the head, chunk_of(start), but
 *                   `purged`, which is each chunk's own */
#ifndef CAIRN_CORE_CHUNK_H
#define CAIRN_CORE_CHUNK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/owner_word.h"
#include "core/geometry.h"
#include "os/os.h"

enum chunk_kind {
    CHUNK_NEVER = 0,
    CHUNK_RELEASED = 1,
    CHUNK_SLAB = 2,
    CHUNK_LARGE = 3,
    CHUNK_SPARE = 4,
    CHUNK_BODY = 5
};

/* Values of chunk.owner.  A heap's distance (see heap.h) means: a slab of that heap that needs
 * nothing special, and is the one value that free's fast path accepts.  All others end in its
 * slow path; so does OWNER_NONE for a thread without a heap, whose distance is 0 too, as the
 * reciprocal is 0 then. */
#define OWNER_NONE ((uintptr_t)0) /* nobody: never given out, or released */
#define OWNER_FULL \
    ((uintptr_t)1) /* added to the distance: no object is free, and in no queue; or queued and
                      watched (holes.h).  The next free is to be slow */
#define OWNER_WATCHED \
    ((uintptr_t)16) /* added to OWNER_FULL: it is queued, and may have free objects */
#define OWNER_EMPTIED \
    ((uintptr_t)32) /* added to OWNER_FULL: nothing is live, and nobody uses it any more; see
                       reclaim.h.  Who frees the last object writes it.  Alone: somebody is giving
                       its chunks back */
#define OWNER_LARGE ((uintptr_t)2) /* a large object; who changes it to OWNER_NONE has freed it */
#define OWNER_WAITS \
    ((uintptr_t)4) /* a large object that was freed; an interceptor keeps its chunks for a while */

/* The bitmap of a slab: two bits for each object, in pairs of words for 64 objects.
 *
 *   avail   free, and next to be handed out: malloc takes bits from here.  Only the word that a bin
 *           points at has any.
 *   freed   free, not to be handed out yet: free puts bits here.  Bits at and above the slab's
 *           capacity belong to no object and are set for ever, so that freeing there looks like a
 *           double free.
 *
 *   free = avail | freed;   avail & freed = 0
 *   no object is live and no bin has any  <=>  all bits of all the slab's words `freed` are set
 *
 * Two words and not one, as a word that malloc and free both change is a chain of dependent
 * loads and stores from each call to the next: it cost a quarter of the time of a program that
 * allocates and frees in turn. One pair is inside the descriptor; more lie in the metadata
 * tables. */
struct slab_word {
    owner_word avail;
    owner_word freed;
};

struct shared_heap;

struct chunk {
    _Atomic(uintptr_t)
        owner;           /* see OWNER_...; owner writes (the adopter, under the registry lock) */
    uint64_t reciprocal; /* slab: size_class.reciprocal; otherwise 0 */
    union {
        struct slab_word
            *words; /* slab: &one, or size_class.words of them in the metadata tables */
        struct shared_heap *_Atomic holder; /* large: the first-class heap that it is of, or NULL */
    };
    uintptr_t start; /* address of the slab or of the large object's first chunk */
    union {
        struct slab_word one;
        struct {
            /* large: usable bytes, a multiple of the page size; atomic, as who looks at a heap
             * reads them of objects that others resize */
            _Atomic(size_t) bytes;
            size_t chunks; /* large: chunks taken */
        } large;
    };
    _Atomic(uint8_t) kind; /* enum chunk_kind */
    uint8_t class;         /* slab: index into size_classes */
    bool zeroed;           /* slab: objects at and above `fresh` read as zero */
    union {
        uint8_t cursor; /* slab: word of the bitmap that its bin took from last */
        uint8_t moves;  /* large: how often its pages were moved; its mappings are as many and one
                           more at most */
    };
    uint16_t fresh; /* slab: objects at and above it have never been handed out */
    union {
        bool queued;       /* slab: in its bin's queue */
        bool is_protected; /* large: its guard pages are mappings of their own */
    };
    uint8_t scan; /* slab: word of the bitmap at which the search for free objects goes on */
    bool noted;   /* chunk_shared.notes is in use; who writes that writes it */
    /* For holes.h, of a slab: */
    uint8_t purged;       /* pages of it that were given back, or wait for that, and of which no
                             object was handed out since: bit p is the p-th */
    uint16_t live_before; /* objects that were live when it was last looked at */
    /* large: of an object between guard pages (a profile other than `fast`) */
    union {
        uint16_t
            capacity; /* slab: its objects, as many as fit (slab_whole_capacity()) but where a guard
                              page takes the place of the last ones: slab_guarded_capacity() */
        uint16_t lead; /* pages from the chunk's start to the object; 0: it has no guard pages */
    };
    union {
        uint8_t chunks; /* slab: 1, or size_class.chunks, whose descriptors are neighbours */
        uint16_t slack; /* large: bytes of its last page that nobody asked for; 65535 at most, as
                           pages are */
    };
};

struct chunk_shared {
    _Atomic(uint64_t)
        *remote; /* slab: &remote_one, or size_class.words words in the tables; set by owner */
    _Atomic(uint64_t) remote_one; /* any thread sets bits, the owner takes them */
    _Atomic(uint64_t) summary; /* bit w: remote word w may be non-zero; never reset with the slab */
    _Atomic(struct chunk *)
        notified;              /* link in an owner's list of slabs with remote frees; likewise */
    struct chunk *next, *prev; /* slab: the bin's queue; owner writes */
    union {
        struct {
            struct chunk *next_held, *prev_held; /* what the same first-class heap holds:
                                                    heap_books.h */
        };
        unsigned char *notes; /* if chunk.noted, which nothing of a first-class heap's is: of a
                                 slab of a closed heap, see interceptor.h, or the record of a large
                                 object */
    };
};

_Static_assert(sizeof(struct chunk) == CACHE_LINE, "one cache line");
_Static_assert(sizeof(struct chunk_shared) == CACHE_LINE, "one cache line");

/* The distance of the heap that owns a slab, whatever its tags. */
static inline uintptr_t owner_heap(uintptr_t owner) {
    return owner & ~(OWNER_FULL | OWNER_WATCHED | OWNER_EMPTIED);
}

/* relaxed: one number, with which nothing else comes. */
static inline size_t large_usable(const struct chunk *head) {
    return atomic_load_explicit(&head->large.bytes, memory_order_relaxed);
}

static inline void large_set_usable(struct chunk *head, size_t bytes) {
    atomic_store_explicit(&head->large.bytes, bytes, memory_order_relaxed);
}

/* Where a large object begins: at the start of its chunks, or behind a guard page. */
static inline uintptr_t large_address(const struct chunk *head) {
    return head->start + head->lead * os_page_size();
}

/* Bytes that its chunks have to hold: guard pages before and behind it included. */
static inline size_t large_extent(const struct chunk *head) {
    return large_usable(head) + (head->lead != 0 ? (head->lead + 1u) * os_page_size() : 0);
}

/* Of a slab. */
static inline size_t slab_bytes(const struct chunk *slab) { return slab->chunks * CHUNK_SIZE; }

/* relaxed: the value is compared with the caller's own heap only, or re-read under a lock. */
FAST_PATH uintptr_t chunk_owner(const struct chunk *chunk) {
    return atomic_load_explicit(&chunk->owner, memory_order_relaxed);
}

/* relaxed: decides only where an address is no live object's, or with the lock or ownership that
 * fixes it. */
static inline bool chunk_is(const struct chunk *chunk, enum chunk_kind kind) {
    return atomic_load_explicit(&chunk->kind, memory_order_relaxed) == kind;
}

/* The same for who looks at the owner afterwards.  acquire, and release in chunk_set_kind(): who
 * finds a slab does not find the owner of what was there before. */
static inline bool chunk_is_slab_first(const struct chunk *chunk) {
    return atomic_load_explicit(&chunk->kind, memory_order_acquire) == CHUNK_SLAB;
}

static inline void chunk_set_kind(struct chunk *chunk, enum chunk_kind kind) {
    atomic_store_explicit(&chunk->kind, (uint8_t)kind, memory_order_release);
}

#endif
