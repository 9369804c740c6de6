/* Arena: memory for objects that die together.
 *
 *     struct cairn_arena arena = {0};
 *     struct node *node = cairn_arena_new(&arena, struct node);
 *     char *label = cairn_arena_printf(&arena, "node %d", 7);
 *     cairn_arena_destroy(&arena);
 *
 * Taking memory moves a pointer up; giving it back is one call for all of it, or for all since a
 * mark.  There are three kinds, which differ in where the memory is:
 *
 *   growing   in chunks from the heap or another allocator, each as large as all before it
 *   fixed     in a buffer of the caller's: no call to the system, NULL when it is full
 *   reserved  in one range of addresses that becomes memory as it is used: all is contiguous, so
 *             the last object can grow in place to the size of the range
 *
 * When not: objects that die one by one (cairn_malloc, or a pool if all have one size); several
 * threads that fill one arena (cairn/shared_arena.h); temporary memory inside a function
 * (cairn/scratch.h has an arena ready for each thread).
 *
 * Threads: an arena belongs to one thread at a time.  Its figures in cairn_regions_each may be read
 * by any.
 * Ownership: the arena owns what it gives; nothing in it is freed singly.  It must not be copied or
 * moved while it is in use, and is destroyed before the memory or the allocator below it ends.
 * Errors: NULL (or false) if there is no memory, and then the arena is as it was; errno is not
 * promised.  What can only be a mistake (an alignment that is not a power of two, a mark of another
 * arena, resizing what is not or no longer in it, use after destroy) is reported on stderr and ends
 * the process by abort().  A NULL arena is a SIGSEGV.
 * Cost: 5 instructions to take memory aligned to 8 or less, 7 for more, if the size is a constant;
 * 8 if it is not.  At the end of a chunk less is lost than the object needs that did not fit.
 *
 * A program built with AddressSanitizer, or that runs under Valgrind, sees what is free in an
 * arena, and the gaps that are then left between its objects, as poisoned; each call is slower
 * there.
 *
 * The idea is Hanson's (Fast allocation and deallocation of memory based on object lifetimes,
 * 1990), with the marks of obstacks. */
#ifndef CAIRN_ARENA_H
#define CAIRN_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cairn/allocator.h>
#include <cairn/regions.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CAIRN_ARENA_GRAIN = 8,       /* every object starts at a multiple of it */
    CAIRN_ARENA_INLINE = 1 << 30 /* larger sizes and alignments take the way that checks overflow */
};

struct cairn_arena_chunk;

/* All zero is a growing arena over the heap without a name.  Written by the functions here only;
 * what other threads read for statistics is stored atomically.
 *
 *   begin <= next <= end            in the current chunk: up to next is used, from there free
 *   bound == end + 1                or 0: no chunk yet, destroyed, or a checker of memory looks on
 *   used == used_before + next - begin
 *   used + wasted <= reserved       (growing: headers of chunks are reserved too) */
struct cairn_arena {
    uintptr_t next;                  /* the first free byte; a multiple of CAIRN_ARENA_GRAIN */
    uintptr_t bound;                 /* what `next` must stay below */
    uintptr_t begin;                 /* the current chunk's first byte for objects */
    uintptr_t end;                   /* its last one + 1; of a reserved arena what is committed */
    uintptr_t dirty;                 /* from here to end, but not below next, all bytes are zero */
    struct cairn_arena_chunk *chunk; /* growing: the current one, which leads to all; else NULL */
    size_t used_before;              /* in the chunks before the current one */
    size_t wasted;                   /* at their ends */
    size_t reserved;                 /* bytes in chunks, in the buffer, or committed */
    size_t peak;                     /* the most that used was, as of the last time it fell */
    uintptr_t limit;                 /* reserved: the end of the range */
    const struct cairn_allocator *allocator; /* growing: where chunks come from; NULL: the heap */
    unsigned kind;
    struct cairn_region region;
};

/* A place in an arena's history. */
struct cairn_mark {
    struct cairn_arena_chunk *chunk;
    uintptr_t next;
};

struct cairn_arena_figures {
    size_t used;     /* bytes in objects, with what alignment costs */
    size_t wasted;   /* bytes at the ends of chunks that were too few for the next object */
    size_t reserved; /* bytes held: chunks in use and spare ones, the buffer, committed memory */
    size_t peak;     /* the most that used has been */
};

/* --- making and ending ------------------------------------------------------------------------ */

/* A growing arena; it takes no memory before the first object. name: as cairn_regions_each
 * shows it, NULL for none; not copied, as neither is the allocator (NULL: the heap).  This and the
 * other two write over whatever was there: an arena in use is destroyed first. */
