/* The entry points of Clang's -fsanitize=alloc-token.
 *
 * Code built with it tells with each allocation what kind of type the object is for: as one more
 * argument, the token, or, with -fsanitize-alloc-token-fast-abi, as a number in the function's
 * name.  Each function is what its name says without the token; those behind malloc and new tell
 * the tags (<cairn/tag.h>) for what kind a bin was filled, and all tell an interceptor whether the
 * object will hold pointers: in the slow path, so it costs nothing elsewhere. */
#include "core/interceptor.h"
#include "core/tag.h"
#include "front/cxx.h"
#include "front/rules.h"

#define WITH_TOKEN(name)       __alloc_token_##name
#define NUMBERED(number, name) __alloc_token_##number##_##name

#define TOKEN   size_t token
#define NOTHROW nothrow_tag tag __attribute__((unused))

/* `call`, of which an interceptor knows what it is for.  (An exception on the way leaves that as it
 * is until the thread's next such call; what is allocated meanwhile is of that kind, too.) */
#define OF_KIND(token, call)                     \
    __extension__({                              \
        kind_begin(token_holds_pointers(token)); \
        __typeof__(call) result_of_call = call;  \
        kind_end();                              \
        result_of_call;                          \
    })

static SLOW_PATH void *slow_of_kind(size_t size, size_t token, void *(*slow)(size_t)) {
    void *object = OF_KIND(token, slow(size));
    if (object != NULL) {
        tag_note_token(token, size);
    }
    return object;
}

