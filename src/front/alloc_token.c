/* The entry points of Clang's -fsanitize=alloc-token.
 *
 * Code built with it tells with each allocation what kind of type the object is for: as one more
 * argument, the token, or, with -fsanitize-alloc-token-fast-abi, as a number in the function's
 * name.  Each function is what its name says without the token; those behind malloc and new tell
 * the tags (<cairn/tag.h>) for what kind a bin was filled: in the slow path, so it costs nothing
 * elsewhere. */
#include "core/tag.h"
#include "front/cxx.h"
#include "front/rules.h"

#define WITH_TOKEN(name)       __alloc_token_##name
#define NUMBERED(number, name) __alloc_token_##number##_##name

#define TOKEN   size_t token __attribute__((unused))
#define NOTHROW nothrow_tag tag __attribute__((unused))

static SLOW_PATH void *slow_of_kind(size_t size, size_t token, void *(*slow)(size_t)) {
    void *object = slow(size);
    if (object != NULL) {
        tag_note_token(token, size);
    }
    return object;
}

/* fast_allocate_or(), with the token for the slow path. */
FAST_PATH void *allocate_of_kind(size_t size, size_t token, void *(*slow)(size_t)) {
    if (likely(size <= SLAB_MAX)) {
        struct bin *bin = bin_for(size);
        uint64_t avail = owner_word_read(bin->avail);
        if (likely(avail != 0)) {
            return bin_take(bin, avail);
        }
    }
    return slow_of_kind(size, token, slow);
}

/* A function declared, as no header does it, and defined. */
#define ENTRY(type, name, parameters, result) \
    type name parameters;                     \
    CAIRN_EXPORT type name parameters { return result; }

/* --- the token as an argument ----------------------------------------------------------------- */

ENTRY(void *, WITH_TOKEN(malloc), (size_t size, TOKEN),
      allocate_of_kind(size, token, allocate_slow))
ENTRY(void *, WITH_TOKEN(calloc), (size_t count, size_t size, TOKEN), rules_calloc(count, size))
ENTRY(void *, WITH_TOKEN(realloc), (void *pointer, size_t size, TOKEN),
      rules_realloc(&called_realloc, pointer, size))
ENTRY(void *, WITH_TOKEN(reallocarray), (void *pointer, size_t count, size_t size, TOKEN),
      rules_reallocarray(&called_reallocarray, pointer, count, size))
ENTRY(void *, WITH_TOKEN(memalign), (size_t alignment, size_t size, TOKEN),
      rules_memalign(alignment, size))
ENTRY(void *, WITH_TOKEN(aligned_alloc), (size_t alignment, size_t size, TOKEN),
      rules_aligned_alloc(alignment, size))
ENTRY(int, WITH_TOKEN(posix_memalign), (void **result, size_t alignment, size_t size, TOKEN),
      rules_posix_memalign(result, alignment, size))
ENTRY(void *, WITH_TOKEN(valloc), (size_t size, TOKEN), rules_valloc(size))
ENTRY(void *, WITH_TOKEN(pvalloc), (size_t size, TOKEN), rules_pvalloc(size))
ENTRY(void *, WITH_TOKEN(_Znwm), (size_t size, TOKEN), allocate_of_kind(size, token, new_slow))
ENTRY(void *, WITH_TOKEN(_Znam), (size_t size, TOKEN),
      allocate_of_kind(size, token, new_array_slow))
ENTRY(void *, WITH_TOKEN(_ZnwmRKSt9nothrow_t), (size_t size, NOTHROW, TOKEN),
      allocate_of_kind(size, token, new_slow_nothrow))
ENTRY(void *, WITH_TOKEN(_ZnamRKSt9nothrow_t), (size_t size, NOTHROW, TOKEN),
      allocate_of_kind(size, token, new_array_slow_nothrow))
ENTRY(void *, WITH_TOKEN(_ZnwmSt11align_val_t), (size_t size, size_t alignment, TOKEN),
      new_aligned(size, alignment, FORM_NEW))
