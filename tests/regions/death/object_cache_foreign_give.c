/* An object of malloc is given to an object cache. */
#include <cairn/object_cache.h>

#include "front/death/death.h"

int main(void) {
    struct cairn_object_cache *cache = cairn_object_cache_create(100, NULL);
    EXPECT(cache != NULL);
    void *object = cairn_object_cache_take(cache);
    void *foreign = object_of(100);
    EXPECT(object != NULL);
    EXPECT_REPORT("cairn_object_cache_give", foreign,
                  "pointer that is no object of an unnamed object cache");
    cairn_object_cache_give(cache, foreign);
    return 0;
}