static SLOW_PATH void *zeroed_slow_of_kind(size_t size, size_t token) {
    return OF_KIND(token, allocate_zeroed_slow(size));
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

/* rules_calloc() likewise. */
FAST_PATH void *zeroed_of_kind(size_t count, size_t size, size_t token) {
    size_t bytes;
    if (!multiply(count, size, &bytes)) {
        return NULL;
    }
    bool is_ready = bytes <= SLAB_MAX && owner_word_read(bin_for(bytes)->avail) != 0;
    return likely(is_ready) ? fast_allocate_zeroed(bytes) : zeroed_slow_of_kind(bytes, token);
}

/* A function declared, as no header does it, and defined. */
#define ENTRY(type, name, parameters, result) \
    type name parameters;                     \
    CAIRN_EXPORT type name parameters { return result; }

/* --- the token as an argument ----------------------------------------------------------------- */

ENTRY(void *, WITH_TOKEN(malloc), (size_t size, TOKEN),
      allocate_of_kind(size, token, allocate_slow))
ENTRY(void *, WITH_TOKEN(calloc), (size_t count, size_t size, TOKEN),
      zeroed_of_kind(count, size, token))
ENTRY(void *, WITH_TOKEN(realloc), (void *pointer, size_t size, TOKEN),
      OF_KIND(token, rules_realloc(&called_realloc, pointer, size)))
ENTRY(void *, WITH_TOKEN(reallocarray), (void *pointer, size_t count, size_t size, TOKEN),
      OF_KIND(token, rules_reallocarray(&called_reallocarray, pointer, count, size)))
ENTRY(void *, WITH_TOKEN(memalign), (size_t alignment, size_t size, TOKEN),
      OF_KIND(token, rules_memalign(alignment, size)))
ENTRY(void *, WITH_TOKEN(aligned_alloc), (size_t alignment, size_t size, TOKEN),
      OF_KIND(token, rules_aligned_alloc(alignment, size)))
ENTRY(int, WITH_TOKEN(posix_memalign), (void **result, size_t alignment, size_t size, TOKEN),
      OF_KIND(token, rules_posix_memalign(result, alignment, size)))
ENTRY(void *, WITH_TOKEN(valloc), (size_t size, TOKEN), OF_KIND(token, rules_valloc(size)))
ENTRY(void *, WITH_TOKEN(pvalloc), (size_t size, TOKEN), OF_KIND(token, rules_pvalloc(size)))
ENTRY(void *, WITH_TOKEN(_Znwm), (size_t size, TOKEN), allocate_of_kind(size, token, new_slow))
ENTRY(void *, WITH_TOKEN(_Znam), (size_t size, TOKEN),
      allocate_of_kind(size, token, new_array_slow))
ENTRY(void *, WITH_TOKEN(_ZnwmRKSt9nothrow_t), (size_t size, NOTHROW, TOKEN),
      allocate_of_kind(size, token, new_slow_nothrow))
ENTRY(void *, WITH_TOKEN(_ZnamRKSt9nothrow_t), (size_t size, NOTHROW, TOKEN),
      allocate_of_kind(size, token, new_array_slow_nothrow))
ENTRY(void *, WITH_TOKEN(_ZnwmSt11align_val_t), (size_t size, size_t alignment, TOKEN),
      OF_KIND(token, new_aligned(size, alignment, FORM_NEW)))
ENTRY(void *, WITH_TOKEN(_ZnamSt11align_val_t), (size_t size, size_t alignment, TOKEN),
      OF_KIND(token, new_aligned(size, alignment, FORM_NEW_ARRAY)))
ENTRY(void *, WITH_TOKEN(_ZnwmSt11align_val_tRKSt9nothrow_t),
      (size_t size, size_t alignment, NOTHROW, TOKEN),
      OF_KIND(token, new_aligned_nothrow(size, alignment, FORM_NEW)))
ENTRY(void *, WITH_TOKEN(_ZnamSt11align_val_tRKSt9nothrow_t),
      (size_t size, size_t alignment, NOTHROW, TOKEN),
      OF_KIND(token, new_aligned_nothrow(size, alignment, FORM_NEW_ARRAY)))

/* --- the token in the name -------------------------------------------------------------------- */

#define ENTRIES(number)                                                                           \
    ENTRY(void *, NUMBERED(number, malloc), (size_t size),                                        \
          allocate_of_kind(size, number, allocate_slow))                                          \
    ENTRY(void *, NUMBERED(number, calloc), (size_t count, size_t size),                          \
          zeroed_of_kind(count, size, number))                                                    \
    ENTRY(void *, NUMBERED(number, realloc), (void *pointer, size_t size),                        \
          OF_KIND(number, rules_realloc(&called_realloc, pointer, size)))                         \
    ENTRY(void *, NUMBERED(number, reallocarray), (void *pointer, size_t count, size_t size),     \
          OF_KIND(number, rules_reallocarray(&called_reallocarray, pointer, count, size)))        \
    ENTRY(void *, NUMBERED(number, memalign), (size_t alignment, size_t size),                    \
          OF_KIND(number, rules_memalign(alignment, size)))                                       \
    ENTRY(void *, NUMBERED(number, aligned_alloc), (size_t alignment, size_t size),               \
          OF_KIND(number, rules_aligned_alloc(alignment, size)))                                  \
    ENTRY(int, NUMBERED(number, posix_memalign), (void **result, size_t alignment, size_t size),  \
          OF_KIND(number, rules_posix_memalign(result, alignment, size)))                         \
    ENTRY(void *, NUMBERED(number, valloc), (size_t size), OF_KIND(number, rules_valloc(size)))   \
    ENTRY(void *, NUMBERED(number, pvalloc), (size_t size), OF_KIND(number, rules_pvalloc(size))) \
    ENTRY(void *, NUMBERED(number, _Znwm), (size_t size),                                         \
          allocate_of_kind(size, number, new_slow))                                               \
    ENTRY(void *, NUMBERED(number, _Znam), (size_t size),                                         \
          allocate_of_kind(size, number, new_array_slow))                                         \
    ENTRY(void *, NUMBERED(number, _ZnwmRKSt9nothrow_t), (size_t size, NOTHROW),                  \
          allocate_of_kind(size, number, new_slow_nothrow))                                       \
    ENTRY(void *, NUMBERED(number, _ZnamRKSt9nothrow_t), (size_t size, NOTHROW),                  \
          allocate_of_kind(size, number, new_array_slow_nothrow))                                 \
    ENTRY(void *, NUMBERED(number, _ZnwmSt11align_val_t), (size_t size, size_t alignment),        \
          OF_KIND(number, new_aligned(size, alignment, FORM_NEW)))                                \
    ENTRY(void *, NUMBERED(number, _ZnamSt11align_val_t), (size_t size, size_t alignment),        \
          OF_KIND(number, new_aligned(size, alignment, FORM_NEW_ARRAY)))                          \
    ENTRY(void *, NUMBERED(number, _ZnwmSt11align_val_tRKSt9nothrow_t),                           \
          (size_t size, size_t alignment, NOTHROW),                                               \
          OF_KIND(number, new_aligned_nothrow(size, alignment, FORM_NEW)))                        \
    ENTRY(void *, NUMBERED(number, _ZnamSt11align_val_tRKSt9nothrow_t),                           \
          (size_t size, size_t alignment, NOTHROW),                                               \
          OF_KIND(number, new_aligned_nothrow(size, alignment, FORM_NEW_ARRAY)))

/* Of -falloc-token-max=4 at most: types with and without pointers, hashed once more. */
ENTRIES(0)
ENTRIES(1)
ENTRIES(2)
ENTRIES(3)