void cairn_arena_init(struct cairn_arena *arena, const char *name,
                      const struct cairn_allocator *allocator);

/* An arena in memory of the caller's, which may have any alignment and size, also none.  It is
 * listed by cairn_regions_each if it has a name.  Without a name, and without AddressSanitizer
 * or Valgrind, it may be left undestroyed. */
void cairn_arena_init_fixed(struct cairn_arena *arena, const char *name, void *memory, size_t size);

/* An arena that has `size` bytes of address space (rounded up to pages), of which only what is used
 * becomes memory: 64 GiB are fine on a small machine.  False if the system refuses (a limit on
 * address space, say), or size is 0; then the arena is a destroyed one. */
CAIRN_ATTRIBUTE(warn_unused_result)
bool cairn_arena_init_reserved(struct cairn_arena *arena, const char *name, size_t size);

/* Gives everything back.  The arena may be initialised anew; any other use of it, a second destroy
 * too, is reported. */
void cairn_arena_destroy(struct cairn_arena *arena);

/* --- taking memory ---------------------------------------------------------------------------- */

/* What the inline functions call for all that is unusual. */
CAIRN_ATTRIBUTE(malloc, alloc_size(2), alloc_align(3), warn_unused_result)
void *cairn_arena_allocate_slow(struct cairn_arena *arena, size_t size, size_t alignment);
void cairn_arena_rewind_slow(struct cairn_arena *arena, struct cairn_mark mark);

/* size bytes with undefined contents.  alignment: any power of two.  Of 0 bytes: an address that is
 * not NULL and has no bytes. */
CAIRN_ATTRIBUTE(alloc_size(2), alloc_align(3), warn_unused_result)
static inline void *cairn_arena_allocate(struct cairn_arena *arena, size_t size, size_t alignment) {
    const uintptr_t grain = CAIRN_ARENA_GRAIN;
    uintptr_t start = arena->next;
    if (alignment > grain) {
        start = (start + alignment - 1) & ~(alignment - 1);
    }
    /* The same sum twice: the first is an addition if the size is a constant, the second is the
     * shorter one if not.  Below CAIRN_ARENA_INLINE it does not overflow: no address of a
     * program is that near to the top. */
    uintptr_t after = __builtin_constant_p(size) ? start + ((size + grain - 1) & ~(grain - 1))
                                                 : (start + size + grain - 1) & ~(grain - 1);
    if (__builtin_expect(size <= CAIRN_ARENA_INLINE && alignment - 1 < CAIRN_ARENA_INLINE &&
                             (alignment & (alignment - 1)) == 0 && after < arena->bound,
                         1)) {
        __atomic_store_n(&arena->next, after, __ATOMIC_RELAXED);
        return (void *)start;
    }
    return cairn_arena_allocate_slow(arena, size, alignment);
}

/* The same, all zero.  Memory that the system has just given to a reserved arena is not cleared
 * again. */
CAIRN_ATTRIBUTE(alloc_size(2), alloc_align(3), warn_unused_result)
static inline void *cairn_arena_allocate_zeroed(struct cairn_arena *arena, size_t size,
                                                size_t alignment) {
    void *object = cairn_arena_allocate(arena, size, alignment);
    if (object != NULL && (uintptr_t)object < arena->dirty) {
        size_t unknown = arena->dirty - (uintptr_t)object;
        memset(object, 0, size < unknown ? size : unknown);
    }
    return object;
}

/* An array of count * size bytes; NULL also if the product overflows. */
CAIRN_ATTRIBUTE(alloc_size(2, 3), alloc_align(4), warn_unused_result)
static inline void *cairn_arena_allocate_array(struct cairn_arena *arena, size_t count, size_t size,
                                               size_t alignment) {
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes)
               ? NULL
               : cairn_arena_allocate(arena, bytes, alignment);
}

/* One object of a type, and an array of it; contents undefined, and no constructor is run. */
#define cairn_arena_new(arena, type) \
    CAIRN_POINTER(type, cairn_arena_allocate((arena), sizeof(type), CAIRN_ALIGNOF(type)))
#define cairn_arena_new_zeroed(arena, type) \
    CAIRN_POINTER(type, cairn_arena_allocate_zeroed((arena), sizeof(type), CAIRN_ALIGNOF(type)))
#define cairn_arena_array(arena, type, count) \
    CAIRN_POINTER(type,                       \
                  cairn_arena_allocate_array((arena), (count), sizeof(type), CAIRN_ALIGNOF(type)))

/* Sees to it that the next `size` bytes come without asking the heap or the system, at one address
 * after the other.  False if there is no memory for it. */
