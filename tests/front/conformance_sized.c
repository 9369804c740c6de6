/* Sized frees (C23), old names, the __libc_ names, and libc functions that allocate for the caller.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <obstack.h>

#include "conformance.h"
#include "support/testkit.h"

/* Looked up while running: glibc 2.36 does not have all of them. */
static bool find(const char *name, void *function) {
    void *symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static void (*free_sized_found)(void *, size_t);
static void (*free_aligned_sized_found)(void *, size_t, size_t);

static bool free_sized_frees(void) {
    HOLDS(find("free_sized", &free_sized_found));
    size_t before = status_bytes("VmRSS:");
    for (unsigned i = 0; i < 200000; i++) {
        size_t size = i * 37 % 40000;
        char *p = malloc(size);
        HOLDS(p != NULL);
        memset(p, 1, size);
        errno = 4711;
        free_sized_found(p, size);
        HOLDS(errno == 4711);
    }
    HOLDS(status_bytes("VmRSS:") < before + 32 * MIB);
    free_sized_found(calloc(10, 30), 300);
    free_sized_found(realloc(malloc(100), 60), 60);
    free_sized_found(realloc(malloc(9 * MIB), 100000), 100000);
    return true;
}

static bool free_aligned_sized_frees(void) {
    HOLDS(find("free_aligned_sized", &free_aligned_sized_found));
    for (size_t alignment = 16; alignment <= 8 * MIB; alignment *= 2) {
        for (size_t size = 1; size < 10 * MIB; size = size * 7 + 1) {
            void *p = aligned_alloc(alignment, size);
            HOLDS(p != NULL);
            errno = 4711;
            free_aligned_sized_found(p, alignment, size);
            HOLDS(errno == 4711);
        }
    }
    return true;
}

static bool sized_free_of_null_is_nothing(void) {
    HOLDS(find("free_sized", &free_sized_found));
    HOLDS(find("free_aligned_sized", &free_aligned_sized_found));
    free_sized_found(opaque(NULL), 100);
    free_sized_found(opaque(NULL), 0);
    free_aligned_sized_found(opaque(NULL), 64, 100);
    return true;
}

/* A wrong size is the caller's bug, but it must not damage the heap: the object's own size rules.
 */
static bool sized_free_never_trusts_the_size(void) {
    HOLDS(find("free_sized", &free_sized_found));
    static const size_t wrong[] = {0, 1, 16, 40, 100, 1000, 50000, SIZE_MAX};
    enum { COUNT = 512 };
    void *p[COUNT];
    for (size_t w = 0; w < sizeof wrong / sizeof wrong[0]; w++) {
        for (size_t i = 0; i < COUNT; i++) {
            p[i] = malloc(i * 13);
            HOLDS(p[i] != NULL);
            pattern_fill(p[i], i * 13, i);
        }
        for (size_t i = 0; i < COUNT; i += 2) {
            free_sized_found(p[i], opaque_size(wrong[w]));
        }
        for (size_t i = 0; i < COUNT; i += 2) {
            p[i] = malloc(i * 13);
            HOLDS(p[i] != NULL);
            pattern_fill(p[i], i * 13, i);
        }
        for (size_t i = 0; i < COUNT; i++) {
            HOLDS(pattern_holds(p[i], i * 13, i));
            free(p[i]);
        }
    }
    return true;
}

static bool cfree_frees(void) {
    void (*cfree_found)(void *) = NULL;
    HOLDS(find("cfree", &cfree_found));
    cfree_found(malloc(100));
    cfree_found(opaque(NULL));
    return true;
}

static bool libc_names_share_the_heap(void) {
    void *(*libc_malloc)(size_t) = NULL;
    void *(*libc_calloc)(size_t, size_t) = NULL;
    void *(*libc_realloc)(void *, size_t) = NULL;
    void *(*libc_memalign)(size_t, size_t) = NULL;
    void (*libc_free)(void *) = NULL;
    HOLDS(find("__libc_malloc", &libc_malloc) && find("__libc_calloc", &libc_calloc));
    HOLDS(find("__libc_realloc", &libc_realloc) && find("__libc_memalign", &libc_memalign));
    HOLDS(find("__libc_free", &libc_free));
    void *p = libc_malloc(100);
    HOLDS(p != NULL && malloc_usable_size(p) >= 100);
    p = realloc(p, 3000);
    HOLDS(p != NULL);
    free(p);
    p = libc_calloc(10, 50);
    HOLDS(p != NULL && all_zero(p, 500));
    p = libc_realloc(p, 70000);
    HOLDS(p != NULL && all_zero(p, 500));
    free(p);
    p = libc_memalign(4096, 10);
    HOLDS(p != NULL && address(p) % 4096 == 0);
    free(p);
    libc_free(malloc(1000));
    libc_free(malloc(MIB));
    return true;
}

static bool older_libc_names_share_the_heap(void) {
    void *(*libc_valloc)(size_t) = NULL;
    void *(*libc_pvalloc)(size_t) = NULL;
    HOLDS(find("__libc_valloc", &libc_valloc) && find("__libc_pvalloc", &libc_pvalloc));
    void *p = libc_valloc(10);
    HOLDS(p != NULL && address(p) % 4096 == 0);
    free(p);
    p = libc_pvalloc(10);
    HOLDS(p != NULL && address(p) % 4096 == 0 && malloc_usable_size(p) >= 4096);
    free(p);
    return true;
}

/* Strings and buffers that libc allocates are the program's to free, realloc and measure. */
static bool libc_strings_share_the_heap(void) {
    char *p = strdup("a rather ordinary string");
    HOLDS(p != NULL && malloc_usable_size(p) >= 25);
    free(p);
    p = strndup("another string", 7);
    HOLDS(p != NULL && strcmp(p, "another") == 0);
    p = realloc(p, 1000);
    HOLDS(p != NULL && strcmp(p, "another") == 0);
    free(p);
    HOLDS(asprintf(&p, "%0300d", 7) == 300 && malloc_usable_size(p) >= 301);
    free(p);
    p = realpath("/", NULL);
    HOLDS(p != NULL && malloc_usable_size(p) >= 2);
    free(p);
    p = getcwd(NULL, 0);
    HOLDS(p != NULL);
    free(p);
    return true;
}

static bool libc_streams_share_the_heap(void) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    HOLDS(stream != NULL);
    for (unsigned i = 0; i < 10000; i++) {
        fprintf(stream, "line %u\n", i);
    }
    HOLDS(fclose(stream) == 0 && malloc_usable_size(text) >= size);
    stream = fmemopen(text, size, "r");
    HOLDS(stream != NULL);
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stream) > 0) {
        HOLDS(malloc_usable_size(line) >= room);
    }
    fclose(stream);
    free(line);
    free(text);
    struct dirent **entries = NULL;
    int count = scandir("/", &entries, NULL, alphasort);
    HOLDS(count > 0);
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
    return true;
}

