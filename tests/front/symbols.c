/* Every name that belongs to the heap is answered by one object: the one that answers malloc.
 *
 * A name that the library forgot would silently be libc's or libstdc++'s, and its memory would meet
 * the wrong free. The names are the list of what programs import; the library must have all of
 * them. */
#include <dlfcn.h>

#include "support/testkit.h"

static const char *const c_names[] = {"malloc",
                                      "free",
                                      "calloc",
                                      "realloc",
                                      "reallocarray",
                                      "aligned_alloc",
                                      "memalign",
                                      "posix_memalign",
                                      "valloc",
                                      "pvalloc",
                                      "cfree",
                                      "free_sized",
                                      "free_aligned_sized",
                                      "malloc_usable_size",
                                      "mallinfo",
                                      "mallinfo2",
                                      "malloc_info",
                                      "malloc_stats",
                                      "malloc_trim",
                                      "mallopt"};

static const char *const libc_names[] = {"__libc_malloc",
                                         "__libc_free",
                                         "__libc_calloc",
                                         "__libc_realloc",
                                         "__libc_memalign",
                                         "__libc_valloc",
                                         "__libc_pvalloc",
                                         "__libc_reallocarray",
                                         "__libc_cfree",
                                         "__libc_mallinfo",
                                         "__libc_mallopt",
                                         "__libc_free_sized",
                                         "__libc_free_aligned_sized",
                                         "__posix_memalign"};

static const char *const cxx_names[] = {"_Znwm",
                                        "_Znam",
                                        "_ZnwmRKSt9nothrow_t",
                                        "_ZnamRKSt9nothrow_t",
                                        "_ZnwmSt11align_val_t",
                                        "_ZnamSt11align_val_t",
                                        "_ZnwmSt11align_val_tRKSt9nothrow_t",
                                        "_ZnamSt11align_val_tRKSt9nothrow_t",
                                        "_ZdlPv",
                                        "_ZdaPv",
                                        "_ZdlPvm",
                                        "_ZdaPvm",
                                        "_ZdlPvRKSt9nothrow_t",
                                        "_ZdaPvRKSt9nothrow_t",
                                        "_ZdlPvSt11align_val_t",
                                        "_ZdaPvSt11align_val_t",
                                        "_ZdlPvmSt11align_val_t",
                                        "_ZdaPvmSt11align_val_t",
                                        "_ZdlPvSt11align_val_tRKSt9nothrow_t",
                                        "_ZdaPvSt11align_val_tRKSt9nothrow_t"};

static const char *const token_names[] = {"__alloc_token_malloc",
                                          "__alloc_token_calloc",
                                          "__alloc_token_realloc",
                                          "__alloc_token_reallocarray",
                                          "__alloc_token_memalign",
                                          "__alloc_token_aligned_alloc",
                                          "__alloc_token_posix_memalign",
                                          "__alloc_token_valloc",
                                          "__alloc_token_pvalloc",
                                          "__alloc_token__Znwm",
                                          "__alloc_token__Znam",
                                          "__alloc_token__ZnwmRKSt9nothrow_t",
                                          "__alloc_token__ZnamRKSt9nothrow_t",
                                          "__alloc_token__ZnwmSt11align_val_t",
                                          "__alloc_token__ZnamSt11align_val_t",
                                          "__alloc_token__ZnwmSt11align_val_tRKSt9nothrow_t",
                                          "__alloc_token__ZnamSt11align_val_tRKSt9nothrow_t"};

static void *origin(const char *name) {
    Dl_info info;
    void *symbol = dlsym(RTLD_DEFAULT, name);
    return symbol != NULL && dladdr(symbol, &info) != 0 ? info.dli_fbase : NULL;
}

static unsigned count_strangers(const char *const *names, size_t count, const void *home) {
    unsigned strangers = 0;
    for (size_t i = 0; i < count; i++) {
        void *base = origin(names[i]);
        if (base != home) {
            printf("FAIL  %s: %s\n", names[i], base == NULL ? "nowhere" : "from another object");
            strangers++;
        }
    }
    return strangers;
}

#define COUNT_STRANGERS(names) count_strangers(names, sizeof names / sizeof names[0], home)

int main(void) {
    Dl_info info;
    void *symbol = dlsym(RTLD_DEFAULT, "malloc");
    EXPECT(symbol != NULL && dladdr(symbol, &info) != 0);
    if (strstr(info.dli_fname, "cairn") == NULL) {
        FAIL("malloc is not cairn's but comes from %s", info.dli_fname);
    }
    const void *home = info.dli_fbase;
    unsigned strangers = COUNT_STRANGERS(c_names) + COUNT_STRANGERS(libc_names) +
                         COUNT_STRANGERS(cxx_names) + COUNT_STRANGERS(token_names);
    printf("%u names are not answered by %s\n", strangers, info.dli_fname);
    return strangers == 0 ? 0 : 1;
}
