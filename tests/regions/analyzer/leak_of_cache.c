/* expects: -Wanalyzer-malloc-leak */
#include <cairn/object_cache.h>

int work(int count);

int work(int count) {
    struct cairn_object_cache *cache = cairn_object_cache_create(100, NULL);
    if (cache == NULL || count > 1) {
        return 1;
    }
    cairn_object_cache_destroy(cache);
    return 0;
}
