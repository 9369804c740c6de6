// The public functions of <cairn/cairn.h>, in a program that is linked with the library.
#include <cairn/cairn.h>
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>

#include "support/testkit.h"

static void both_families_are_one_heap(void) {
    for (size_t size = 1; size < 3 * MIB; size = size * 2 + 1) {
        void *p = cairn_malloc(size);
        EXPECT(p != NULL && address(p) % 16 == 0 && malloc_usable_size(p) >= size);
        p = realloc(p, size + 100);
        EXPECT(p != NULL && cairn_usable_size(p) >= size + 100);
        cairn_free(p);
        p = malloc(size);
        p = cairn_realloc(p, 2 * size + 1);
        EXPECT(p != NULL);
        free(p);
        p = cairn_calloc(3, size);
        EXPECT(p != NULL && all_zero(p, 3 * size));
        cairn_free(p);
    }
    void *empty = cairn_malloc(opaque_size(0));
    EXPECT(empty != NULL && cairn_usable_size(empty) == 16);
    cairn_free(empty);
    cairn_free(NULL);
    EXPECT(cairn_usable_size(NULL) == 0);
    errno = 4711;
    EXPECT(cairn_realloc(cairn_malloc(10), opaque_size(0)) == NULL && errno == 4711);
}

static void failures_say_why(void) {
    size_t too_large = opaque_size(SIZE_MAX / 2 + 1);
    errno = 0;
    EXPECT(opaque(cairn_malloc(too_large)) == NULL && errno == ENOMEM);
    errno = 0;
    EXPECT(opaque(cairn_calloc(too_large, 2)) == NULL && errno == ENOMEM);
    errno = 0;
    EXPECT(opaque(cairn_aligned_alloc(opaque_size(48), 10)) == NULL && errno == EINVAL);
    errno = 0;
    EXPECT(opaque(cairn_aligned_alloc(64, too_large)) == NULL && errno == ENOMEM);
    void *p = cairn_malloc(100);
    errno = 0;
    EXPECT(opaque(cairn_realloc(p, too_large)) == NULL && errno == ENOMEM);
    cairn_free(p);
}

static void aligned_is_aligned(void) {
    for (size_t alignment = 1; alignment <= 8 * MIB; alignment *= 2) {
        void *p = cairn_aligned_alloc(alignment, 100);
        EXPECT(p != NULL && address(p) % alignment == 0);
        cairn_free(p);
    }
}

static void good_sizes_are_what_one_gets(void) {
    for (size_t size = 0; size < 5 * MIB; size = size < 70000 ? size + 7 : size * 2) {
        size_t good = cairn_good_size(size);
        void *p = cairn_malloc(size);
        EXPECT(good >= size && cairn_usable_size(p) == good);
        EXPECT(cairn_good_size(good) == good);
        cairn_free(p);
    }
    EXPECT(cairn_good_size(SIZE_MAX) == 0 && cairn_good_size(SIZE_MAX / 2 + 1) == 0);
}

static void it_knows_its_own(void) {
    int on_the_stack = 0;
    char *small = cairn_malloc(100), *large = cairn_malloc(3 * MIB);
    EXPECT(cairn_is_mine(small) && cairn_is_mine(large));
    EXPECT(!cairn_is_mine(small + 1) && !cairn_is_mine(large + 65536));
    EXPECT(!cairn_is_mine(NULL) && !cairn_is_mine(&on_the_stack) && !cairn_is_mine(cairn_version));
    EXPECT(!cairn_is_mine((void *)~(uintptr_t)0));
    const void *was_small = opaque(small), *was_large = opaque(large);
    cairn_free(small);
    cairn_free(large);
    EXPECT(!cairn_is_mine(was_small) && !cairn_is_mine(was_large));
}

static void purging_gives_back(void) {
    enum { COUNT = 20000 };
    static char *p[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        p[i] = cairn_malloc(1000);
        memset(p[i], 1, 1000);
    }
    size_t full = status_bytes("VmRSS:");
    for (size_t i = 0; i < COUNT; i++) {
        cairn_free(p[i]);
    }
    (void)cairn_purge();
    EXPECT(status_bytes("VmRSS:") + 15 * MIB < full);
    EXPECT(cairn_purge() == 0);
}

static void find(const char *name, void *function) {
    void *symbol = dlsym(RTLD_DEFAULT, name);
    if (symbol == NULL) {
        FAIL("%s is not there", name);
    }
    memcpy(function, &symbol, sizeof symbol);
}

// Names that compilers call and no header has: the token in the name, and new that tells the size.
static void compilers_names_share_the_heap(void) {
    struct sized {
        void *pointer;
        size_t size;
    };
    for (int token = 0; token < 4; token++) {
        char name[] = "__alloc_token_N_malloc", operator_new[] = "__alloc_token_N__Znwm";
        void *(*allocate)(size_t);
        name[14] = operator_new[14] = (char)('0' + token);
        find(name, &allocate);
        cairn_free(allocate(500));
        find(operator_new, &allocate);
        cairn_free(allocate(500));
    }
    struct sized (*new_sized)(size_t);
    struct sized (*new_sized_aligned)(size_t, size_t);
    find("__size_returning_new", &new_sized);
    find("__size_returning_new_aligned", &new_sized_aligned);
    struct sized result = new_sized(1000);
    EXPECT(result.size == cairn_good_size(1000) && cairn_is_mine(result.pointer));
    memset(result.pointer, 1, result.size);
    cairn_free(result.pointer);
    result = new_sized_aligned(1000, 256);
    EXPECT(result.size >= 1000 && address(result.pointer) % 256 == 0);
    memset(result.pointer, 1, result.size);
    cairn_free(result.pointer);
}

int main(void) {
    both_families_are_one_heap();
    failures_say_why();
    aligned_is_aligned();
    good_sizes_are_what_one_gets();
    it_knows_its_own();
    purging_gives_back();
    compilers_names_share_the_heap();
    EXPECT(strchr(cairn_version(), '.') != NULL);
    return 0;
}
