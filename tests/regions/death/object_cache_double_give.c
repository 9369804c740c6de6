/* An object of a cache is given twice; in between it lies in a magazine. */
#include <cairn/object_cache.h>

#include "front/death/death.h"

int main(void) {
    const struct cairn_object_cache_options options = {.name = "connections"};
    struct cairn_object_cache *cache = cairn_object_cache_create(100, &options);
    EXPECT(cache != NULL);
    void *object = cairn_object_cache_take(cache);
    void *again = opaque(object);
    cairn_object_cache_give(cache, object);
    EXPECT_REPORT("cairn_object_cache_give", again,
                  "double give of an object of object cache \"connections\"");
    cairn_object_cache_give(cache, again);
    return 0;
}
