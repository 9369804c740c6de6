/* First-class heaps: a malloc of one's own, with a limit, that ends with all its objects at once.
 *
 *     const struct cairn_heap_options options = {.name = "plugin", .limit = 16 << 20};
 *     struct cairn_heap *heap = cairn_heap_create(&options);
 *     char *text = cairn_heap_strdup(heap, "as long as the plugin lives");
 *     CAIRN_WITH_HEAP(heap) {
 *         plugin_start();                    // what it allocates by malloc is the heap's
 *     }
 *     cairn_free(text);                      // as good as cairn_heap_free(heap, text), or free
 *     cairn_heap_destroy(heap);              // and all that is left of it
 *
 * When not: what dies together and is not freed one by one (an arena is many times faster); to
 * know who allocates how much (tags cost nothing).
 *
 * An object may be freed, resized and measured by free(), realloc(), malloc_usable_size() and their
 * kin as any other; realloc keeps it in its heap.  A heap takes chunks of 32 KiB for small objects,
 * one at least for each size class that it uses, and whole chunks for each of more than 32 KiB.
 * The limit counts these chunks, so a class of objects of 20 KiB uses it for 32 KiB each.  What was
 * freed is given back as in the rest of the process; one chunk of each size class stays, until the
 * limit or cairn_purge() wants it.
 *
 * A heap in memory of the caller's (cairn_heap_create_fixed) is bounded by that memory and keeps
 * everything that it knows there.  It is of another make, for up to some tens of MiB: it looks for
 * a free place from the start on, so a full one of many objects is slow.  What it can't do:
 * free() and its kin do not know its objects and report them, so cairn_heap_free() and kin it must
 * be; cairn_heap_of() does not find it, its objects can't live on (cairn_heap_delete()), and a
 * thread's malloc can't come from it (cairn_heap_enter()).
 *
 * Thread-safety: every function may be called by any thread at any time but destroy and delete.
 * They may be called while other threads' frees of the heap's objects are under way, and wait for
 * them; other calls for the heap must be over.  Freeing waits for nobody.
 * Ownership: objects are the caller's until they are freed or the heap is destroyed.  A free that
 * begins when destroy has is one of an object that is gone: it does nothing, or is reported, unless
 * something else lives there by then.
 * Errors: no memory, and a limit that is reached, are NULL with errno ENOMEM, and the heap is
 * intact.  What is no live object of the heap (freed already, inside an object, another heap's,
 * foreign), and a heap that was destroyed (as long as its memory has no other use) is reported on
 * stderr and ends the process by abort().  NULL for a heap is a SIGSEGV but in destroy and delete.
 * Cost: a lock for each malloc and free of a small object, 20 ns where the process's heap takes 3;
 * in a scope there is none and it takes the same, and the scope itself 35 ns.  A heap is 8 KiB and
 * a chunk for each size class in use, and made and destroyed in half a microsecond; destroying
 * takes time in proportion to the chunks.
 *
 * In the child of a fork heaps are usable, whatever other threads were doing; one in caller memory
 * only if no other thread was using it. */
#ifndef CAIRN_HEAP_H
#define CAIRN_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cairn/allocator.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cairn_heap;

struct cairn_heap_options {
    const char *name; /* as reports and cairn_regions_each show it; not copied; NULL: none */
    size_t limit; /* bytes that the heap may hold, in whole chunks of 32 KiB, rounded down but to
                         one at least; 0: no limit.  Unused in a fixed heap */
};

/* --- beginning and end ------------------------------------------------------------------------ */

/* Frees all objects of the heap and ends it.  Waits for frees that are under way in other threads,
 * and for scopes that other threads have open; reported: one of the calling thread's.  NULL is
 * ignored. */
void cairn_heap_destroy(struct cairn_heap *heap);

/* Ends the heap but not its objects, which are the process's from now on.  False: there is no
 * memory for that (then nothing has changed).  Reported: an open scope of the calling thread's, and
 * a fixed heap.  NULL is ignored. */
bool cairn_heap_delete(struct cairn_heap *heap);

