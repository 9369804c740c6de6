/* First-class heaps with calls to the kernel refused: what is refused must show as NULL or false,
 * and leave nothing behind. */
#include <cairn/heap.h>

#include <errno.h>
#include <string.h>

#include "core/shared_heap.h"
#include "core/trim.h"
#include "support/sweep.h"

enum { OBJECTS = 400, HEAPS = 6 };

/* NULL only if something was refused. */
static bool got(const void *object) {
    REQUIRE(object != NULL || (os_faulty_failures() > 0 && errno == ENOMEM));
    return object != NULL;
}

static size_t size_of(unsigned i) { return i % 40 == 0 ? 300000 : i % 7 == 0 ? 9000 : i; }

static void resize_one(struct cairn_heap *heap) {
    char *object = cairn_heap_malloc(heap, 2 << 20);
    if (!got(object)) {
        return;
    }
    object[(2 << 20) - 1] = 1;
    void *fence = cairn_heap_malloc(heap, 40000);
    (void)got(fence);
    char *larger = cairn_heap_realloc(heap, object, 5 << 20);
    object = got(larger) ? larger : object;
    REQUIRE(object[(2 << 20) - 1] == 1);
    cairn_heap_free(heap, fence);
    cairn_heap_free(heap, object);
}

static void fill(struct cairn_heap *heap, void **objects) {
    for (unsigned i = 0; i < OBJECTS; i++) {
        objects[i] = cairn_heap_malloc(heap, size_of(i));
        if (got(objects[i])) {
            memset(objects[i], (int)i, size_of(i));
        }
    }
    for (unsigned i = 0; i < OBJECTS; i += 2) {
        cairn_heap_free(heap, objects[i]);
        objects[i] = NULL;
    }
    CAIRN_WITH_HEAP(heap) {
        for (unsigned i = 0; i < OBJECTS; i += 2) {
            errno = 0;
            objects[i] = take(size_of(i));
            if (got(objects[i])) {
                memset(objects[i], (int)i, size_of(i));
            }
        }
    }
    resize_one(heap);
}

static void use_heaps(void) {
    for (unsigned h = 0; h < HEAPS; h++) {
        void *objects[OBJECTS];
        struct cairn_heap *heap = cairn_heap_create(NULL);
        if (!got(heap)) {
            continue;
        }
        memset(objects, 0, sizeof objects);
        fill(heap, objects);
        if (h % 2 == 0 && cairn_heap_delete(heap)) {
            for (unsigned i = 0; i < OBJECTS; i++) {
                give(objects[i]);
            }
        } else {
            cairn_heap_destroy(heap);
        }
    }
}

static int run_planned(void *argument) {
    const struct plan *plan = argument;
    os_faulty_arm(plan->kinds, plan->n, plan->onwards);
    use_heaps();
    size_t failures = os_faulty_failures();
    os_faulty_arm(0, 0, false);
    struct checker_finding finding;
    REQUIRE(checker_run(&finding));
    use_heaps();
    (void)trim();
    REQUIRE(checker_run(&finding));
    for (struct heap *heap = threads_first_heap(); heap != NULL; heap = heap->next) {
        REQUIRE(heap->shared == NULL || heap->shared->books.chunks == 0);
    }
    return failures > 0;
}

static void test_each_kind(void **state) {
    static const enum os_call kinds[] = {OS_CALL_RESERVE, OS_CALL_COMMIT, OS_CALL_MAP,
                                         OS_CALL_PURGE, OS_CALL_MOVE};
    (void)state;
    sweep_each(run_planned, kinds, sizeof kinds / sizeof *kinds);
}

static void test_all_kinds(void **state) {
    (void)state;
    sweep_all(run_planned);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind),
        cmocka_unit_test(test_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
