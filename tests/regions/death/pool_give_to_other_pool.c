/* An object is given to another pool than it was taken from. */
#include <cairn/pool.h>

#include "front/death/death.h"

int main(void) {
    struct cairn_pool ships;
    struct cairn_pool planets;
    EXPECT(cairn_pool_init(&ships, 48, NULL));
    EXPECT(cairn_pool_init(&planets, 48, &(struct cairn_pool_options){.name = "planets"}));
    void *ship = cairn_pool_take(&ships);
    void *planet = cairn_pool_take(&planets);
    EXPECT(ship != NULL && planet != NULL);
    EXPECT_REPORT("cairn_pool_give", ship, "pointer that is not of pool \"planets\"");
    cairn_pool_give(&planets, ship);
    return 0;
}