/* Makes a heap.  options may be NULL, for all zero.  NULL with errno ENOMEM: no memory. */
CAIRN_OWNED_BY(cairn_heap_destroy)
CAIRN_OWNED_BY(cairn_heap_delete)
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_heap *cairn_heap_create(const struct cairn_heap_options *options);

/* Makes a heap in `bytes` bytes of the caller's memory, at any address, which must stay until it is
 * destroyed.  Some 200 bytes and a 64th of it are the heap's own.  It is listed by
 * cairn_regions_each if it has a name; without one it may be left undestroyed.  NULL with errno
 * ENOMEM: not even 16 bytes would be left. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_heap *cairn_heap_create_fixed(void *memory, size_t bytes,
                                           const struct cairn_heap_options *options);

/* --- the malloc family ------------------------------------------------------------------------ */

/* Ends an object's life.  NULL is ignored; errno is kept. */
void cairn_heap_free(struct cairn_heap *heap, void *pointer);

/* Who may free what the functions below return. */
#define CAIRN_HEAP_OBJECT CAIRN_OWNED_BY_PARAMETER(cairn_heap_free, 2) CAIRN_OWNED_BY(cairn_free)

/* At least `size` bytes, aligned to 16, with undefined contents; of 0 bytes it is an object too. */
CAIRN_HEAP_OBJECT
CAIRN_ATTRIBUTE(malloc, alloc_size(2), warn_unused_result)
void *cairn_heap_malloc(struct cairn_heap *heap, size_t size);

/* count * size bytes, all zero.  ENOMEM also if the product overflows. */
CAIRN_HEAP_OBJECT
CAIRN_ATTRIBUTE(malloc, alloc_size(2, 3), warn_unused_result)
void *cairn_heap_calloc(struct cairn_heap *heap, size_t count, size_t size);

/* Resizes an object of the heap and keeps what fits of its contents.  Returns its address, which
 * may be a new one.  pointer == NULL: cairn_heap_malloc(heap, size).  size == 0: frees it and
 * returns NULL, errno unchanged.  On failure the object is as it was. */
CAIRN_HEAP_OBJECT
CAIRN_ATTRIBUTE(alloc_size(3), warn_unused_result)
void *cairn_heap_realloc(struct cairn_heap *heap, void *pointer, size_t size);

/* The same for count * size bytes; ENOMEM also if the product overflows. */
CAIRN_HEAP_OBJECT
CAIRN_ATTRIBUTE(alloc_size(3, 4), warn_unused_result)
void *cairn_heap_reallocarray(struct cairn_heap *heap, void *pointer, size_t count, size_t size);

/* At an address that is a multiple of `alignment`, a power of two; the size need not be one.  NULL
 * with errno EINVAL for any other alignment. */
CAIRN_HEAP_OBJECT
CAIRN_ATTRIBUTE(malloc, alloc_align(2), alloc_size(3), warn_unused_result)
void *cairn_heap_aligned_alloc(struct cairn_heap *heap, size_t alignment, size_t size);

/* Copies of a string, which is not NULL; of its first `most` bytes and a NUL, if it is longer. */
CAIRN_HEAP_OBJECT
CAIRN_ATTRIBUTE(malloc, nonnull(2), warn_unused_result)
char *cairn_heap_strdup(struct cairn_heap *heap, const char *string);
CAIRN_HEAP_OBJECT
CAIRN_ATTRIBUTE(malloc, nonnull(2), warn_unused_result)
char *cairn_heap_strndup(struct cairn_heap *heap, const char *string, size_t most);

/* How many bytes of an object of the heap may be used.  0 for NULL. */
CAIRN_ATTRIBUTE(warn_unused_result)
size_t cairn_heap_usable_size(struct cairn_heap *heap, const void *pointer);

/* The heap behind the allocator interface, for arenas, pools, arrays and the like.  Must live
 * longer than they do.  Reported, beyond what the functions above do: an alignment that is no power
 * of two. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_allocator cairn_heap_allocator_of(struct cairn_heap *heap);

/* --- malloc in a scope ------------------------------------------------------------------------ */

