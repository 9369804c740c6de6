/* Heaps in caller memory. */
#include <cairn/heap.h>

#include <errno.h>
#include <string.h>

#include "support/core.h"
#include "support/dies.h"
#include "support/random.h"

enum { BYTES = 64 << 10 };
static _Alignas(64) char memory[BYTES + 64];

static struct cairn_heap *make(size_t offset, size_t bytes) {
    memset(memory, 0x5a, sizeof memory);
    struct cairn_heap *heap = cairn_heap_create_fixed(memory + offset, bytes, NULL);
    assert_non_null(heap);
    return heap;
}

/* Hidden from the compiler, which would warn of it. */
static size_t wrong(size_t number) {
    __asm__ volatile("" : "+r"(number));
    return number;
}

/* Nothing around the memory was written to. */
static void assert_bounded(size_t offset, size_t bytes) {
    for (size_t at = 0; at < sizeof memory; at++) {
        if (at < offset || at >= offset + bytes) {
            assert_int_equal(memory[at], 0x5a);
        }
    }
}

static void any_address_and_size(void **state) {
    (void)state;
    size_t least = 0;
    for (size_t offset = 0; offset < 17; offset++) {
        for (size_t bytes = 0; bytes < 1200; bytes += 1 + bytes % 7) {
            memset(memory, 0x5a, sizeof memory);
            struct cairn_heap *heap = cairn_heap_create_fixed(memory + offset, bytes, NULL);
            if (heap == NULL) {
                assert_int_equal(errno, ENOMEM);
                continue;
            }
            least = least == 0 ? bytes : least;
            size_t count = 0;
            for (char *object; (object = cairn_heap_malloc(heap, 16)) != NULL; count++) {
                assert_true(object >= memory + offset && object + 16 <= memory + offset + bytes);
                memset(object, (int)count, 16);
            }
            assert_int_equal(errno, ENOMEM);
            assert_true(count >= 1 && count * 16 < bytes);
            assert_int_equal(cairn_heap_statistics(heap).objects, count);
            assert_bounded(offset, bytes);
            cairn_heap_destroy(heap);
        }
    }
    assert_true(least < 320);
}

static void what_is_free_is_one_again(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0, BYTES);
    size_t whole = 0;
    for (size_t size = BYTES; whole == 0; size -= 16) {
        void *object = cairn_heap_malloc(heap, size);
        whole = object == NULL ? 0 : size;
        cairn_heap_free(heap, object);
    }
    assert_true(whole > BYTES - BYTES / 50 - 320);
    void *objects[500];
    for (unsigned i = 0; i < 500; i++) {
        objects[i] = cairn_heap_malloc(heap, i % 90 + 1);
        assert_non_null(objects[i]);
    }
    for (unsigned i = 0; i < 500; i++) {
        cairn_heap_free(heap, objects[i * 7 % 500]);
    }
    assert_int_equal(cairn_heap_statistics(heap).used, 0);
    void *object = cairn_heap_malloc(heap, whole);
    assert_non_null(object);
    assert_int_equal(cairn_heap_usable_size(heap, object), whole);
    assert_null(cairn_heap_malloc(heap, 0));
    cairn_heap_free(heap, object);
    assert_non_null(cairn_heap_malloc(heap, 0));
    cairn_heap_destroy(heap);
}

static void resizing(void **state) {
    (void)state;
    struct cairn_heap *heap = make(5, BYTES);
    char *first = cairn_heap_malloc(heap, 100);
    memset(first, 1, 100);
    assert_ptr_equal(cairn_heap_realloc(heap, first, 5000), first);
    char *second = cairn_heap_malloc(heap, 100);
    assert_ptr_equal(cairn_heap_realloc(heap, first, 40), first);
    assert_int_equal(cairn_heap_usable_size(heap, first), 48);
    char *moved = cairn_heap_realloc(heap, first, 6000);
    assert_non_null(moved);
    assert_true(moved != first);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(moved[i], 1);
    }
    assert_null(cairn_heap_realloc(heap, moved, BYTES));
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(cairn_heap_usable_size(heap, moved), 6000);
    assert_null(cairn_heap_realloc(heap, moved, 0));
    cairn_heap_free(heap, second);
    assert_int_equal(cairn_heap_statistics(heap).objects, 0);
    assert_bounded(5, BYTES);
    cairn_heap_destroy(heap);
}

static void alignments(void **state) {
    (void)state;
    struct cairn_heap *heap = make(1, BYTES);
    for (size_t alignment = 1; alignment <= 8192; alignment *= 2) {
        void *object = cairn_heap_aligned_alloc(heap, alignment, 100);
        assert_non_null(object);
        assert_int_equal((uintptr_t)object % alignment, 0);
    }
    assert_null(cairn_heap_aligned_alloc(heap, wrong((size_t)1 << 50), 1));
    assert_int_equal(errno, ENOMEM);
    assert_null(cairn_heap_aligned_alloc(heap, wrong(3), 1));
    assert_int_equal(errno, EINVAL);
    cairn_heap_destroy(heap);
}

