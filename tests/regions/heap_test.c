/* First-class heaps over the core: plain malloc and free are the core's fast paths here. */
#include <cairn/heap.h>
#include <cairn/regions.h>

#include <errno.h>
#include <string.h>

#include "core/block.h"
#include "core/shared_heap.h"
#include "core/trim.h"
#include "support/core.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* Hidden from the compiler, which would warn of it. */
static size_t wrong(size_t number) {
    __asm__ volatile("" : "+r"(number));
    return number;
}

static struct cairn_heap *make(size_t limit) {
    const struct cairn_heap_options options = {.name = "test", .limit = limit};
    struct cairn_heap *heap = cairn_heap_create(&options);
    assert_non_null(heap);
    return heap;
}

static size_t taken(void) { return block_totals.taken; }

/* What the calling thread keeps at hand is given back, so that `taken` can be compared. */
static size_t settled(void) {
    (void)trim();
    return taken();
}

static const size_t sizes[] = {0, 1, 16, 17, 100, 1000, 5000, 32768, 32769, 70000, 3000000};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* --- the malloc family ------------------------------------------------------------------------ */

static void objects_of_all_sizes(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    char *objects[SIZES];
    for (unsigned i = 0; i < SIZES; i++) {
        objects[i] = cairn_heap_malloc(heap, sizes[i]);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % 16, 0);
        assert_true(cairn_heap_usable_size(heap, objects[i]) >= sizes[i]);
        memset(objects[i], (int)i, cairn_heap_usable_size(heap, objects[i]));
        assert_ptr_equal(cairn_heap_of(objects[i]), heap);
        assert_true(cairn_heap_contains(heap, objects[i]));
        assert_int_equal(usable_size("malloc_usable_size", objects[i]),
                         cairn_heap_usable_size(heap, objects[i]));
    }
    assert_intact();
    struct cairn_heap_figures figures = cairn_heap_statistics(heap);
    assert_int_equal(figures.objects, SIZES);
    assert_int_equal(figures.large, 3);
    for (unsigned i = 0; i < SIZES; i++) {
        if (i % 2 == 0) {
            cairn_heap_free(heap, objects[i]);
        } else {
            give(objects[i]);
        }
        assert_false(cairn_heap_contains(heap, objects[i]));
    }
    assert_int_equal(cairn_heap_statistics(heap).objects, 0);
    assert_int_equal(cairn_heap_statistics(heap).large, 0);
    cairn_heap_free(heap, NULL);
    assert_int_equal(cairn_heap_usable_size(heap, NULL), 0);
    cairn_heap_destroy(heap);
    assert_intact();
}

static void nothing_is_of_a_heap_that_is_not(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    struct cairn_heap *other = make(0);
    int local;
    void *plain = take(40);
    void *large = take(100000);
    char *object = cairn_heap_malloc(other, 40);
    assert_null(cairn_heap_of(plain));
    assert_null(cairn_heap_of(large));
    assert_null(cairn_heap_of(NULL));
    assert_null(cairn_heap_of(&local));
    assert_null(cairn_heap_of((void *)~(uintptr_t)0));
    assert_null(cairn_heap_of(object + 16));
    assert_false(cairn_heap_contains(heap, object));
    assert_ptr_equal(cairn_heap_of(object), other);
    give(plain);
    give(large);
    cairn_heap_destroy(heap);
    cairn_heap_destroy(other);
}

static void calloc_is_zero(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < SIZES; i++) {
            char *object = cairn_heap_calloc(heap, sizes[i], 1);
            assert_non_null(object);
            for (size_t at = 0; at < sizes[i]; at++) {
                assert_int_equal(object[at], 0);
            }
            memset(object, 0xaa, sizes[i]);
            cairn_heap_free(heap, object);
        }
    }
    errno = 0;
    assert_null(cairn_heap_calloc(heap, wrong(SIZE_MAX / 2), 3));
    assert_int_equal(errno, ENOMEM);
    cairn_heap_destroy(heap);
}

static void fill(char *object, size_t from, size_t to) {
    for (size_t at = from; at < to; at++) {
        object[at] = (char)(at * 7);
    }
}

