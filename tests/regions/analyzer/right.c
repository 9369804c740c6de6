/* expects nothing: all that is right passes without a word. */
#include <string.h>

#include <cairn/arena.h>
#include <cairn/map.h>
#include <cairn/object_cache.h>
#include <cairn/pool.h>
#include <cairn/scope.h>
#include <cairn/str.h>
#include <cairn/vec.h>

CAIRN_VEC(numbers, int)
CAIRN_POOL(number_pool, int)
CAIRN_OBJECT_CACHE(number_cache, int)

static char *resized(char *object) {
    char *larger = cairn_realloc(object, 200);
    if (larger == NULL) {
        cairn_free(object); /* it failed, so the object is alive */
        return NULL;
    }
    return larger;
}

static char *greeting(const char *name) {
    cairn_autofree char *hello = cairn_strcat("hello, ", name);
    cairn_autofree char *text = cairn_strprintf("%s!", hello == NULL ? "" : hello);
    return cairn_steal(text);
}

static int from_regions(const struct cairn_map *file) {
    cairn_auto(cairn_arena_destroy) struct cairn_arena arena = {0};
    struct number_pool pool;
    struct number_cache cache;
    int sum = 0;
    int *from_arena = cairn_arena_new_zeroed(&arena, int);
    if (from_arena == NULL || !number_pool_init(&pool, NULL)) {
        return 0;
    }
    int *from_pool = number_pool_take(&pool);
    if (from_pool != NULL && number_cache_create(&cache, NULL)) {
        int *from_cache = number_cache_take(&cache);
        if (from_cache != NULL) {
            *from_pool = file->data[0];
            *from_cache = *from_arena;
            sum = *from_pool + *from_cache;
        }
        number_cache_give(&cache, from_cache);
        number_cache_destroy(&cache);
    }
    number_pool_give(&pool, from_pool);
    number_pool_destroy(&pool);
    return sum;
}

static int from_file(const char *path) {
    cairn_auto(cairn_map_dispose) struct cairn_map file;
    return cairn_map_failed(cairn_map_file(&file, path, CAIRN_MAP_READ, 0)) ? 0
                                                                            : from_regions(&file);
}

int work(int argc, char **argv);

int work(int argc, char **argv) {
    char *object = cairn_malloc(100);
    if (object == NULL) {
        return 1;
    }
    memset(object, 0, 100);
    cairn_autofree char *kept = resized(object);
    cairn_autofree char *text = greeting(argv[0]);
    cairn_auto(cairn_str_destroy) struct cairn_str string = {0};
    cairn_auto(numbers_destroy) struct numbers vec = {0};
    if (!numbers_push(&vec, argc) || !cairn_str_append(&string, text)) {
        return 1;
    }
    return kept == NULL || from_file(argv[0]) == 0;
}
