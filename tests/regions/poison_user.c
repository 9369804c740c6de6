/* Built with AddressSanitizer, or run under Valgrind.  Without an argument: right use of arenas,
 * pools and object caches, which must not be reported.  With one: the mistake of that name, which
 * must be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairn/object_cache.h>
#include <cairn/pool.h>
#include <cairn/scratch.h>
#include <cairn/shared_arena.h>

static struct cairn_arena arena;

/* Hidden from the compiler, which would see through some of these. */
static volatile char sink;
static char *volatile object;

static void overflow(void) {
    object = cairn_arena_allocate(&arena, 13, 1);
    object[13] = 1;
}

static void before_first(void) {
    object = cairn_arena_allocate(&arena, 16, 8);
    object = cairn_arena_allocate(&arena, 16, 8);
    sink = object[-1];
}

static void rewound(void) {
    struct cairn_mark mark = cairn_arena_mark(&arena);
    object = cairn_arena_string(&arena, "gone");
    cairn_arena_rewind(&arena, mark);
    sink = object[0];
}

static void reset(void) {
    object = cairn_arena_string(&arena, "gone");
    cairn_arena_reset(&arena);
    sink = object[0];
}

static void shrunk(void) {
    object = cairn_arena_allocate(&arena, 100, 1);
    object = cairn_arena_resize(&arena, object, 100, 50, 1);
    sink = object[50];
}

static void shared(void) {
    struct cairn_shared_arena threads;
    cairn_shared_arena_init(&threads, NULL, NULL);
    object = cairn_shared_arena_allocate(&threads, 13, 1);
    sink = object[13];
}

static void given(void) {
    static struct cairn_pool pool;
    (void)!cairn_pool_init(&pool, 48, NULL);
    object = cairn_pool_take(&pool);
    object[40] = 1;
    cairn_pool_give(&pool, object);
    sink = object[40];
}

static void cached(void) {
    struct cairn_object_cache *cache = cairn_object_cache_create(48, NULL);
    object = cairn_object_cache_take(cache);
    object[40] = 1;
    cairn_object_cache_give(cache, object);
    sink = object[40];
}

/* Malloc itself: of memcheck, to which the library gives way. */
static void plain(void) {
    object = malloc(13);
    free(object);
    sink = object[0];
}

/* Many more than a chunk or a magazine has, some of them twice. */
static void use_objects_rightly(void) {
    enum { OBJECTS = 2000 };
    static void *objects[2][OBJECTS];
    static struct cairn_pool pool;
    struct cairn_object_cache *cache = cairn_object_cache_create(100, NULL);
    (void)!cairn_pool_init(&pool, 100, NULL);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < OBJECTS; i++) {
            objects[0][i] = memset(cairn_pool_take(&pool), 1, 100);
            objects[1][i] = memset(cairn_object_cache_take(cache), 2, 100);
        }
        for (size_t i = 0; i < OBJECTS; i++) {
            cairn_pool_give(&pool, objects[0][i]);
            cairn_object_cache_give(cache, objects[1][i]);
        }
    }
    cairn_pool_destroy(&pool);
    cairn_object_cache_destroy(cache);
}

static void use_rightly(struct cairn_arena *some) {
    for (int round = 0; round < 3; round++) {
        struct cairn_mark mark = cairn_arena_mark(some);
        for (size_t size = 0; size < 60; size++) {
            char *bytes = cairn_arena_allocate(some, size, (size_t)1 << size % 7);
            memset(bytes, 1, size);
            bytes = cairn_arena_resize(some, bytes, size, size + 20, (size_t)1 << size % 7);
            memset(bytes, 2, size + 20);
        }
        cairn_arena_rewind(some, mark);
        (void)!cairn_arena_printf(some, "%d", round);
        cairn_arena_reset(some);
    }
    cairn_arena_destroy(some);
}

static int use_all_rightly(void) {
    static char buffer[10000];
    use_rightly(&arena);
    cairn_arena_init_fixed(&arena, NULL, buffer, sizeof buffer);
    use_rightly(&arena);
    memset(buffer, 3, sizeof buffer);
    if (!cairn_arena_init_reserved(&arena, NULL, 1 << 20)) {
        return 1;
    }
    use_rightly(&arena);
    struct cairn_scratch scratch = cairn_scratch_begin(NULL);
    memset(cairn_arena_allocate(scratch.arena, 100, 1), 1, 100);
    cairn_scratch_end(&scratch);
    struct cairn_shared_arena threads;
    cairn_shared_arena_init(&threads, NULL, NULL);
    for (size_t size = 0; size < 5000; size += 100) {
        memset(cairn_shared_arena_allocate(&threads, size, 16), 1, size);
    }
    cairn_shared_arena_reset(&threads);
    cairn_shared_arena_destroy(&threads);
    use_objects_rightly();
    return 0;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*make)(void);
    } mistakes[] = {{"overflow", overflow}, {"before_first", before_first},
                    {"rewound", rewound},   {"reset", reset},
                    {"shrunk", shrunk},     {"shared", shared},
                    {"given", given},       {"cached", cached},
                    {"plain", plain}};
    for (size_t i = 0; argc == 2 && i < sizeof mistakes / sizeof *mistakes; i++) {
        if (strcmp(argv[1], mistakes[i].name) == 0) {
            mistakes[i].make();
        }
    }
    return argc == 1 ? use_all_rightly() : 1;
}
