/* The anchor: where everything that an inspector needs lies, in a live process or a core file.
 *
 * The library exports one constant object, `cairn_anchor`.  Found by its name in the symbol table,
 * or by its magic in the memory of a process that has none, it gives the addresses of the heap's
 * tables and the layout of what is in them, so that an inspector needs neither the library's
 * headers nor its debug information, and no help from the process: it reads memory, for example
 * with process_vm_readv().  What a running process changes meanwhile is read as it is at that
 * moment.
 *
 * Addresses and "bytes" are what they say; every other number in a layout is a field's distance in
 * bytes from the start of its structure, with the field's type behind it.  u8 ... u64 are unsigned
 * little-endian integers; "pointer" is a u64.
 *
 * HOW TO FIND ALL OBJECTS
 *   1. regions: `count` entries from `regions`; memory is in use between base and base + committed.
 *   2. The descriptors of the window of an address (2^window_shift bytes) lie in a leaf:
 *        distance = u64 at chunk_map + leaf_distance + 8 * (address >> window_shift)
 *        leaf     = chunk_map + distance          (distance 0: cairn has nothing in this window)
 *        chunk    = leaf + leaf.chunks + chunk.bytes * i
 *        shared   = leaf + leaf.shared + shared.bytes * i
 *        block    = leaf + leaf.blocks + block.bytes * j
 *      with i = (address mod 2^window_shift) >> chunk_shift, and j likewise with block_shift.
 *   3. A chunk of 2^chunk_shift bytes is taken if its bit in block.free is 0.  A slab or a large
 *      object begins there if its kind is CAIRN_CHUNK_SLAB or CAIRN_CHUNK_LARGE, its owner is not
 *      0 and its start is its address.
 *   4. Slab: the entry size_classes + size_class.bytes * class says how large objects are,
 *      slab.capacity how many there are, and slab.chunks how many chunks it has: the further ones
 *      are of kind CAIRN_CHUNK_BODY.
 *      Object i is at start + i * size.  With w = i / 64 and b = i mod 64 it is
 *      free if bit b is set in freed or avail of the pair at chunk.words + slab_word.bytes * w, or
 *      in the u64 at shared.remote + 8 * w (another thread's free, which the owner has not seen
 *      yet); otherwise it is live.
 *      Large object: large_bytes usable bytes from start on. */
#ifndef CAIRN_ANCHOR_H
#define CAIRN_ANCHOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN_ANCHOR_MAGIC "cairn\0\0\1" /* 8 bytes, without the one that ends the literal */

/* A newer version may add fields at the end, which `bytes` tells; if it changes the meaning of any,
 * the magic changes too. */
#define CAIRN_ANCHOR_VERSION 2

enum cairn_chunk_kind {
    CAIRN_CHUNK_NEVER = 0,    /* never used */
    CAIRN_CHUNK_RELEASED = 1, /* was used */
    CAIRN_CHUNK_SLAB = 2,
    CAIRN_CHUNK_LARGE = 3, /* the first of a large object; its further ones are not marked */
    CAIRN_CHUNK_BODY = 5   /* a further one of a slab */
};

enum cairn_heap_state {
    CAIRN_HEAP_ACTIVE = 1, /* of a running thread */
    CAIRN_HEAP_PARKED = 2, /* its thread has ended */
    CAIRN_HEAP_LOST = 3,   /* its thread did not survive a fork */
    CAIRN_HEAP_SHARED = 4  /* a first-class heap (heap.h), of no thread */
};

/* A slab's owner is the heap at heap_origin + (owner & ~CAIRN_OWNER_TAGS). */
#define CAIRN_OWNER_TAGS 63
#define CAIRN_OWNER_FULL 1 /* a tag: no object is free, or who frees the next is to look */
#define CAIRN_OWNER_EMPTIED \
    32 /* a tag: other threads have freed all objects, whatever the bits say */

struct cairn_anchor {
    char magic[8];
    uint32_t version;
    uint32_t bytes; /* of this structure */
    uint64_t self;  /* its own address in the process */
    char library_version[24];

    struct {
        uint32_t chunk_shift, block_shift, window_shift, address_bits;
        uint32_t class_count;
    } geometry;

    struct {
        uint64_t chunk_map;
        uint64_t regions;
        uint64_t size_classes; /* class_count entries of size_class.bytes */
        uint64_t first_heap;   /* where the pointer to the first heap is */
        uint64_t heap_origin;  /* what owners of slabs are distances from */
        uint64_t totals;
    } address;

    struct {
        uint32_t bytes;
        uint32_t leaf_distance; /* u64 for each window */
    } chunk_map;

    struct {
        uint32_t bytes;
        uint32_t chunks, shared, blocks; /* arrays for the whole window */
    } leaf;

    struct {
        uint32_t bytes;
        uint32_t owner;                     /* u64 */
        uint32_t start;                     /* u64 */
        uint32_t words;                     /* pointer: pairs, see slab_word */
        uint32_t large_bytes, large_chunks; /* u64 */
        uint32_t kind, class_index;         /* u8 */
        uint32_t fresh; /* u16: objects from this one on were never handed out */
    } chunk;

    struct {
        uint32_t bytes;
        uint32_t remote;  /* pointer to u64 for each word of the bitmap */
        uint32_t summary; /* u64 */
    } shared;

    struct {
        uint32_t bytes;
        uint32_t avail, freed; /* u64: free objects, the bin's and the others */
    } slab_word;

    struct {
        uint32_t bytes;
        uint32_t address;     /* u64 */
        uint32_t free, dirty; /* u64: a bit for each chunk */
    } block;

    struct {
        uint32_t entry_bytes;
        uint32_t base, reserved, committed; /* u64, in an entry */
        uint32_t entries;                   /* array, in the table */
        uint32_t count;                     /* u64, in the table */
    } regions;

    struct {
        uint32_t bytes;
        uint32_t size;     /* u32 */
        uint32_t capacity; /* u16: of a slab of one chunk */
        uint32_t words;    /* u8 */
    } size_class;

    struct {
        uint32_t bytes;
        uint32_t next;   /* pointer, NULL in the last one */
        uint32_t thread; /* u32: thread id of its present or last owner */
        uint32_t state;  /* u32: enum cairn_heap_state */
        uint32_t bins;   /* array of class_count */
        uint32_t refills, slabs_created, slabs_released, slabs_adopted, remote_frees; /* u64 */
    } heap;

    struct {
        uint32_t bytes;
        uint32_t avail; /* pointer to the u64 of objects that the thread has ready: bit i stands for
                           the one at base + i * size */
        uint32_t base;  /* u64 */
        uint32_t size;  /* u32 */
    } bin;

    struct {
        uint32_t taken, taken_peak, dirty; /* u64: chunks */
        uint32_t purged_bytes;             /* u64 */
    } totals;

    /* From version 2 on: of a chunk that is the first of a slab. */
    struct {
        uint32_t chunks;   /* u8: that the slab has */
        uint32_t capacity; /* u16: objects that it has room for */
    } slab;
};

extern const struct cairn_anchor cairn_anchor;

#ifdef __cplusplus
}
#endif

#endif
