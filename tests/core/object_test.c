#include "core/object.h"

#include "core/chunk_map.h"
#include "core/slab.h"
#include "support/dies.h"

static struct object object;
static struct finding finding;

static enum found find(uintptr_t address) {
    enum found what = object_find((void *)address, &object, &finding);
    assert_int_equal(finding.what, what);
    assert_int_equal(finding.address, address);
    if (what != FOUND_LIVE && what != FOUND_FREE) {
        assert_null(object.chunk);
    }
    return what;
}

static void test_foreign(void **state) {
    (void)state;
    int on_stack;
    static int global;
    void *libcs = malloc(100);
    uintptr_t foreign[] = {0,
                           1,
                           4096,
                           (uintptr_t)&on_stack,
                           (uintptr_t)&global,
                           (uintptr_t)libcs,
                           (uintptr_t)&heap_origin,
                           (uintptr_t)1 << 47,
                           (uintptr_t)1 << 48,
                           UINTPTR_MAX,
                           UINTPTR_MAX - CHUNK_SIZE};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        assert_int_equal(find(foreign[i]), FOUND_FOREIGN);
    }
    free(libcs);
}

/* Every address of a slab in which there is a live object of the class. */
static void check_slab_of(unsigned class, uintptr_t live) {
    size_t size = size_classes[class].size, step = size < 1000 ? 1 : 61;
    struct chunk *slab = slab_of_chunk(chunk_of(live));
    uintptr_t end = slab->start + slab_bytes(slab);
    uintptr_t behind = slab->start + slab->capacity * size;
    for (uintptr_t at = slab->start; at < end; at += step) {
        enum found what = find(at);
        uintptr_t start = at - (at - slab->start) % size;
        if (at >= behind) {
            assert_int_equal(what, FOUND_TAIL);
        } else if (at != start) {
            assert_int_equal(what, FOUND_INTERIOR);
            assert_int_equal(finding.object, start);
        } else {
            uint64_t free = slab_free_bits(slab, (unsigned)(object.index / 64));
            assert_int_equal(what, bit_is_set(free, object.index) ? FOUND_FREE : FOUND_LIVE);
            assert_ptr_equal(object.chunk, slab);
            assert_int_equal(object.index, (at - slab->start) / size);
            assert_int_equal(object.usable, size);
        }
        assert_int_equal(finding.size, size);
    }
    assert_int_equal(find(live), FOUND_LIVE);
    give((void *)live);
    assert_int_equal(find(live), FOUND_FREE);
}

static void check_slab(unsigned class) {
    check_slab_of(class, (uintptr_t)take(size_classes[class].size));
}

/* Of several chunks: with the last object in it, whose chunk is another than the first. */
static void test_wide_slabs(void **state) {
    (void)state;
    for (unsigned class = WIDE_FROM_CLASS; class < CLASS_COUNT; class ++) {
        uintptr_t objects[100];
        unsigned count = 0, last = 0;
        do {
            objects[count] = (uintptr_t)take(size_classes[class].size);
        } while (chunk_of(objects[count++])->chunks == 1);
        for (; chunk_of(objects[last]) == slab_of_chunk(chunk_of(objects[last])); last++) {
            if (last + 1 == count) {
                objects[count++] = (uintptr_t)take(size_classes[class].size);
            }
        }
        uintptr_t there = objects[last];
        objects[last] = objects[--count];
        check_slab_of(class, there);
        while (count > 0) {
            give((void *)objects[--count]);
        }
    }
    assert_intact();
}

static void test_slabs(void **state) {
    (void)state;
    for (unsigned class = 0; class < CLASS_COUNT; class += 5) {
        check_slab(class);
    }
    check_slab(CLASS_COUNT - 1);
}

static void test_freed_remotely(void **state) {
    (void)state;
    void *pointer = take(100);
    give_remotely(pointer); /* not merged yet, and free all the same */
    assert_int_equal(find((uintptr_t)pointer), FOUND_FREE);
}

static void test_released_slab(void **state) {
    (void)state;
    uintptr_t address = (uintptr_t)take(10000);
    give((void *)address);
    threads_flush();
    for (uintptr_t at = address; at < address + CHUNK_SIZE; at += 4096) {
        assert_int_equal(find(at), FOUND_RELEASED);
    }
}

static void test_large(void **state) {
    (void)state;
    enum { BYTES = 300000 };
    uintptr_t address = (uintptr_t)take(BYTES);
    assert_int_equal(find(address), FOUND_LIVE);
    size_t usable = object.usable;
    assert_true(usable >= BYTES && usable < BYTES + CHUNK_SIZE);
    assert_ptr_equal(object.chunk, chunk_of(address));
    for (uintptr_t at = address + 1; at < address + usable; at += 4095) {
        assert_int_equal(find(at), FOUND_LARGE_BODY);
        assert_int_equal(finding.object, address);
        assert_int_equal(finding.size, usable);
    }
    give((void *)address);
    assert_int_equal(find(address), FOUND_RELEASED);
}

static void require_it(void *pointer) { (void)object_require("realloc", pointer); }

static void test_require(void **state) {
    (void)state;
    char *pointer = take(100);
    assert_int_equal(object_require("realloc", pointer).usable, 112);
    char text[200];
    (void)snprintf(
        text, sizeof text,
        "cairn: realloc(%p): pointer 16 bytes into an object of size class 112 that starts "
        "at %p; thread ",
        (void *)(pointer + 16), (void *)pointer);
    assert_dies(require_it, pointer + 16, text);
    give(pointer);
    (void)snprintf(text, sizeof text,
                   "cairn: realloc(%p): use after free of an object of size class 112; thread ",
                   (void *)pointer);
    assert_dies(require_it, pointer, text);
    assert_dies(require_it, text, "): pointer that cairn never allocated; thread ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign),       cmocka_unit_test(test_slabs),
        cmocka_unit_test(test_wide_slabs),    cmocka_unit_test(test_freed_remotely),
        cmocka_unit_test(test_released_slab), cmocka_unit_test(test_large),
        cmocka_unit_test(test_require)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
