/* The allocator interface: how strings, arrays, pools and the like get memory from whatever their
 * user chooses: the heap, an arena, a buffer, or the user's own.
 *
 *     struct cairn_allocator mine = {.resize = my_resize, .context = &my_state};
 *     cairn_allocate(&mine, 100, 16);
 *
 * When not: code that always takes from the heap calls cairn_malloc, which is faster.
 *
 * A NULL pointer to an allocator stands for the heap everywhere in cairn.  An allocator is a
 * value: it may be copied, and must outlive nothing but the calls through it; its context must
 * live as long as what was allocated with it.  Thread-safe exactly where its resize function is;
 * the heap's is.  Cost: one indirect call. */
#ifndef CAIRN_ALLOCATOR_H
#define CAIRN_ALLOCATOR_H

#include <stddef.h>

#include <cairn/cairn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the headers of typed containers write of a type and of a pointer to one, in C and C++. */
#ifdef __cplusplus
#define CAIRN_ALIGNOF(type)        alignof(type)
#define CAIRN_POINTER(type, value) static_cast<type *>(value)
#else
#define CAIRN_ALIGNOF(type)        _Alignof(type)
#define CAIRN_POINTER(type, value) ((type *)(value))
#endif

struct cairn_allocator {
    /* Does everything, told apart by its arguments:
     *
     *     pointer == NULL   allocates size bytes, their contents undefined
     *     size == 0         frees pointer (of old_size bytes), returns NULL; never fails
     *     otherwise         resizes pointer, keeps what fits of its contents and returns the new
     *                       address, which may be the old one
     *
     * old_size is the size it was last asked for (0 for NULL), so that an allocator need not
     * remember it; alignment is a power of two, the same in every call for one object.  Returns
     * NULL when there is no memory; the object is then as it was.  errno is not promised.  Cairn's
     * own report another alignment where they allocate, and an object that is none of theirs: on
     * stderr, and the process ends by abort(). */
    void *(*resize)(void *context, void *pointer, size_t old_size, size_t size, size_t alignment);
    void *context; /* handed to resize; the allocator's own */
};

/* What NULL stands for: the heap, by the functions of cairn.h. */
extern const struct cairn_allocator cairn_heap_allocator;

CAIRN_ATTRIBUTE(alloc_size(4), alloc_align(5))
static inline void *cairn_resize(const struct cairn_allocator *allocator, void *pointer,
                                 size_t old_size, size_t size, size_t alignment) {
    if (allocator == NULL) {
        allocator = &cairn_heap_allocator;
    }
    return allocator->resize(allocator->context, pointer, old_size, size, alignment);
}

/* size > 0; NULL when there is no memory.  No owner is declared for what allocators give (nor for
 * the functions of other headers that take one): what comes from an arena need not go back. */
CAIRN_ATTRIBUTE(malloc, alloc_size(2), alloc_align(3), warn_unused_result)
static inline void *cairn_allocate(const struct cairn_allocator *allocator, size_t size,
                                   size_t alignment) {
    return cairn_resize(allocator, NULL, 0, size, alignment);
}

/* Frees what an allocator gave; NULL is ignored. */
static inline void cairn_release(const struct cairn_allocator *allocator, void *pointer,
                                 size_t size, size_t alignment) {
    if (pointer != NULL) {
        (void)cairn_resize(allocator, pointer, size, 0, alignment);
    }
}

#ifdef __cplusplus
}
#endif

#endif
