/* Looking for mistakes: what the profiles `hardened` and `debug` can be asked while a program runs,
 * and told when it is compiled.
 *
 * CAIRN_PROFILE chooses the profile when the program starts; docs/PROFILES.md says what each does.
 * In the profile `fast` these functions have nothing to look at.
 *
 * Call sites.  With CAIRN_CALL_SITES defined, this header makes each call of malloc, calloc,
 * realloc, reallocarray, aligned_alloc, strdup, strndup and free in what follows pass the file and
 * the line that it is in.  Under `debug` reports and leaks have them ("allocated at parse.c:31"),
 * in programs without debug information and frame pointers too.
 *
 *     #define CAIRN_CALL_SITES
 *     #include <cairn/debug.h>                              behind all other headers
 *
 * or for all files: -DCAIRN_CALL_SITES -include cairn/debug.h.  In C++ std::malloc() and its like
 * are meant too; new and delete are not.
 *
 * When not: where a struct or a class has members of these names that are called.  They are macros
 * with arguments: (pool->free)(object), with parentheses, and the name without a call, as for a
 * pointer to the function, stay as they are.
 *
 * Cost: under other profiles one comparison in each call.  cairn_check() reads all of the heap. */
#ifndef CAIRN_DEBUG_H
#define CAIRN_DEBUG_H

#include <cairn/cairn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Looks at every object: whether something was written behind a live one, or into a free one that
 * has not come again.  Returns true if nothing was found; else that is reported like any mistake,
 * and false returned if the process goes on then.
 *
 * Thread-safe in the profile `debug`; in `hardened` other threads must not allocate or free
 * meanwhile.  Not in a signal handler. */
bool cairn_check(void);

/* What the functions of C do whose names they have; called in `line` of `file`, which is copied.
 * Mistakes are reported under the names of these.  file == NULL: it is not known. */
CAIRN_ATTRIBUTE(malloc, alloc_size(1), warn_unused_result)
void *cairn_malloc_at(size_t size, const char *file, unsigned line);
CAIRN_ATTRIBUTE(malloc, alloc_size(1, 2), warn_unused_result)
void *cairn_calloc_at(size_t count, size_t size, const char *file, unsigned line);
CAIRN_ATTRIBUTE(alloc_size(2), warn_unused_result)
void *cairn_realloc_at(void *pointer, size_t size, const char *file, unsigned line);
CAIRN_ATTRIBUTE(alloc_size(2, 3), warn_unused_result)
void *cairn_reallocarray_at(void *pointer, size_t count, size_t size, const char *file,
                            unsigned line);
CAIRN_ATTRIBUTE(malloc, alloc_align(1), alloc_size(2), warn_unused_result)
void *cairn_aligned_alloc_at(size_t alignment, size_t size, const char *file, unsigned line);
CAIRN_ATTRIBUTE(malloc, warn_unused_result)
char *cairn_strdup_at(const char *text, const char *file, unsigned line);
CAIRN_ATTRIBUTE(malloc, warn_unused_result)
char *cairn_strndup_at(const char *text, size_t most, const char *file, unsigned line);
void cairn_free_at(void *pointer, const char *file, unsigned line);

#ifdef __cplusplus
}
#endif

#endif

#if defined(CAIRN_CALL_SITES) && !defined(CAIRN_CALL_SITES_ARE_NOTED)
#define CAIRN_CALL_SITES_ARE_NOTED

/* What declares these names comes first: behind the macros it could not any more. */
#ifdef __cplusplus
#include <cstdlib>
#include <cstring>
#include <memory>
#endif
#include <stdlib.h>
#include <string.h>
#if defined(__has_include)
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif
#endif

#ifdef __cplusplus
namespace std {
using ::cairn_aligned_alloc_at;
using ::cairn_calloc_at;
using ::cairn_free_at;
using ::cairn_malloc_at;
using ::cairn_realloc_at;
} // namespace std
#endif

#undef malloc
#undef calloc
#undef realloc
#undef reallocarray
#undef aligned_alloc
#undef strdup
#undef strndup
#undef free
#define malloc(size)           cairn_malloc_at(size, __FILE__, __LINE__)
#define calloc(count, size)    cairn_calloc_at(count, size, __FILE__, __LINE__)
#define realloc(pointer, size) cairn_realloc_at(pointer, size, __FILE__, __LINE__)
#define reallocarray(pointer, count, size) \
    cairn_reallocarray_at(pointer, count, size, __FILE__, __LINE__)
#define aligned_alloc(alignment, size) cairn_aligned_alloc_at(alignment, size, __FILE__, __LINE__)
#define strdup(text)                   cairn_strdup_at(text, __FILE__, __LINE__)
#define strndup(text, most)            cairn_strndup_at(text, most, __FILE__, __LINE__)
#define free(pointer)                  cairn_free_at(pointer, __FILE__, __LINE__)

#endif
