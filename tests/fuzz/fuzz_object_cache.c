/* Object caches under a fuzzer: the input's first bytes choose the objects and how the memory and
 * the constructor fail, the others are operations on the cache, each mirrored in a model: an array
 * of the objects that must be live, with their contents, and how many constructions there were. */
#include <cairn/object_cache.h>
#include <string.h>

#include "support/bytes.h"
#include "support/tight_allocator.h"

enum { HEAD = 4, OPERATION = 3, MOST = 2048, SMALLEST = 16, LIMIT_MOST = 8 << 20 };
enum { TAKE = 0, GIVE, GIVE_BACKWARDS, REAP, LOOK };

/* What the constructor makes, and whoever gives an object back must have left. */
struct ready {
    uint64_t magic;
    const void *itself;
};
#define READY UINT64_C(0x7265616479206e6f)

struct entry {
    unsigned char *object; /* NULL: not live */
    unsigned char stamp;
};

struct model {
    struct cairn_object_cache *cache;
    struct tight_allocator tight;
    size_t size, alignment;
    size_t live, takes, gives;
    size_t constructed, destructed;
    size_t attempts;   /* constructions that were tried */
    size_t fails_each; /* every so many-th of them fails; 0: none */
    struct entry entries[MOST];
};

static struct model model;

static bool make_ready(void *object, void *context) {
    REQUIRE(context == &model);
    model.attempts++;
    if (model.fails_each != 0 && model.attempts % model.fails_each == 0) {
        return false;
    }
    struct ready ready = {READY, object};
    memcpy(object, &ready, sizeof ready);
    model.constructed++;
    return true;
}

static void require_ready(const void *object) {
    struct ready ready;
    memcpy(&ready, object, sizeof ready);
    REQUIRE(ready.magic == READY && ready.itself == object);
}

static void take_apart(void *object, void *context) {
    REQUIRE(context == &model);
    require_ready(object);
    memset(object, 0xDD, model.size); /* to be seen if it is handed out so */
    model.destructed++;
}

static void start(const uint8_t *data) {
    static const uint16_t sizes[] = {16, 17, 24, 40, 64, 100, 256, 1000, 4096, 20000};
    memset(&model, 0, sizeof model);
    model.size = sizes[data[0] % (sizeof sizes / sizeof *sizes)];
    model.alignment = (data[1] & 8) != 0 ? (size_t)1 << data[1] % 8 : 0;
    model.fails_each = data[2] % 16 == 0 ? 2 + data[2] / 16U : 0;
    model.tight.limit = (data[3] & 1) != 0 ? (size_t)(data[3] + 1) << 10 : LIMIT_MOST;
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&model.tight);
    const struct cairn_object_cache_options options = {.name = "fuzzed",
                                                       .allocator = &allocator,
                                                       .alignment = model.alignment,
                                                       .construct = make_ready,
                                                       .destruct = take_apart,
                                                       .context = &model};
    model.cache = cairn_object_cache_create(model.size, &options);
}

static void take(struct entry *entry, unsigned char stamp) {
    if (entry->object != NULL) {
        return;
    }
    size_t calls = model.tight.calls;
    size_t attempts = model.attempts;
    entry->object = cairn_object_cache_take(model.cache);
    if (entry->object == NULL) { /* for a reason: it asked for memory, or failed to construct */
        REQUIRE(model.tight.calls != calls || model.attempts != attempts);
        return;
    }
    REQUIRE((uintptr_t)entry->object % (model.alignment == 0 ? 1 : model.alignment) == 0);
    require_ready(entry->object);
    memset(entry->object + SMALLEST, stamp, model.size - SMALLEST);
    entry->stamp = stamp;
    model.live++;
    model.takes++;
}

static void give(struct entry *entry) {
    if (entry->object != NULL) {
        require_ready(entry->object);
        require_filled(entry->object + SMALLEST, model.size - SMALLEST, entry->stamp);
        cairn_object_cache_give(model.cache, entry->object);
        entry->object = NULL;
        model.live--;
        model.gives++;
    }
}

static void look(void) {
    struct cairn_object_cache_figures figures = cairn_object_cache_statistics(model.cache);
    REQUIRE(figures.live == model.live && figures.takes == model.takes &&
            figures.gives == model.gives);
    REQUIRE(figures.constructed == model.constructed && figures.destructed == model.destructed);
    REQUIRE(figures.live + figures.idle == model.constructed - model.destructed);
    REQUIRE(figures.live <= figures.slabs * figures.slab_objects);
    REQUIRE(figures.reserved == model.tight.used && figures.used <= figures.reserved);
    struct cairn_object_cache_figures same;
    REQUIRE(cairn_object_cache_statistics_of("fuzzed", &same) && same.live == figures.live);
}

static void reap(void) {
    size_t used = model.tight.used;
    size_t bytes = cairn_object_cache_reap(model.cache);
    REQUIRE(model.tight.used + bytes == used);
}

/* `count` entries from `first` on. */
static void operate(unsigned kind, size_t first, size_t count, unsigned char stamp) {
    for (size_t i = 0; i < count; i++) {
        size_t at = kind == GIVE_BACKWARDS ? count - 1 - i : i;
        struct entry *entry = &model.entries[(first + at) % MOST];
        if (kind == TAKE) {
            take(entry, stamp);
        } else {
            give(entry);
        }
    }
}

static void run(const uint8_t *operation) {
    unsigned kind = operation[0] % 16U;
    if (kind == REAP) {
        reap();
    } else if (kind == LOOK) {
        look();
    } else {
        operate(kind % 3, operation[1] * 8U, operation[2], operation[0] ^ operation[2]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < HEAD) {
        return 0;
    }
    start(data);
    if (model.cache == NULL) {
        REQUIRE(model.tight.used == 0);
        return 0;
    }
    for (size_t at = HEAD; at + OPERATION <= size; at += OPERATION) {
        run(data + at);
    }
    look();
    operate(GIVE, 0, MOST, 0);
    cairn_object_cache_destroy(model.cache);
    REQUIRE(model.constructed == model.destructed);
    REQUIRE(model.tight.used == 0 && model.tight.objects == 0);
    return 0;
}
