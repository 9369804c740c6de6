/* The entry points that Clang's -fsanitize=alloc-token calls instead of malloc and operator new:
 * the same functions with a token behind the last argument. Called here as such code would call
 * them. */
#include <cairn/tag.h>
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

struct sums {
    uint64_t two, seven, rest;
};

static void sum_up(void *context, const struct cairn_tag_view *tag) {
    struct sums *sums = context;
    if (strcmp(tag->name, "token 2") == 0) {
        sums->two = tag->bytes;
    } else if (strcmp(tag->name, "token 7") == 0) {
        sums->seven = tag->bytes;
    } else if (strcmp(tag->name, "tokens from 15 on") == 0) {
        sums->rest = tag->bytes;
    }
}

/* What three kinds of objects take, mixed at random, is estimated within a tenth. */
static void kinds_are_counted(void) {
    enum { OBJECTS = 300000 };
    static void *objects[OBJECTS];
    void *(*malloc_token)(size_t, size_t);
    void *(*malloc_2)(size_t);
    void *(*new_7)(size_t, size_t);
    void (*each)(void (*)(void *, const struct cairn_tag_view *), void *);
    find("__alloc_token_malloc", &malloc_token);
    find("__alloc_token_2_malloc", &malloc_2);
    find("__alloc_token__Znwm", &new_7);
    find("cairn_tags_each", &each);
    struct sums before = {0}, after = {0}, told = {0};
    each(sum_up, &before);
    uint64_t random = 1;
    for (size_t i = 0; i < OBJECTS; i++) {
        size_t size = random_next(&random) % 500 + 1, bytes = documented_class(size);
        switch (random_next(&random) % 4) {
        case 0:
            objects[i] = malloc_2(size);
            told.two += bytes;
            break;
        case 1:
            objects[i] = new_7(size, 7);
            told.seven += bytes;
            break;
        default:
            objects[i] = malloc_token(size, i % 2 == 0 ? 15 : SIZE_MAX);
            told.rest += bytes;
        }
    }
    each(sum_up, &after);
    uint64_t two = after.two - before.two, seven = after.seven - before.seven,
             rest = after.rest - before.rest;
    say(1, "token 2: %lu of %lu, 7: %lu of %lu, rest: %lu of %lu\n", two, told.two, seven,
        told.seven, rest, told.rest);
    EXPECT(two > told.two / 10 * 9 && two < told.two / 10 * 11);
    EXPECT(seven > told.seven / 10 * 9 && seven < told.seven / 10 * 11);
    EXPECT(rest > told.rest / 10 * 9 && rest < told.rest / 10 * 11);
    uint64_t large = after.two;
    objects[0] = malloc_2(100000); /* exactly */
    each(sum_up, &after);
    EXPECT(objects[0] != NULL && after.two - large == malloc_usable_size(objects[0]));
}

int main(void) {
    for (size_t i = 0; i < TOKENS; i++) {
        c_functions(tokens[i]);
        aligned_functions(tokens[i]);
        cxx_operators(tokens[i]);
    }
    kinds_are_counted();
    return 0;
}