struct cairn_heap_scope {
    struct cairn_heap *heap; /* NULL: not entered, or left */
    uintptr_t outer;         /* what the thread allocated from before */
};

/* From now on all that the calling thread allocates by plain malloc, operator new and so on comes
 * from the heap, at the same price.  Until it leaves it has the heap for itself: other threads that
 * want to allocate from it wait (also with realloc; not for objects of more than 32 KiB).  So do
 * not wait for them meanwhile.  Waits itself while another thread has the heap.  Scopes nest, of
 * one heap or several, and are left in the reverse of the order in which they were entered.  At the
 * end of the thread they end.  scope.heap is NULL with errno ENOMEM if the thread has no heap of
 * its own and gets none; reported: a fixed heap. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_heap_scope cairn_heap_enter(struct cairn_heap *heap);

/* The thread allocates from where it did before.  Nothing happens if it has left already.
 * Reported: a scope that another thread entered, or that has another one open within. */
void cairn_heap_leave(struct cairn_heap_scope *scope);

/* CAIRN_WITH_HEAP(heap) { ... } runs the block in such a scope, which ends by whichever way the
 * block is left but longjmp and the end of the thread or process.  If the heap can't be entered
 * (see above) the block is not run. */
#define CAIRN_WITH_HEAP(from) CAIRN_WITH_HEAP_NAMED(from, __LINE__)
#define CAIRN_WITH_HEAP_NAMED(from, line)                                                          \
    for (__attribute__((cleanup(cairn_heap_leave))) struct cairn_heap_scope CAIRN_WITH_HEAP_SCOPE( \
             line) = cairn_heap_enter(from);                                                       \
         CAIRN_WITH_HEAP_SCOPE(line).heap != NULL; cairn_heap_leave(&CAIRN_WITH_HEAP_SCOPE(line)))
#define CAIRN_WITH_HEAP_SCOPE(line)  CAIRN_WITH_HEAP_PASTED(line)
#define CAIRN_WITH_HEAP_PASTED(line) cairn_heap_scope_##line

/* --- looking ---------------------------------------------------------------------------------- */

/* The heap that a live object is of; NULL for one of the process's heap or of a fixed heap, and any
 * other address whatsoever. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_heap *cairn_heap_of(const void *pointer);

/* Whether an address, any whatsoever, is that of a live object of this heap. */
CAIRN_ATTRIBUTE(warn_unused_result)
bool cairn_heap_contains(struct cairn_heap *heap, const void *pointer);

/* As it was given; "" if it was not. */
CAIRN_ATTRIBUTE(warn_unused_result, returns_nonnull)
const char *cairn_heap_name(const struct cairn_heap *heap);

struct cairn_heap_figures {
    size_t objects; /* live */
    size_t used;    /* their bytes, as cairn_heap_usable_size() has them; used <= held */
    size_t slabs;   /* chunks for small objects; 0 in a fixed heap, as the next one */
    size_t large;   /* objects of more than 32 KiB */
    size_t held;    /* bytes taken from the process's memory; of a fixed heap: its memory */
    size_t peak;    /* the most that held has been; of a fixed heap: used */
    size_t limit;   /* that held can't exceed; 0: none */
};

/* Counts: takes time in proportion to the heap.  Frees and allocations that other threads are just
 * at are in it or not. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_heap_figures cairn_heap_statistics(struct cairn_heap *heap);

/* Calls visit(context, object, usable bytes) for every live object, and returns how many times.
 * The calling thread has the heap for itself meanwhile, as in a scope.  A visit may free the object
 * that it gets; it must not allocate from the heap or free others of it.  Objects that other
 * threads free meanwhile may be shown.  0 with errno ENOMEM as cairn_heap_enter(). */
size_t cairn_heap_walk(struct cairn_heap *heap,
                       void (*visit)(void *context, void *object, size_t bytes), void *context);

#ifdef __cplusplus
}
#endif

#endif
