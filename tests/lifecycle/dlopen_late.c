/* The library is loaded late into a program that has a malloc of its own, as a plugin would bring
 * it: it must load, which large thread-local storage would prevent, and its own names must work
 * beside the program's malloc, in threads that were there before and in new ones.
 *
 *   dlopen_late LIBRARY local|global [MALLOC FREE] */
#include <dlfcn.h>
#include <link.h>
#include <sched.h>

#include "threads.h"

enum { OBJECTS = 2000 };

#ifdef CAIRN_DEBUG
enum { TLS_LIMIT = 24 }; /* that build also notes which mutexes a thread holds */
#else
enum { TLS_LIMIT = 16 };
#endif

static void *(*library_malloc)(size_t);
static void (*library_free)(void *);
static atomic_bool loaded;

static void find(void *library, const char *name, void *function) {
    void *symbol = dlsym(library, name);
    if (symbol == NULL) {
        FAIL("the library has no %s", name);
    }
    memcpy(function, &symbol, sizeof symbol);
}

static void *work(void *argument) {
    while (!atomic_load(&loaded)) {
        free(malloc(100));
        sched_yield();
    }
    uint64_t random = (uint64_t)(uintptr_t)argument + 1;
    static const size_t limit = 300 * 1024;
    void *p[OBJECTS];
    size_t sizes[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        sizes[i] = random_size(&random, limit);
        p[i] = library_malloc(sizes[i]);
        EXPECT(p[i] != NULL && address(p[i]) % 16 == 0);
        pattern_fill(p[i], sizes[i], i);
        tagged_delete(tagged_new(&random, limit)); /* of the program's own malloc */
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        EXPECT(pattern_holds(p[i], sizes[i], i));
        library_free(p[i]);
    }
    return NULL;
}

static int check_tls(struct dl_phdr_info *info, size_t size, void *path) {
    (void)size;
    if (strcmp(info->dlpi_name, (const char *)path) != 0) {
        return 0;
    }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type == PT_TLS) {
            say(1, "%zu bytes of thread-local storage\n", (size_t)header->p_memsz);
            EXPECT(header->p_memsz <= TLS_LIMIT);
        }
    }
    return 1;
}

int main(int count, char **arguments) {
    EXPECT(count >= 3);
    int scope = strcmp(arguments[2], "global") == 0 ? RTLD_GLOBAL : RTLD_LOCAL;
    pthread_t earlier[3];
    pthread_t later[3];
    for (uintptr_t i = 0; i < 3; i++) {
        earlier[i] = start_thread(work, (void *)i);
    }
    void *library = dlopen(arguments[1], RTLD_NOW | scope);
    if (library == NULL) {
        FAIL("%s", dlerror());
    }
    find(library, count > 3 ? arguments[3] : "cairn_malloc", &library_malloc);
    find(library, count > 4 ? arguments[4] : "cairn_free", &library_free);
    if (count == 3) {
        EXPECT(dl_iterate_phdr(check_tls, arguments[1]) == 1);
    }
    atomic_store(&loaded, true);
    work((void *)50);
    for (uintptr_t i = 0; i < 3; i++) {
        later[i] = start_thread(work, (void *)(i + 10));
    }
    for (size_t i = 0; i < 3; i++) {
        join_thread(earlier[i]);
        join_thread(later[i]);
    }
    /* Threads that used it may end after it was closed. */
    void *kept = library_malloc(100);
    EXPECT(dlclose(library) == 0);
    library = dlopen(arguments[1], RTLD_NOW | scope);
    EXPECT(library != NULL);
    find(library, count > 4 ? arguments[4] : "cairn_free", &library_free);
    library_free(kept);
    return 0;
}
