/* Pools under a fuzzer: the input's first bytes choose the kind of pool, the others are operations
 * on it, each mirrored in a model: an array of the objects that must be live, with their contents
 * and handles.  Every operation's result is compared, and the pool's own checker runs throughout.
 * */
#include <cairn/pool.h>
#include <stdlib.h>
#include <string.h>

#include "regions/pool_parts.h"
#include "support/bytes.h"

enum { MOST = 4096, TAKE = 0, GIVE, GIVE_HANDLE, GET, WALK, RESET, KINDS };

struct entry {
    unsigned char *object;      /* NULL: not live */
    struct cairn_handle handle; /* of the last life in this entry */
    unsigned char stamp;
};

struct model {
    struct cairn_pool pool;
    size_t size;
    size_t live;
    size_t peak;
    size_t limit; /* objects; 0: it grows */
    bool handles;
    struct entry entries[MOST];
};

static struct model model;
static _Alignas(64) unsigned char memory[1 << 16];

static void start(const uint8_t *data) {
    static const uint16_t sizes[] = {1, 2, 7, 8, 24, 48, 64, 100, 128, 200, 1000, 4096};
    const struct cairn_pool_options options = {
        .handles = (data[0] & 1) != 0,
        .shared = (data[0] & 2) != 0,
        .alignment = (data[0] & 4) != 0 ? (size_t)1 << (data[0] >> 4) % 10 : 0,
        .first = data[2],
        .most = (data[0] & 8) != 0 ? data[1] + 1U : 0,
    };
    memset(&model, 0, sizeof model);
    model.size = sizes[data[1] % (sizeof sizes / sizeof *sizes)];
    model.handles = options.handles;
    size_t skipped = data[2] % 64;
    if ((data[3] & 1) != 0 && cairn_pool_init_fixed(&model.pool, model.size, memory + skipped,
                                                    sizeof memory - skipped, &options)) {
        model.limit = model.pool.chunks[0]->objects;
    } else {
        REQUIRE(cairn_pool_init(&model.pool, model.size, &options));
        model.limit = options.most;
    }
}

static void take(struct entry *entry, unsigned char stamp) {
    if (entry->object != NULL) {
        return;
    }
    entry->object = cairn_pool_take(&model.pool);
    REQUIRE((entry->object == NULL) == (model.limit != 0 && model.live == model.limit));
    if (entry->object != NULL) {
        REQUIRE((uintptr_t)entry->object % model.pool.alignment == 0);
        memset(entry->object, stamp, model.size);
        entry->stamp = stamp;
        entry->handle = cairn_pool_handle(&model.pool, entry->object);
        REQUIRE((entry->handle.generation != 0) == model.handles);
        model.live++;
        model.peak = model.live > model.peak ? model.live : model.peak;
    }
}

static void give(struct entry *entry, bool by_handle) {
    if (entry->object != NULL) {
        require_filled(entry->object, model.size, entry->stamp);
    }
    if (by_handle) {
        bool given = cairn_pool_give_handle(&model.pool, entry->handle);
        REQUIRE(given == (entry->object != NULL && model.handles));
        if (!given) {
            return;
        }
    } else {
        cairn_pool_give(&model.pool, entry->object);
    }
    model.live -= entry->object != NULL;
    entry->object = NULL;
}

static void get(const struct entry *entry) {
    void *expected = model.handles ? entry->object : NULL;
    REQUIRE(cairn_pool_get(&model.pool, entry->handle) == expected);
    REQUIRE(entry->object == NULL || cairn_pool_owns(&model.pool, entry->object));
    REQUIRE(entry->object == NULL ||
            !cairn_pool_owns(&model.pool, entry->object + model.size / 2) || model.size == 1);
}

static void walk(void) {
    struct cairn_pool_cursor cursor = {0};
    size_t met = 0;
    for (const unsigned char *last = NULL, *object;
         (object = cairn_pool_next(&model.pool, &cursor)) != NULL; met++, last = object) {
        REQUIRE(object != last);
    }
    REQUIRE(met == model.live);
    REQUIRE(cairn_pool_statistics(&model.pool).live == model.live);
    REQUIRE(cairn_pool_statistics(&model.pool).peak >= model.peak * model.pool.stride);
    const char *wrong;
    REQUIRE(pool_holds(&model.pool, &wrong));
}

static void reset(void) {
    cairn_pool_reset(&model.pool);
    for (size_t i = 0; i < MOST; i++) {
        model.entries[i].object = NULL;
    }
    model.live = 0;
}

/* `count` entries from `first` on. */
static void operate(unsigned kind, size_t first, size_t count, unsigned char stamp) {
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = &model.entries[(first + i) % MOST];
        switch (kind) {
        case TAKE:
            take(entry, stamp);
            break;
        case GIVE:
        case GIVE_HANDLE:
            give(entry, kind == GIVE_HANDLE);
            break;
        default:
            get(entry);
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4) {
        return 0;
    }
    start(data);
    for (size_t at = 4; at + 4 <= size; at += 4) {
        unsigned kind = data[at] % 16U;
        if (kind == WALK) {
            walk();
        } else if (kind == RESET) {
            reset();
        } else {
            operate(kind % 4, data[at + 1] | (size_t)data[at + 2] << 8, data[at + 3] % 100U,
                    data[at + 2]);
        }
    }
    walk();
    cairn_pool_destroy(&model.pool);
    return 0;
}