static void assert_filled(const char *object, size_t to) {
    for (size_t at = 0; at < to; at++) {
        assert_int_equal(object[at], (char)(at * 7));
    }
}

static void *resize_in(struct cairn_heap *heap, int how, void *object, size_t size) {
    return how == 0   ? cairn_heap_realloc(heap, object, size)
           : how == 1 ? reallocate("realloc", object, size)
                      : reallocate_zeroed("cairn_recalloc", object, size < 16 ? size : 16, size);
}

static void realloc_stays_in_the_heap(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    for (int how = 0; how < 3; how++) {
        size_t size = 16;
        char *object = cairn_heap_malloc(heap, size);
        fill(object, 0, size);
        for (int i = 1; i < 60; i++) {
            size_t next = (size_t)i * 7919 % 300000 + 1;
            size_t kept = size < next ? size : next;
            object = resize_in(heap, how, object, next);
            assert_non_null(object);
            assert_ptr_equal(cairn_heap_of(object), heap);
            if (how == 2) {
                assert_filled(object, kept < 16 ? kept : 16);
            } else {
                assert_filled(object, kept);
            }
            fill(object, 0, next);
            size = next;
        }
        assert_null(cairn_heap_realloc(heap, object, 0));
    }
    char *object = cairn_heap_realloc(heap, NULL, 100);
    assert_null(cairn_heap_reallocarray(heap, object, wrong(SIZE_MAX), 2));
    object = cairn_heap_reallocarray(heap, object, 100, 40);
    assert_true(cairn_heap_usable_size(heap, object) >= 4000);
    assert_int_equal(cairn_heap_statistics(heap).objects, 1);
    assert_intact();
    cairn_heap_destroy(heap);
}

/* The pages move from one place to another, and the books go with them. */
static void large_objects_that_move(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    char *object = cairn_heap_malloc(heap, 2 * MIB);
    for (size_t old = 2 * MIB, size = 3 * MIB; size < 40 * MIB; old = size, size += 3 * MIB) {
        void *fence = cairn_heap_malloc(heap, 40000);
        object[old - 1] = 1;
        object = cairn_heap_realloc(heap, object, size);
        assert_non_null(object);
        assert_int_equal(object[old - 1], 1);
        assert_ptr_equal(cairn_heap_of(object), heap);
        assert_int_equal(cairn_heap_statistics(heap).held, size + 2 * CHUNK_SIZE);
        cairn_heap_free(heap, fence);
        assert_intact();
    }
    cairn_heap_destroy(heap);
    assert_intact();
}

static void alignments(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    for (size_t alignment = 1; alignment <= MIB; alignment *= 2) {
        for (unsigned i = 0; i < SIZES; i++) {
            void *object = cairn_heap_aligned_alloc(heap, alignment, sizes[i]);
            assert_non_null(object);
            assert_int_equal((uintptr_t)object % alignment, 0);
            assert_true(cairn_heap_usable_size(heap, object) >= sizes[i]);
        }
    }
    assert_null(cairn_heap_aligned_alloc(heap, wrong(48), 10));
    assert_int_equal(errno, EINVAL);
    assert_null(cairn_heap_aligned_alloc(heap, wrong(0), 10));
    errno = 0;
    assert_null(cairn_heap_aligned_alloc(heap, wrong((size_t)1 << 62), 10));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(cairn_heap_malloc(heap, wrong(SIZE_MAX)));
    assert_int_equal(errno, ENOMEM);
    cairn_heap_destroy(heap);
}

