/* An object cache is destroyed while an object of it is live. */
#include <cairn/object_cache.h>

#include "front/death/death.h"

int main(void) {
    struct cairn_object_cache *cache = cairn_object_cache_create(100, NULL);
    EXPECT(cache != NULL);
    void *object = cairn_object_cache_take(cache);
    EXPECT(object != NULL);
    EXPECT_REPORT("cairn_object_cache_destroy", cache,
                  "1 object is live of an unnamed object cache");
    cairn_object_cache_destroy(cache);
    return 0;
}