CAIRN_ATTRIBUTE(warn_unused_result)
bool cairn_arena_reserve(struct cairn_arena *arena, size_t size);

/* Resizes an object of old_size bytes, the size and the alignment that it was last asked for with.
 * The arena's last object grows and shrinks where it is as long as its chunk permits; others shrink
 * where they are and grow by moving, which leaves their old bytes unused.
 * pointer == NULL: cairn_arena_allocate.  size == 0: takes the last object back, and does nothing
 * for any other; returns NULL.  Without memory NULL, and the object is as it was.  Reported: bytes
 * that are not the arena's, or not any more since a rewind, a reset or a smaller size. */
CAIRN_ATTRIBUTE(alloc_size(4), alloc_align(5))
void *cairn_arena_resize(struct cairn_arena *arena, void *pointer, size_t old_size, size_t size,
                         size_t alignment);

/* --- strings ---------------------------------------------------------------------------------- */

/* Copies: of `size` bytes (of 0 from anywhere, NULL too); of a string; of the first `most` bytes of
 * a string at most, which need not be ended there.  The copy of a string is ended, the string is
 * not NULL. */
CAIRN_ATTRIBUTE(alloc_size(3), alloc_align(4), warn_unused_result)
void *cairn_arena_copy(struct cairn_arena *arena, const void *bytes, size_t size, size_t alignment);
CAIRN_ATTRIBUTE(warn_unused_result)
char *cairn_arena_string(struct cairn_arena *arena, const char *string);
CAIRN_ATTRIBUTE(warn_unused_result)
char *cairn_arena_string_n(struct cairn_arena *arena, const char *string, size_t most);

/* As sprintf, into exactly as much of the arena as it takes.  NULL also for a wrong format, and for
 * 2 GiB or more, which printf can't count. */
CAIRN_ATTRIBUTE(format(printf, 2, 3), warn_unused_result)
char *cairn_arena_printf(struct cairn_arena *arena, const char *format, ...);
CAIRN_ATTRIBUTE(format(printf, 2, 0), warn_unused_result)
char *cairn_arena_vprintf(struct cairn_arena *arena, const char *format, va_list arguments);

/* --- giving memory back ----------------------------------------------------------------------- */

/* Where the arena is now.  A mark is a value; it need not be rewound to, and marks nest.  That of a
 * destroyed arena is good for nothing, which the rewind reports. */
CAIRN_ATTRIBUTE(warn_unused_result)
static inline struct cairn_mark cairn_arena_mark(const struct cairn_arena *arena) {
    struct cairn_mark mark = {arena->chunk, arena->next};
    return mark;
}

/* Ends all objects made since the mark; chunks stay with the arena for what comes next.  An
 * older object that has grown in place since loses what it grew by.  A mark older than an
 * earlier rewind's is as good as that one.  One that an earlier rewind or reset has gone back
 * behind is not to be used: it is reported where that shows, and never leaves the arena broken. */
static inline void cairn_arena_rewind(struct cairn_arena *arena, struct cairn_mark mark) {
    size_t in_chunk = arena->next - arena->begin;
    if (__builtin_expect(arena->bound != 0 && mark.chunk == arena->chunk &&
                             mark.next - arena->begin <= in_chunk,
                         1)) {
        if (arena->used_before + in_chunk > arena->peak) {
            __atomic_store_n(&arena->peak, arena->used_before + in_chunk, __ATOMIC_RELAXED);
        }
        if (arena->next > arena->dirty) {
            arena->dirty = arena->next;
        }
        __atomic_store_n(&arena->next, mark.next, __ATOMIC_RELAXED);
        return;
    }
    cairn_arena_rewind_slow(arena, mark);
}

/* Ends all objects; the memory stays with the arena for the next ones. */
void cairn_arena_reset(struct cairn_arena *arena);

/* Gives back what is behind the last object: spare chunks to the allocator, pages of a reserved
 * arena to the system.  Returns the bytes; 0 for a fixed arena. */
size_t cairn_arena_trim(struct cairn_arena *arena);

/* --- looking ---------------------------------------------------------------------------------- */

struct cairn_arena_figures cairn_arena_statistics(const struct cairn_arena *arena);

/* Whether an address, any whatsoever, is in memory that the arena has handed out. */
CAIRN_ATTRIBUTE(warn_unused_result)
bool cairn_arena_owns(const struct cairn_arena *arena, const void *address);

/* The arena for whoever takes a struct cairn_allocator; good as long as the arena is.  What is
 * released through it comes back as cairn_arena_resize says. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_allocator cairn_arena_allocator(struct cairn_arena *arena);

#ifdef __cplusplus
}
#endif

#endif
