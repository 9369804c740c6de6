/* expects: -Wmismatched-dealloc */
#include <cairn/object_cache.h>

void work(struct cairn_object_cache *cache);

void work(struct cairn_object_cache *cache) {
    void *object = cairn_object_cache_take(cache);
    cairn_free(object);
}
