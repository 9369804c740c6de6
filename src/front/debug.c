/* <cairn/debug.h> */
#include <cairn/debug.h>
#include <string.h>

#include "core/interceptor.h"
#include "front/rules.h"
#include "guard/profile.h"

CAIRN_EXPORT bool cairn_check(void) { return profile_check("cairn_check"); }

/* --- call sites ------------------------------------------------------------------------------- */

static inline bool are_kept(void) {
    return unlikely(interceptor != NULL) && interceptor->note_site != NULL;
}

static SLOW_PATH void note(const char *file, unsigned line) { interceptor->note_site(file, line); }

static inline void begin(const char *file, unsigned line) {
    if (are_kept()) {
        note(file, line);
    }
}

static inline void end(void) { begin(NULL, 0); }

CAIRN_EXPORT void *cairn_malloc_at(size_t size, const char *file, unsigned line) {
    begin(file, line);
    void *object = fast_allocate(size);
    end();
    return object;
}

CAIRN_EXPORT void *cairn_calloc_at(size_t count, size_t size, const char *file, unsigned line) {
    begin(file, line);
    void *object = rules_calloc(count, size);
    end();
    return object;
}

CAIRN_EXPORT void *cairn_realloc_at(void *pointer, size_t size, const char *file, unsigned line) {
    begin(file, line);
    void *object = rules_realloc(&called_realloc, pointer, size);
    end();
    return object;
}

CAIRN_EXPORT void *cairn_reallocarray_at(void *pointer, size_t count, size_t size, const char *file,
                                         unsigned line) {
    begin(file, line);
    void *object = rules_reallocarray(&called_reallocarray, pointer, count, size);
    end();
    return object;
}

CAIRN_EXPORT void *cairn_aligned_alloc_at(size_t alignment, size_t size, const char *file,
                                          unsigned line) {
    begin(file, line);
    void *object = rules_aligned_alloc(alignment, size);
    end();
    return object;
}

static char *copy(const char *text, size_t length, const char *file, unsigned line) {
    char *object = cairn_malloc_at(length + 1, file, line);
    if (object != NULL) {
        memcpy(object, text, length);
        object[length] = '\0';
    }
    return object;
}

CAIRN_EXPORT char *cairn_strdup_at(const char *text, const char *file, unsigned line) {
    return copy(text, strlen(text), file, line);
}

CAIRN_EXPORT char *cairn_strndup_at(const char *text, size_t most, const char *file,
                                    unsigned line) {
    return copy(text, strnlen(text, most), file, line);
}

CAIRN_EXPORT void cairn_free_at(void *pointer, const char *file, unsigned line) {
    begin(file, line);
    fast_free(pointer, slow_free);
    end();
}
