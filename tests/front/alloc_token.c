/* The entry points that Clang's -fsanitize=alloc-token calls instead of malloc and operator new:
 * the same functions with a token behind the last argument. Called here as such code would call
 * them. */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>

#include "support/testkit.h"

static const size_t tokens[] = {0, 1, 2, 255, 12345678901u, SIZE_MAX};
enum { TOKENS = sizeof tokens / sizeof tokens[0] };

static void find(const char *name, void *function) {
    void *symbol = dlsym(RTLD_DEFAULT, name);
    if (symbol == NULL) {
        FAIL("%s is not there", name);
    }
    memcpy(function, &symbol, sizeof symbol);
}

static void use(void *p, size_t size, size_t alignment) {
    EXPECT(p != NULL);
    EXPECT(address(p) % alignment == 0);
    EXPECT(malloc_usable_size(p) >= size);
    pattern_fill(p, size, size);
    EXPECT(pattern_holds(p, size, size));
    free(p);
}

static void c_functions(size_t token) {
    void *(*malloc_token)(size_t, size_t);
    void *(*calloc_token)(size_t, size_t, size_t);
    void *(*realloc_token)(void *, size_t, size_t);
    void *(*reallocarray_token)(void *, size_t, size_t, size_t);
    find("__alloc_token_malloc", &malloc_token);
    find("__alloc_token_calloc", &calloc_token);
    find("__alloc_token_realloc", &realloc_token);
    find("__alloc_token_reallocarray", &reallocarray_token);
    for (size_t size = 0; size < MIB; size = size * 2 + 1) {
        use(malloc_token(size, token), size, 16);
        void *p = calloc_token(3, size, token);
        EXPECT(p != NULL && all_zero(p, 3 * size));
        use(p, 3 * size, 16);
        p = realloc_token(NULL, size + 1, token);
        EXPECT(p != NULL);
        pattern_fill(p, size + 1, 3);
        p = realloc_token(p, 2 * size + 2, token);
        EXPECT(p != NULL && pattern_holds(p, size + 1, 3));
        p = reallocarray_token(p, 3, size + 1, token);
        EXPECT(p != NULL && pattern_holds(p, size + 1, 3));
        use(p, 3 * size, 16);
    }
    errno = 0;
    EXPECT(malloc_token(opaque_size(SIZE_MAX / 2 + 1), token) == NULL && errno == ENOMEM);
    errno = 0;
    EXPECT(calloc_token(opaque_size(SIZE_MAX / 2 + 1), 2, token) == NULL && errno == ENOMEM);
    errno = 0;
    EXPECT(reallocarray_token(NULL, opaque_size(SIZE_MAX / 2 + 1), 2, token) == NULL);
    EXPECT(errno == ENOMEM);
}

static void aligned_functions(size_t token) {
    void *(*memalign_token)(size_t, size_t, size_t);
    void *(*aligned_alloc_token)(size_t, size_t, size_t);
    int (*posix_memalign_token)(void **, size_t, size_t, size_t);
    void *(*valloc_token)(size_t, size_t);
    void *(*pvalloc_token)(size_t, size_t);
    find("__alloc_token_memalign", &memalign_token);
    find("__alloc_token_aligned_alloc", &aligned_alloc_token);
    find("__alloc_token_posix_memalign", &posix_memalign_token);
    find("__alloc_token_valloc", &valloc_token);
    find("__alloc_token_pvalloc", &pvalloc_token);
    for (size_t alignment = 16; alignment <= MIB; alignment *= 4) {
        use(memalign_token(alignment, 100, token), 100, alignment);
        use(aligned_alloc_token(alignment, 5000, token), 5000, alignment);
        void *p = NULL;
        EXPECT(posix_memalign_token(&p, alignment, 70000, token) == 0);
        use(p, 70000, alignment);
    }
    void *untouched = &untouched;
    EXPECT(posix_memalign_token(&untouched, 24, 8, token) == EINVAL && untouched == &untouched);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    use(valloc_token(10, token), 10, page);
    use(pvalloc_token(10, token), page, page);
}

static void cxx_operators(size_t token) {
    static const char *const plain[] = {"__alloc_token__Znwm", "__alloc_token__Znam"};
    static const char *const nothrow[] = {"__alloc_token__ZnwmRKSt9nothrow_t",
                                          "__alloc_token__ZnamRKSt9nothrow_t"};
    static const char *const aligned[] = {"__alloc_token__ZnwmSt11align_val_t",
                                          "__alloc_token__ZnamSt11align_val_t"};
    static const char *const aligned_nothrow[] = {
        "__alloc_token__ZnwmSt11align_val_tRKSt9nothrow_t",
        "__alloc_token__ZnamSt11align_val_tRKSt9nothrow_t"};
    for (size_t i = 0; i < 2; i++) {
        void *(*new_plain)(size_t, size_t);
        void *(*new_nothrow)(size_t, const void *, size_t);
        void *(*new_aligned)(size_t, size_t, size_t);
        void *(*new_aligned_nothrow)(size_t, size_t, const void *, size_t);
        find(plain[i], &new_plain);
        find(nothrow[i], &new_nothrow);
        find(aligned[i], &new_aligned);
        find(aligned_nothrow[i], &new_aligned_nothrow);
        use(new_plain(333, token), 333, 16);
        use(new_nothrow(333, "", token), 333, 16);
        use(new_aligned(333, 128, token), 333, 128);
        use(new_aligned_nothrow(333, 4096, "", token), 333, 4096);
        EXPECT(new_nothrow(opaque_size(SIZE_MAX / 2 + 1), "", token) == NULL);
        EXPECT(new_aligned_nothrow(opaque_size(SIZE_MAX / 2 + 1), 64, "", token) == NULL);
    }
}

int main(void) {
    for (size_t i = 0; i < TOKENS; i++) {
        c_functions(tokens[i]);
        aligned_functions(tokens[i]);
        cxx_operators(tokens[i]);
    }
    return 0;
}
