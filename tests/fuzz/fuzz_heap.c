/* First-class heaps under a fuzzer: the input's first bytes choose the make and the limit, the
 * others are operations on it, each mirrored in a model: an array of the objects that must be live,
 * with their contents.  At the end a walk must show exactly these, and the core's checker holds. */
#include <cairn/heap.h>
#include <stdlib.h>
#include <string.h>

#include "core/checker.h"
#include "core/fast.h"
#include "support/bytes.h"

enum { PLACES = 64, OPERATION = 4, CHECK_EVERY = 256 };
enum { ALLOCATE = 0, ZEROED, ALIGNED, RESIZE, FREE, FREE_PLAINLY, IN_SCOPE, LOOK, KINDS };

struct entry {
    unsigned char *object; /* NULL: none */
    size_t size;
    unsigned char stamp;
    bool seen;
};

struct model {
    struct cairn_heap *heap;
    bool is_fixed;
    size_t live;
    struct entry entries[PLACES];
};

static void free_slowly(void *pointer) { free_slow("free", pointer); }

static struct model model;
static _Alignas(64) unsigned char memory[1 << 16];

static void start(const uint8_t *data) {
    memset(&model, 0, sizeof model);
    model.is_fixed = (data[0] & 1) != 0;
    size_t skipped = data[1] % 64;
    const struct cairn_heap_options options = {.limit = (size_t)(data[0] >> 1) * 65536};
    model.heap = model.is_fixed
                     ? cairn_heap_create_fixed(memory + skipped, sizeof memory - skipped, &options)
                     : cairn_heap_create(&options);
    REQUIRE(model.heap != NULL);
}

/* Most are small. */
static size_t size_of(const uint8_t *operation) {
    size_t size = operation[2];
    return size << operation[3] % 12;
}

static void require_stamped(const struct entry *entry, size_t size) {
    REQUIRE(cairn_heap_usable_size(model.heap, entry->object) >= size);
    require_filled(entry->object, size, entry->stamp);
}

static void stamp(struct entry *entry, size_t size) {
    entry->size = size;
    entry->stamp++;
    memset(entry->object, entry->stamp, size);
}

static void end_object(struct entry *entry, bool plainly) {
    require_stamped(entry, entry->size);
    if (plainly && !model.is_fixed) {
        fast_free(entry->object, free_slowly);
    } else {
        cairn_heap_free(model.heap, entry->object);
    }
    REQUIRE(!cairn_heap_contains(model.heap, entry->object));
    entry->object = NULL;
    model.live--;
}

static void resize_object(struct entry *entry, size_t size) {
    require_stamped(entry, entry->size);
    size_t kept = size < entry->size ? size : entry->size;
    unsigned char *resized = cairn_heap_realloc(model.heap, entry->object, size == 0 ? 1 : size);
    if (resized != NULL) {
        entry->object = resized;
        require_stamped(entry, kept);
        stamp(entry, size);
    } else {
        require_stamped(entry, entry->size);
    }
}

static void *allocate(unsigned kind, size_t size, unsigned log) {
    void *object = NULL;
    switch (kind) {
    case ZEROED:
        object = cairn_heap_calloc(model.heap, size, 1);
        for (size_t i = 0; object != NULL && i < size; i++) {
            REQUIRE(((unsigned char *)object)[i] == 0);
        }
        break;
    case ALIGNED:
        object = cairn_heap_aligned_alloc(model.heap, (size_t)1 << log, size);
        REQUIRE((uintptr_t)object % ((size_t)1 << log) == 0);
        break;
    case IN_SCOPE:
        if (!model.is_fixed) {
            CAIRN_WITH_HEAP(model.heap) { object = fast_allocate(size); }
            break;
        }
        /* fallthrough */
    default:
        object = cairn_heap_malloc(model.heap, size);
    }
    REQUIRE((uintptr_t)object % GRANULE == 0);
    return object;
}

static void see(void *context, void *object, size_t bytes) {
    (void)context;
    struct entry *entry = model.entries;
    while (entry < model.entries + PLACES && entry->object != object) {
        entry++;
    }
    REQUIRE(entry < model.entries + PLACES && !entry->seen && bytes >= entry->size);
    entry->seen = true;
}

static void look(void) {
    for (unsigned i = 0; i < PLACES; i++) {
        model.entries[i].seen = false;
    }
    REQUIRE(cairn_heap_walk(model.heap, see, NULL) == model.live);
    struct cairn_heap_figures figures = cairn_heap_statistics(model.heap);
    REQUIRE(figures.objects == model.live && figures.used <= figures.held);
    REQUIRE(figures.limit == 0 || figures.peak <= figures.limit);
}

/* Looks at all descriptors, so not often. */
static void check(void) {
    struct checker_finding finding;
    look();
    REQUIRE(checker_run(&finding));
}

static void run(const uint8_t *operation) {
    unsigned kind = operation[0] % KINDS;
    struct entry *entry = &model.entries[operation[1] % PLACES];
    size_t size = size_of(operation);
    if (kind == LOOK) {
        look();
    } else if (entry->object == NULL) {
        entry->object = allocate(kind, size, operation[1] % 15);
        if (entry->object != NULL) {
            model.live++;
            stamp(entry, size);
        }
    } else if (kind == RESIZE) {
        resize_object(entry, size);
    } else {
        end_object(entry, kind == FREE_PLAINLY);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 + OPERATION) {
        return 0;
    }
    start(data);
    size_t done = 0;
    for (size_t at = 2; at + OPERATION <= size; at += OPERATION) {
        run(data + at);
        if (++done % CHECK_EVERY == 0) {
            check();
        }
    }
    check();
    cairn_heap_destroy(model.heap);
    return 0;
}