ENTRY(void *, WITH_TOKEN(_ZnamSt11align_val_t), (size_t size, size_t alignment, TOKEN),
      new_aligned(size, alignment, FORM_NEW_ARRAY))
ENTRY(void *, WITH_TOKEN(_ZnwmSt11align_val_tRKSt9nothrow_t),
      (size_t size, size_t alignment, NOTHROW, TOKEN),
      new_aligned_nothrow(size, alignment, FORM_NEW))
ENTRY(void *, WITH_TOKEN(_ZnamSt11align_val_tRKSt9nothrow_t),
      (size_t size, size_t alignment, NOTHROW, TOKEN),
      new_aligned_nothrow(size, alignment, FORM_NEW_ARRAY))

/* --- the token in the name -------------------------------------------------------------------- */

#define ENTRIES(number)                                                                          \
    ENTRY(void *, NUMBERED(number, malloc), (size_t size),                                       \
          allocate_of_kind(size, number, allocate_slow))                                         \
    ENTRY(void *, NUMBERED(number, calloc), (size_t count, size_t size),                         \
          rules_calloc(count, size))                                                             \
    ENTRY(void *, NUMBERED(number, realloc), (void *pointer, size_t size),                       \
          rules_realloc(&called_realloc, pointer, size))                                         \
    ENTRY(void *, NUMBERED(number, reallocarray), (void *pointer, size_t count, size_t size),    \
          rules_reallocarray(&called_reallocarray, pointer, count, size))                        \
    ENTRY(void *, NUMBERED(number, memalign), (size_t alignment, size_t size),                   \
          rules_memalign(alignment, size))                                                       \
    ENTRY(void *, NUMBERED(number, aligned_alloc), (size_t alignment, size_t size),              \
          rules_aligned_alloc(alignment, size))                                                  \
    ENTRY(int, NUMBERED(number, posix_memalign), (void **result, size_t alignment, size_t size), \
          rules_posix_memalign(result, alignment, size))                                         \
    ENTRY(void *, NUMBERED(number, valloc), (size_t size), rules_valloc(size))                   \
    ENTRY(void *, NUMBERED(number, pvalloc), (size_t size), rules_pvalloc(size))                 \
    ENTRY(void *, NUMBERED(number, _Znwm), (size_t size),                                        \
          allocate_of_kind(size, number, new_slow))                                              \
    ENTRY(void *, NUMBERED(number, _Znam), (size_t size),                                        \
          allocate_of_kind(size, number, new_array_slow))                                        \
    ENTRY(void *, NUMBERED(number, _ZnwmRKSt9nothrow_t), (size_t size, NOTHROW),                 \
          allocate_of_kind(size, number, new_slow_nothrow))                                      \
    ENTRY(void *, NUMBERED(number, _ZnamRKSt9nothrow_t), (size_t size, NOTHROW),                 \
          allocate_of_kind(size, number, new_array_slow_nothrow))                                \
    ENTRY(void *, NUMBERED(number, _ZnwmSt11align_val_t), (size_t size, size_t alignment),       \
          new_aligned(size, alignment, FORM_NEW))                                                \
    ENTRY(void *, NUMBERED(number, _ZnamSt11align_val_t), (size_t size, size_t alignment),       \
          new_aligned(size, alignment, FORM_NEW_ARRAY))                                          \
    ENTRY(void *, NUMBERED(number, _ZnwmSt11align_val_tRKSt9nothrow_t),                          \
          (size_t size, size_t alignment, NOTHROW),                                              \
          new_aligned_nothrow(size, alignment, FORM_NEW))                                        \
    ENTRY(void *, NUMBERED(number, _ZnamSt11align_val_tRKSt9nothrow_t),                          \
          (size_t size, size_t alignment, NOTHROW),                                              \
          new_aligned_nothrow(size, alignment, FORM_NEW_ARRAY))

/* Of -falloc-token-max=4 at most: types with and without pointers, hashed once more. */
ENTRIES(0)
ENTRIES(1)
ENTRIES(2)
ENTRIES(3)
