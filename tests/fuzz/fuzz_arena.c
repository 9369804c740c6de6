/* An arena of each kind against a model: the first byte chooses the kind, every four that
 * follow are an operation.  The model knows what each live object must contain, and which
 * objects a rewind or a reset ends; the arena's own checker runs after each operation. */
#include "regions/arena.h"
#include "support/testkit.h"

enum { BYTES = 4, OBJECTS_MOST = 512, MARKS_MOST = 16, BUFFER = 10000, RANGE = 1 << 18 };

struct object {
    unsigned char *address;
    size_t size;
    size_t alignment;
    uint64_t seed;
    bool gone; /* from its place, and size is 0: it must not be resized any more */
};

struct mark {
    struct cairn_mark mark;
    size_t objects; /* how many there were */
    size_t used;
    bool exact; /* no object from before the mark was resized since */
};

static struct cairn_arena arena;
static struct object objects[OBJECTS_MOST];
static size_t object_count;
static struct mark marks[MARKS_MOST];
static size_t mark_count;
static size_t budget; /* what the allocator below growing arenas still gives */

/* --- the allocator below ---------------------------------------------------------------------- */

static void *limited_resize(void *context, void *pointer, size_t old_size, size_t size,
                            size_t alignment) {
    (void)context;
    EXPECT(pointer == NULL || size == 0);
    if (size > budget) {
        return NULL;
    }
    budget += old_size;
    budget -= size;
    return cairn_resize(NULL, pointer, old_size, size, alignment);
}

static const struct cairn_allocator limited = {limited_resize, NULL};

/* --- the model -------------------------------------------------------------------------------- */

static void check_object(const struct object *object) {
    EXPECT(pattern_holds(object->address, object->size, object->seed));
    EXPECT(object->size == 0 || cairn_arena_owns(&arena, object->address + object->size - 1));
}

static void check_all(void) {
    for (size_t i = 0; i < object_count; i++) {
        check_object(&objects[i]);
    }
}

static size_t used_now(void) { return cairn_arena_statistics(&arena).used; }

/* Objects from before a mark that had grown in place since are not whole after the rewind. */
static void cut_grown(void) {
    for (size_t i = 0; i < object_count; i++) {
        const struct object *object = &objects[i];
        if (object->size != 0 && !cairn_arena_owns(&arena, object->address + object->size - 1)) {
            objects[i].gone = true;
            objects[i].size = 0;
        }
    }
}

static void add(void *address, size_t size, size_t alignment, uint64_t seed) {
    EXPECT((uintptr_t)address % alignment == 0);
    if (object_count == OBJECTS_MOST) {
        return; /* one that is not looked after */
    }
    struct object *object = &objects[object_count++];
    *object = (struct object){address, size, alignment, seed, false};
    pattern_fill(address, size, seed);
}

static void take(size_t size, size_t alignment, bool zeroed, uint64_t seed) {
    size_t used = used_now();
    void *address = zeroed ? cairn_arena_allocate_zeroed(&arena, size, alignment)
                           : cairn_arena_allocate(&arena, size, alignment);
    if (address == NULL) {
        EXPECT(used_now() == used);
        return;
    }
    EXPECT(!zeroed || all_zero(address, size));
    EXPECT(used_now() >= used + size);
    add(address, size, alignment, seed);
}

static void resize_one(size_t which, size_t size, uint64_t seed) {
    if (object_count == 0) {
        return;
    }
    which %= object_count;
    struct object *object = &objects[which];
    if (object->gone) {
        return;
    }
    check_object(object);
    unsigned char *moved =
        cairn_arena_resize(&arena, object->address, object->size, size, object->alignment);
    for (size_t i = 0; i < mark_count; i++) {
        marks[i].exact &= which >= marks[i].objects;
    }
    if (moved == NULL && size != 0) {
        check_object(object); /* refused: it is as it was */
        return;
    }
    size_t kept = size < object->size ? size : object->size;
    EXPECT(moved == NULL || pattern_holds(moved, kept, object->seed));
    if (moved == object->address) {
        object->size = size;
        object->seed = seed;
        pattern_fill(moved, size, seed);
        return;
    }
    /* The order of objects tells which are older than a mark: nothing is left in its place. */
    size_t alignment = object->alignment;
    object->gone = true;
    object->size = 0;
    if (moved != NULL) {
        add(moved, size, alignment, seed);
    }
}

static void print(size_t length) {
    char *text = cairn_arena_printf(&arena, "%*s", (int)(length % 3000), "x");
    if (text != NULL) {
        EXPECT(strlen(text) == (length % 3000 == 0 ? 1 : length % 3000));
    }
}

static void put_mark(void) {
    if (mark_count < MARKS_MOST) {
        marks[mark_count++] =
            (struct mark){cairn_arena_mark(&arena), object_count, used_now(), true};
    }
}

static void rewind_to(size_t which) {
    if (mark_count == 0) {
        return;
    }
    which %= mark_count;
    size_t peak = cairn_arena_statistics(&arena).peak;
    cairn_arena_rewind(&arena, marks[which].mark);
    EXPECT(!marks[which].exact || used_now() == marks[which].used);
    EXPECT(cairn_arena_statistics(&arena).peak == peak);
    object_count = object_count < marks[which].objects ? object_count : marks[which].objects;
    cut_grown();
    check_all();
    mark_count = which;
}

static void reset(void) {
    cairn_arena_reset(&arena);
    EXPECT(used_now() == 0);
    object_count = 0;
    mark_count = 0;
}

/* --- from bytes to operations ----------------------------------------------------------------- */

static void start(unsigned kind) {
    static char buffer[BUFFER];
    budget = (size_t)1 << (12 + kind / 3 % 12);
    if (kind % 3 == 0) {
        cairn_arena_init(&arena, "fuzz", &limited);
    } else if (kind % 3 == 1) {
        cairn_arena_init_fixed(&arena, NULL, buffer + kind / 3 % 16, BUFFER - 16 - kind);
    } else {
        EXPECT(cairn_arena_init_reserved(&arena, NULL, RANGE));
    }
    object_count = mark_count = 0;
}

static void operate(const uint8_t *bytes, uint64_t seed) {
    unsigned code = bytes[2] | (unsigned)bytes[3] << 8;
    size_t size = (size_t)(code & 1023) << (code >> 10) % 12;
    size_t alignment = (size_t)1 << bytes[1] % 14;
    switch (bytes[0] % 12) {
    case 0:
    case 1:
    case 2:
        take(size, alignment, false, seed);
        break;
    case 3:
    case 4:
        take(size, alignment, true, seed);
        break;
    case 5:
        resize_one(object_count - 1, size, seed);
        break;
    case 6:
        resize_one(bytes[1], size, seed);
        break;
    case 7:
        print(size);
        break;
    case 8:
        put_mark();
        break;
    case 9:
        rewind_to(bytes[1]);
        break;
    case 10:
        (void)!cairn_arena_reserve(&arena, size);
        break;
    default:
        bytes[1] % 4 == 0 ? reset() : (void)cairn_arena_trim(&arena);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    start(data[0]);
    for (size_t at = 1; at + BYTES <= size; at += BYTES) {
        operate(data + at, at);
        const char *what = "";
        if (!arena_holds(&arena, &what)) {
            FAIL("violated: %s", what);
        }
    }
    check_all();
    cairn_arena_destroy(&arena);
    return 0;
}