/* --- against a model -------------------------------------------------------------------------- */

enum { OBJECTS = 200, STEPS = 20000 };

struct object {
    unsigned char *at;
    size_t size;
    unsigned char value;
};

static void check(struct cairn_heap *heap, const struct object *object) {
    assert_true(cairn_heap_contains(heap, object->at));
    assert_true(cairn_heap_usable_size(heap, object->at) >= object->size);
    for (size_t i = 0; i < object->size; i++) {
        assert_int_equal(object->at[i], object->value);
    }
}

static void step(struct cairn_heap *heap, struct object *object, uint64_t *random) {
    size_t size =
        random_below(random, 10) == 0 ? random_below(random, 5000) : random_below(random, 200);
    if (object->at == NULL) {
        object->at = cairn_heap_malloc(heap, size);
    } else if (random_below(random, 3) == 0) {
        check(heap, object);
        size_t kept = size < object->size ? size : object->size;
        unsigned char *resized = cairn_heap_realloc(heap, object->at, size + 1);
        if (resized == NULL) {
            check(heap, object);
            return;
        }
        object->at = resized;
        object->size = kept;
        check(heap, object);
    } else {
        check(heap, object);
        cairn_heap_free(heap, object->at);
        assert_false(cairn_heap_contains(heap, object->at));
        object->at = NULL;
        return;
    }
    if (object->at != NULL) {
        object->size = size;
        object->value = (unsigned char)random_next(random);
        memset(object->at, object->value, size);
    }
}

static void count(void *context, void *object, size_t bytes) {
    (void)object;
    *(size_t *)context += bytes;
}

static void as_a_model_has_it(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0, BYTES);
    struct object objects[OBJECTS] = {{0}};
    uint64_t random = 1;
    for (int i = 0; i < STEPS; i++) {
        step(heap, &objects[random_below(&random, OBJECTS)], &random);
    }
    size_t live = 0;
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (objects[i].at != NULL) {
            check(heap, &objects[i]);
            live++;
        }
    }
    size_t bytes = 0;
    assert_int_equal(cairn_heap_walk(heap, count, &bytes), live);
    struct cairn_heap_figures figures = cairn_heap_statistics(heap);
    assert_int_equal(figures.objects, live);
    assert_int_equal(figures.used, bytes);
    assert_int_equal(figures.limit, BYTES);
    assert_true(figures.peak >= figures.used && figures.peak < BYTES);
    assert_bounded(0, BYTES);
    cairn_heap_destroy(heap);
}

/* --- several threads -------------------------------------------------------------------------- */

static void *work(void *heap) {
    for (int i = 0; i < 5000; i++) {
        size_t size = (size_t)i % 100 + 1;
        unsigned char *object = cairn_heap_malloc(heap, size);
        if (object != NULL) {
            memset(object, i & 0xff, size);
            assert_int_equal(object[size - 1], i & 0xff);
            cairn_heap_free(heap, object);
        }
    }
    return NULL;
}

static void threads(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0, 1000);
    pthread_t ids[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&ids[i], NULL, work, heap), 0);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(ids[i], NULL), 0);
    }
    assert_int_equal(cairn_heap_statistics(heap).objects, 0);
    cairn_heap_destroy(heap);
}

/* --- what ends the process -------------------------------------------------------------------- */

/* Hides the mistake from the compiler. */
static void *hidden(void *pointer) {
    __asm__ volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

static void free_twice(void *heap) {
    void *object = cairn_heap_malloc(heap, 40);
    void *again = hidden(object);
    cairn_heap_free(heap, object);
    cairn_heap_free(heap, again);
}

static void free_inside(void *heap) {
    cairn_heap_free(heap, hidden((char *)cairn_heap_malloc(heap, 40) + 16));
}

static void free_plainly(void *heap) { give(cairn_heap_malloc(heap, 40)); }

static void enter(void *heap) { (void)!cairn_heap_enter(heap).heap; }

static void delete_it(void *heap) { (void)cairn_heap_delete(heap); }

static void mistakes(void **state) {
    (void)state;
    const struct cairn_heap_options options = {.name = "little"};
    struct cairn_heap *heap = cairn_heap_create_fixed(memory, BYTES, &options);
    assert_dies(free_twice, heap,
                "pointer to no live object (it is free already, or never was one) of heap "
                "\"little\"");
    assert_dies(free_inside, heap,
                "pointer 16 bytes into an object of 48 bytes of heap \"little\" that starts at");
    assert_dies(free_plainly, heap, "pointer that cairn never allocated");
    assert_dies(enter, heap, "malloc can't come from a heap in caller memory");
    assert_dies(delete_it, heap, "objects in caller memory can't outlive their heap; destroy it");
    void *gone = hidden(heap);
    cairn_heap_destroy(heap);
    assert_dies(free_twice, gone, "use of a heap that was destroyed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_address_and_size),
        cmocka_unit_test(what_is_free_is_one_again),
        cmocka_unit_test(resizing),
        cmocka_unit_test(alignments),
        cmocka_unit_test(as_a_model_has_it),
        cmocka_unit_test(threads),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
