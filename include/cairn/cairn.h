/* cairn: a memory system for C programs on Linux.
 *
 * A program that is linked with the library, or runs with it in LD_PRELOAD, has its malloc, free,
 * operator new and so on from cairn.  The functions here are the same heap under names of its own:
 * an object of either family may be freed, resized and measured by the other.
 *
 * Sizes are bytes.  Objects are aligned to 16 bytes at least, belong to the caller until it frees
 * them, and may be freed by any thread.  Every function may be called by any thread at any time,
 * also before constructors and after destructors, but not by a signal handler.
 *
 * Freeing, resizing or measuring what is not the address of a live object (freed already, inside an
 * object, never allocated) is reported on stderr and ends the process by abort(). */
#ifndef CAIRN_CAIRN_H
#define CAIRN_CAIRN_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CAIRN_ATTRIBUTE(...) __attribute__((__VA_ARGS__))
#else
#define CAIRN_ATTRIBUTE(...)
#endif

/* Says of a function that what it returns must be given to another one, `release`, as its
 * parameter `index`: gcc then finds what is never given back, and what is given back otherwise.
 * At run time free() does as well as cairn_free() in a program that has its malloc from cairn; gcc
 * does not know that, and says so. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#define CAIRN_OWNED_BY_PARAMETER(release, index) __attribute__((malloc(release, index)))
#else
#define CAIRN_OWNED_BY_PARAMETER(release, index)
#endif
#define CAIRN_OWNED_BY(release) CAIRN_OWNED_BY_PARAMETER(release, 1)

/* Ends an object's life.  NULL is ignored; errno is kept. */
void cairn_free(void *pointer);

/* An object of at least `size` bytes with undefined contents; of 0 bytes it is an object too.  NULL
 * with errno ENOMEM if there is no memory or size > PTRDIFF_MAX. */
CAIRN_OWNED_BY(cairn_free)
CAIRN_ATTRIBUTE(malloc, alloc_size(1), warn_unused_result)
void *cairn_malloc(size_t size);

/* An array of count * size bytes, all zero.  NULL with errno ENOMEM also if the product overflows.
 */
CAIRN_OWNED_BY(cairn_free)
CAIRN_ATTRIBUTE(malloc, alloc_size(1, 2), warn_unused_result)
void *cairn_calloc(size_t count, size_t size);

/* Resizes an object to `size` bytes; what fits of its contents is kept.  Returns its new address,
 * which may be the old one; the old one is not to be used any more.  pointer == NULL:
 * cairn_malloc(size).  size == 0: frees the object and returns NULL, errno unchanged.  On failure
 * NULL with errno ENOMEM, and the object is as it was. */
CAIRN_OWNED_BY(cairn_free)
CAIRN_ATTRIBUTE(alloc_size(2), warn_unused_result)
void *cairn_realloc(void *pointer, size_t size);

/* An object whose address is a multiple of `alignment`, a power of two; size need not be a multiple
 * of it.  NULL with errno EINVAL for any other alignment, ENOMEM as above. */
CAIRN_OWNED_BY(cairn_free)
CAIRN_ATTRIBUTE(malloc, alloc_align(1), alloc_size(2), warn_unused_result)
void *cairn_aligned_alloc(size_t alignment, size_t size);

/* --- beyond C ------------------------------------------------------------------------------- */

/* Resizes an object to `size` bytes where it is, or says that it can't be done there and leaves it
 * as it was.  A large object gives back or takes on pages behind it; one of up to 32 KiB has room
 * for cairn_usable_size() bytes, and a smaller size frees nothing.  False for NULL; a size of 0 is
 * as 1.  errno is not promised. */
CAIRN_ATTRIBUTE(warn_unused_result)
bool cairn_expand(void *pointer, size_t size);

struct cairn_sized {
    void *pointer;
    size_t size; /* bytes usable; 0 if there is no object */
};

