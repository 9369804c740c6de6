/* The entry points of Clang's -fsanitize=alloc-token.
 *
 * Code built with it tells with each allocation what kind of type the object is for: as one more
 * argument, the token, or, with -fsanitize-alloc-token-fast-abi, as a number in the function's
 * name. The token is reserved for keeping kinds apart in partitions of their own; as long as there
 * is one partition it changes nothing, and each function is what its name says without the token.
 */
#include "front/cxx.h"
#include "front/rules.h"

#define WITH_TOKEN(name)       __alloc_token_##name
#define NUMBERED(number, name) __alloc_token_##number##_##name

#define TOKEN   size_t token __attribute__((unused))
#define NOTHROW nothrow_tag tag __attribute__((unused))

/* A function declared, as no header does it, and defined. */
#define ENTRY(type, name, parameters, result) \
    type name parameters;                     \
    CAIRN_EXPORT type name parameters { return result; }

/* --- the token as an argument ----------------------------------------------------------------- */

ENTRY(void *, WITH_TOKEN(malloc), (size_t size, TOKEN), fast_allocate(size))
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
ENTRY(void *, WITH_TOKEN(_Znwm), (size_t size, TOKEN), new_object(size))
ENTRY(void *, WITH_TOKEN(_Znam), (size_t size, TOKEN), new_object(size))
ENTRY(void *, WITH_TOKEN(_ZnwmRKSt9nothrow_t), (size_t size, NOTHROW, TOKEN),
      new_object_nothrow(size))
ENTRY(void *, WITH_TOKEN(_ZnamRKSt9nothrow_t), (size_t size, NOTHROW, TOKEN),
      new_object_nothrow(size))
ENTRY(void *, WITH_TOKEN(_ZnwmSt11align_val_t), (size_t size, size_t alignment, TOKEN),
      new_aligned(size, alignment))
ENTRY(void *, WITH_TOKEN(_ZnamSt11align_val_t), (size_t size, size_t alignment, TOKEN),
      new_aligned(size, alignment))
ENTRY(void *, WITH_TOKEN(_ZnwmSt11align_val_tRKSt9nothrow_t),
      (size_t size, size_t alignment, NOTHROW, TOKEN), new_aligned_nothrow(size, alignment))
ENTRY(void *, WITH_TOKEN(_ZnamSt11align_val_tRKSt9nothrow_t),
      (size_t size, size_t alignment, NOTHROW, TOKEN), new_aligned_nothrow(size, alignment))

/* --- the token in the name -------------------------------------------------------------------- */

#define ENTRIES(number)                                                                          \
    ENTRY(void *, NUMBERED(number, malloc), (size_t size), fast_allocate(size))                  \
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
    ENTRY(void *, NUMBERED(number, _Znwm), (size_t size), new_object(size))                      \
    ENTRY(void *, NUMBERED(number, _Znam), (size_t size), new_object(size))                      \
    ENTRY(void *, NUMBERED(number, _ZnwmRKSt9nothrow_t), (size_t size, NOTHROW),                 \
          new_object_nothrow(size))                                                              \
    ENTRY(void *, NUMBERED(number, _ZnamRKSt9nothrow_t), (size_t size, NOTHROW),                 \
          new_object_nothrow(size))                                                              \
    ENTRY(void *, NUMBERED(number, _ZnwmSt11align_val_t), (size_t size, size_t alignment),       \
          new_aligned(size, alignment))                                                          \
    ENTRY(void *, NUMBERED(number, _ZnamSt11align_val_t), (size_t size, size_t alignment),       \
          new_aligned(size, alignment))                                                          \
    ENTRY(void *, NUMBERED(number, _ZnwmSt11align_val_tRKSt9nothrow_t),                          \
          (size_t size, size_t alignment, NOTHROW), new_aligned_nothrow(size, alignment))        \
    ENTRY(void *, NUMBERED(number, _ZnamSt11align_val_tRKSt9nothrow_t),                          \
          (size_t size, size_t alignment, NOTHROW), new_aligned_nothrow(size, alignment))

/* Of -falloc-token-max=4 at most: types with and without pointers, hashed once more. */
ENTRIES(0)
ENTRIES(1)
ENTRIES(2)
ENTRIES(3)
