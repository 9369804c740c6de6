/* expects: -Wanalyzer-malloc-leak */
#include <cairn/object_cache.h>

int work(struct cairn_object_cache *cache, int count);

int work(struct cairn_object_cache *cache, int count) {
    int *object = cairn_object_cache_take(cache);
    if (object == NULL || count > *object) {
        return 1;
    }
    cairn_object_cache_give(cache, object);
    return 0;
}