/* cairn_malloc and cairn_usable_size in one call, at the price of the first: what is rounded up is
 * told and not lost.  pointer is NULL with errno ENOMEM as above. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_sized cairn_malloc_at_least(size_t size);

/* cairn_realloc of an array to count * size bytes, of which the first old_count * size keep their
 * contents and the rest is zero.  Memory that comes fresh from the system is not cleared again.
 * (The old count is asked for as only the program knows what it has written: OpenBSD's
 * recallocarray.)  pointer == NULL: cairn_calloc(count, size).  count or size == 0: frees the
 * object and returns NULL.  On failure, also if count * size overflows, NULL with errno ENOMEM,
 * and the object is as it was.  An old count that the object can't have had is reported and ends
 * the process by abort(). */
CAIRN_OWNED_BY(cairn_free)
CAIRN_ATTRIBUTE(alloc_size(3, 4), warn_unused_result)
void *cairn_recalloc(void *pointer, size_t old_count, size_t count, size_t size);

/* cairn_free of an object of which the program believes that it has `size` bytes: any that it asked
 * for, resized it to or was told to be usable.  More than it has is reported and ends the process
 * by abort(), for then the object is another one or was written beyond its end.  Finds mistakes;
 * saves no time.  NULL is ignored, with any size. */
void cairn_free_sized(void *pointer, size_t size);

/* Puts `count` objects as cairn_malloc(size) gives them into pointers[0] and so on.  Returns how
 * many: all, or with errno ENOMEM those for which there was memory, which are the caller's like any
 * others.  Their addresses mostly follow each other.  Several times as fast as one by one, if they
 * are small.  A size of 0 is one, as for cairn_malloc; of 0 objects `pointers` may be NULL. */
CAIRN_ATTRIBUTE(warn_unused_result)
size_t cairn_malloc_batch(size_t size, size_t count, void **pointers);

/* Frees pointers[0] to pointers[count - 1]: objects of any size, from any thread and in any order;
 * NULL is ignored.  Several times as fast as one by one where neighbours in memory are neighbours
 * in the array, as cairn_malloc_batch() gives them; else about as fast.  A pointer that cairn_free
 * would report is reported, and so is an object that is in the array twice.  The array is not
 * written; with a count of 0 it may be NULL. */
void cairn_free_batch(void *const *pointers, size_t count);

/* --- looking, giving back ------------------------------------------------------------------- */

/* How many bytes of an object the program may use: at least what was asked for, and always the same
 * until it is resized.  0 for NULL. */
CAIRN_ATTRIBUTE(warn_unused_result)
size_t cairn_usable_size(const void *pointer);

/* How many bytes an object of `size` bytes will have usable, of 0 bytes too: asking for that many
 * wastes nothing.  0 if no object can be that large. */
CAIRN_ATTRIBUTE(const, warn_unused_result)
size_t cairn_good_size(size_t size);

/* Whether an address, any address whatsoever, is that of a live object of this heap, so that
 * freeing it is right.  Another thread that frees the object at the same time makes the answer
 * worthless. */
CAIRN_ATTRIBUTE(warn_unused_result)
bool cairn_is_mine(const void *address);

/* Gives back to the system what can be given back now, also inside partly used slabs: of all free
 * memory that no thread holds, of the calling thread, and of threads that have ended; of other
 * threads the free chunks that they have at hand.  Returns how many bytes went. */
size_t cairn_purge(void);

/* For a thread that is about to wait, in a pool of threads say: gives back what it holds for its
 * next allocations.  Costs some 20 ns if it has neither allocated since the last time nor had
 * objects freed by other threads; else a microsecond and what the system takes to give up pages. */
void cairn_thread_idle(void);

/* The profile in effect: "fast", "hardened" or "debug" (CAIRN_PROFILE). */
CAIRN_ATTRIBUTE(pure, warn_unused_result, returns_nonnull)
const char *cairn_profile(void);

/* The version of the library in use, such as "1.2.3". */
CAIRN_ATTRIBUTE(const, warn_unused_result, returns_nonnull)
const char *cairn_version(void);

#ifdef __cplusplus
}
#endif

#endif