/* The macros of obstack.h are not written for these warnings. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wconversion"
#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

static bool obstacks_share_the_heap(void) {
    struct obstack stack;
    obstack_init(&stack);
    for (int i = 0; i < 100000; i++) {
        obstack_grow(&stack, &i, sizeof i);
    }
    int *numbers = obstack_finish(&stack);
    for (int i = 0; i < 100000; i++) {
        HOLDS(numbers[i] == i);
    }
    obstack_free(&stack, NULL);
    return true;
}
#pragma GCC diagnostic pop

/* The break belongs to the program. */
static bool break_is_left_alone(void) {
    void *before = sbrk(0);
    for (size_t i = 0; i < 20000; i++) {
        HOLDS(malloc(i % 3000) != NULL);
    }
    HOLDS(sbrk(0) == before);
    return true;
}

ROWS(rows_sized, "sized frees, other names, libc's own allocations",
     {"free_sized: frees, errno kept", free_sized_frees, 243},
     {"free_aligned_sized: frees, errno kept", free_aligned_sized_frees, 243},
     {"free_sized(NULL), free_aligned_sized(NULL): nothing", sized_free_of_null_is_nothing, 243},
     {"free_sized: a wrong size never damages the heap", sized_free_never_trusts_the_size, 243},
     {"cfree: frees", cfree_frees, CAIRN_ONLY},
     {"__libc_malloc and kin: the same heap", libc_names_share_the_heap, ALWAYS},
     {"__libc_valloc, __libc_pvalloc: the same heap", older_libc_names_share_the_heap, ALWAYS},
     {"strdup, asprintf, realpath, getcwd: the same heap", libc_strings_share_the_heap, ALWAYS},
     {"open_memstream, getline, scandir: the same heap", libc_streams_share_the_heap, ALWAYS},
     {"obstacks work", obstacks_share_the_heap, ALWAYS},
     {"sbrk is left to the program", break_is_left_alone, CAIRN_ONLY});