static void strings(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    assert_string_equal(cairn_heap_strdup(heap, "a string"), "a string");
    assert_string_equal(cairn_heap_strdup(heap, ""), "");
    assert_string_equal(cairn_heap_strndup(heap, "a string", 3), "a s");
    assert_string_equal(cairn_heap_strndup(heap, "a string", 99), "a string");
    assert_int_equal(cairn_heap_statistics(heap).objects, 4);
    cairn_heap_destroy(heap);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void destroy_frees_everything(void **state) {
    (void)state;
    give(take(1));
    size_t before = settled();
    for (int round = 0; round < 3; round++) {
        struct cairn_heap *heap = make(0);
        for (int i = 0; i < 3000; i++) {
            void *object = cairn_heap_malloc(heap, (size_t)i * 37 % 40000);
            assert_non_null(object);
            if (i % 3 == 0) {
                cairn_heap_free(heap, object);
            }
        }
        assert_true(taken() > before + 100);
        cairn_heap_destroy(heap);
        assert_intact();
        assert_int_equal(settled(), before);
    }
    cairn_heap_destroy(NULL);
}

/* Frees by another thread that nobody has merged. */
static void destroy_with_unmerged_frees(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    void *objects[100];
    for (int i = 0; i < 100; i++) {
        objects[i] = cairn_heap_malloc(heap, 48);
    }
    struct cairn_heap_scope scope = cairn_heap_enter(heap);
    for (int i = 0; i < 100; i += 2) {
        give_remotely(objects[i]);
    }
    assert_int_equal(cairn_heap_statistics(heap).objects, 50);
    cairn_heap_leave(&scope);
    cairn_heap_destroy(heap);
    assert_intact();
}

static void deleted_objects_live_on(void **state) {
    (void)state;
    give(take(1));
    size_t before = settled();
    struct cairn_heap *heap = make(0);
    char *objects[2000];
    for (unsigned i = 0; i < 2000; i++) {
        objects[i] = cairn_heap_malloc(heap, i * 11);
        fill(objects[i], 0, i * 11);
    }
    assert_true(cairn_heap_delete(heap));
    assert_intact();
    for (unsigned i = 0; i < 2000; i++) {
        assert_null(cairn_heap_of(objects[i]));
        assert_filled(objects[i], i * 11);
        give(objects[i]);
    }
    assert_intact();
    assert_int_equal(settled(), before);
    assert_true(cairn_heap_delete(NULL));
}

static void heaps_without_end(void **state) {
    (void)state;
    struct cairn_heap *last = make(0);
    cairn_heap_destroy(last);
    size_t heaps = 0;
    for (int i = 0; i < 1000; i++) {
        struct cairn_heap *heap = make(0);
        assert_non_null(cairn_heap_strdup(heap, "short-lived"));
        if (i % 2 == 0) {
            cairn_heap_destroy(heap);
        } else {
            assert_true(cairn_heap_delete(heap));
        }
    }
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        heaps++;
    }
    assert_true(heaps < 20);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void the_limit_is_exact(void **state) {
    (void)state;
    struct cairn_heap *heap = make(10 * CHUNK_SIZE + 100);
    size_t count = 0;
    errno = 0;
    while (cairn_heap_malloc(heap, 16384) != NULL) {
        count++;
    }
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(count, 20);
    struct cairn_heap_figures figures = cairn_heap_statistics(heap);
    assert_int_equal(figures.held, 10 * CHUNK_SIZE);
    assert_int_equal(figures.limit, 10 * CHUNK_SIZE);
    assert_int_equal(figures.peak, 10 * CHUNK_SIZE);
    assert_int_equal(figures.used, 20 * 16384);
    assert_null(cairn_heap_malloc(heap, 16));
    assert_null(cairn_heap_malloc(heap, 20000));
    assert_intact();
    cairn_heap_destroy(heap);
}

static void what_is_freed_counts_no_more(void **state) {
    (void)state;
    struct cairn_heap *heap = make(8 * CHUNK_SIZE);
    for (int round = 0; round < 5; round++) {
        void *large = cairn_heap_malloc(heap, 8 * CHUNK_SIZE);
        assert_non_null(large);
        assert_null(cairn_heap_malloc(heap, 1));
        assert_null(cairn_heap_realloc(heap, large, 8 * CHUNK_SIZE + 1));
        large = cairn_heap_realloc(heap, large, 3 * CHUNK_SIZE); /* gives back in place */
        assert_non_null(large);
        void *small = cairn_heap_malloc(heap, 1);
        assert_non_null(small);
        cairn_heap_free(heap, small);
        cairn_heap_free(heap, large);
        /* Slabs of other classes that are empty make way. */
        void *objects[4];
        for (unsigned i = 0; i < 4; i++) {
            objects[i] = cairn_heap_malloc(heap, 100 + i * 1000);
            assert_non_null(objects[i]);
        }
        for (unsigned i = 0; i < 4; i++) {
            cairn_heap_free(heap, objects[i]);
        }
    }
    cairn_heap_destroy(heap);
}

static void a_scope_keeps_the_limit(void **state) {
    (void)state;
    struct cairn_heap *heap = make(4 * CHUNK_SIZE);
    CAIRN_WITH_HEAP(heap) {
        void *object = take(5000);
        give(object);
        size_t count = 0;
        errno = 0;
        while (take(16384) != NULL) {
            count++;
        }
        assert_int_equal(count, 8);
        assert_int_equal(errno, ENOMEM);
        assert_null(take(100000));
    }
    assert_non_null(take(16384));
    cairn_heap_destroy(heap);
}

/* --- scopes ----------------------------------------------------------------------------------- */

static void malloc_in_a_scope(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    struct cairn_heap *inner = make(0);
    void *outside = take(100);
    CAIRN_WITH_HEAP(heap) {
        for (unsigned i = 0; i < SIZES; i++) {
            assert_ptr_equal(cairn_heap_of(take(sizes[i])), heap);
        }
        CAIRN_WITH_HEAP(inner) {
            assert_ptr_equal(cairn_heap_of(take(10)), inner);
            CAIRN_WITH_HEAP(heap) {
                assert_ptr_equal(cairn_heap_of(take(10)), heap);
                assert_ptr_equal(cairn_heap_of(cairn_heap_malloc(inner, 10)), inner);
            }
            assert_ptr_equal(cairn_heap_of(take(10)), inner);
        }
        assert_ptr_equal(cairn_heap_of(take(10)), heap);
        assert_ptr_equal(cairn_heap_of(cairn_heap_malloc(heap, 10)), heap);
        give(take(10));
        give(outside);
        cairn_heap_free(heap, take(10));
    }
    void *plain = take(10);
    assert_null(cairn_heap_of(plain));
    give(plain);
    assert_intact();
    cairn_heap_destroy(heap);
    cairn_heap_destroy(inner);
    assert_intact();
}

static void a_scope_that_is_broken_off(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    CAIRN_WITH_HEAP(heap) { break; }
    for (int i = 0; i < 3; i++) {
        CAIRN_WITH_HEAP(heap) {
            if (i == 1) {
                break;
            }
        }
    }
    assert_null(cairn_heap_of(take(10)));
    struct cairn_heap_scope scope = cairn_heap_enter(heap);
    cairn_heap_leave(&scope);
    cairn_heap_leave(&scope);
    cairn_heap_destroy(heap);
}

static void *leaves_it_open(void *heap) {
    struct cairn_heap_scope scope = cairn_heap_enter(heap);
    assert_ptr_equal(cairn_heap_of(take(10)), scope.heap);
    return NULL;
}

static void a_thread_that_ends_in_a_scope(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    in_thread(leaves_it_open, heap);
    assert_int_equal(cairn_heap_statistics(heap).objects, 1);
    assert_non_null(cairn_heap_malloc(heap, 10));
    assert_intact();
    cairn_heap_destroy(heap);
}

/* --- looking ---------------------------------------------------------------------------------- */

struct sum {
    struct cairn_heap *heap;
    size_t objects, bytes;
};

static void add(void *context, void *object, size_t bytes) {
    struct sum *sum = context;
    assert_ptr_equal(cairn_heap_of(object), sum->heap);
    assert_int_equal(cairn_heap_usable_size(sum->heap, object), bytes);
    sum->objects++;
    sum->bytes += bytes;
}

static void free_it(void *context, void *object, size_t bytes) {
    (void)bytes;
    cairn_heap_free(context, object);
}

static void a_walk_shows_what_is_live(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    void *objects[1000];
    for (unsigned i = 0; i < 1000; i++) {
        objects[i] = cairn_heap_malloc(heap, i * 29);
    }
    for (unsigned i = 0; i < 1000; i += 3) {
        cairn_heap_free(heap, objects[i]);
    }
    struct sum sum = {.heap = heap};
    assert_int_equal(cairn_heap_walk(heap, add, &sum), 666);
    struct cairn_heap_figures figures = cairn_heap_statistics(heap);
    assert_int_equal(sum.objects, figures.objects);
    assert_int_equal(sum.bytes, figures.used);
    assert_int_equal(figures.objects, 666);
    assert_int_equal(cairn_heap_walk(heap, free_it, heap), 666);
    assert_int_equal(cairn_heap_walk(heap, add, &sum), 0);
    (void)trim();
    assert_int_equal(cairn_heap_statistics(heap).held, 0);
    cairn_heap_destroy(heap);
    assert_intact();
}

static void look(void *context, const struct cairn_region_view *region) {
    struct cairn_region_view *seen = context;
    if (strcmp(region->kind, "heap") == 0) {
        *seen = *region;
    }
}

static void is_listed(void **state) {
    (void)state;
    struct cairn_region_view seen = {0};
    struct cairn_heap *heap = make(0);
    cairn_heap_free(heap, cairn_heap_malloc(heap, 100000));
    void *object = cairn_heap_malloc(heap, 100);
    cairn_regions_each(look, &seen);
    assert_string_equal(seen.name, "test");
    assert_int_equal(seen.usage.used, cairn_heap_usable_size(heap, object));
    assert_int_equal(seen.usage.reserved, CHUNK_SIZE);
    assert_int_equal(seen.usage.peak, 4 * CHUNK_SIZE);
    cairn_heap_destroy(heap);
    seen = (struct cairn_region_view){0};
    cairn_regions_each(look, &seen);
    assert_null(seen.kind);
}

static void names(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    assert_string_equal(cairn_heap_name(heap), "test");
    cairn_heap_destroy(heap);
    heap = cairn_heap_create(NULL);
    assert_string_equal(cairn_heap_name(heap), "");
    cairn_heap_destroy(heap);
}

static void behind_the_allocator_interface(void **state) {
    (void)state;
    struct cairn_heap *heap = make(0);
    struct cairn_allocator allocator = cairn_heap_allocator_of(heap);
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        size_t size = 1;
        char *object = cairn_allocate(&allocator, size, alignment);
        fill(object, 0, size);
        for (int i = 1; i < 50; i++) {
            size_t next = (size_t)(i * 37 % 5000 + 1);
            object = cairn_resize(&allocator, object, size, next, alignment);
            assert_int_equal((uintptr_t)object % alignment, 0);
            assert_ptr_equal(cairn_heap_of(object), heap);
            assert_filled(object, size < next ? size : next);
            fill(object, 0, next);
            size = next;
        }
        cairn_release(&allocator, object, size, alignment);
    }
    assert_int_equal(cairn_heap_statistics(heap).objects, 0);
    cairn_heap_destroy(heap);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_of_all_sizes),
        cmocka_unit_test(nothing_is_of_a_heap_that_is_not),
        cmocka_unit_test(calloc_is_zero),
        cmocka_unit_test(realloc_stays_in_the_heap),
        cmocka_unit_test(large_objects_that_move),
        cmocka_unit_test(alignments),
        cmocka_unit_test(strings),
        cmocka_unit_test(destroy_frees_everything),
        cmocka_unit_test(destroy_with_unmerged_frees),
        cmocka_unit_test(deleted_objects_live_on),
        cmocka_unit_test(heaps_without_end),
        cmocka_unit_test(the_limit_is_exact),
        cmocka_unit_test(what_is_freed_counts_no_more),
        cmocka_unit_test(a_scope_keeps_the_limit),
        cmocka_unit_test(malloc_in_a_scope),
        cmocka_unit_test(a_scope_that_is_broken_off),
        cmocka_unit_test(a_thread_that_ends_in_a_scope),
        cmocka_unit_test(a_walk_shows_what_is_live),
        cmocka_unit_test(is_listed),
        cmocka_unit_test(names),
        cmocka_unit_test(behind_the_allocator_interface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
