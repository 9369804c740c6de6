/* An object of a pool is given twice. */
#include <cairn/pool.h>

#include "front/death/death.h"

int main(void) {
    struct cairn_pool pool;
    const struct cairn_pool_options options = {.name = "packets"};
    EXPECT(cairn_pool_init(&pool, 48, &options));
    void *object = cairn_pool_take(&pool);
    cairn_pool_give(&pool, object);
    EXPECT_REPORT("cairn_pool_give", object,
                  "double give of an object of 48 bytes of pool \"packets\"");
    cairn_pool_give(&pool, opaque(object));
    return 0;
}
