/* An object of a shared pool is given twice, by two threads. */
#include <cairn/pool.h>
#include <pthread.h>

#include "front/death/death.h"

static struct cairn_pool pool;

static void *give_once(void *object) {
    cairn_pool_give(&pool, object);
    return NULL;
}

int main(void) {
    pthread_t thread;
    const struct cairn_pool_options options = {.name = "packets", .shared = true};
    EXPECT(cairn_pool_init(&pool, 48, &options));
    void *object = cairn_pool_take(&pool);
    EXPECT(pthread_create(&thread, NULL, give_once, object) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT_REPORT("cairn_pool_give", object,
                  "double give of an object of 48 bytes of pool \"packets\"");
    cairn_pool_give(&pool, opaque(object));
    return 0;
}
