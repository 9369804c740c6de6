/* The middle of a pool's object is given. */
#include <cairn/pool.h>

#include "front/death/death.h"

int main(void) {
    struct cairn_pool pool;
    EXPECT(cairn_pool_init(&pool, 48, NULL));
    void *object = cairn_pool_take(&pool);
    void *middle = at_offset(object, 16);
    EXPECT_REPORT(
        "cairn_pool_give", middle,
        "pointer 16 bytes into an object of 48 bytes of an unnamed pool that starts at 0x%lx",
        (unsigned long)address(object));
    cairn_pool_give(&pool, middle);
    return 0;
}
