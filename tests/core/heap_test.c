/* A slab's way through its heap: current, full, queued, released. */
#include "core/heap.h"

#include "base/bits.h"
#include "core/block.h"
#include "core/limit.h"
#include "core/slab.h"
#include "core/spare.h"
#include "support/core.h"

enum { SIZE = 1024, CAPACITY = 32 }; /* one word, one chunk, eight at a time */

static struct queue *queue(void) { return &heap_self()->queues[class_of(SIZE)]; }
static struct bin *bin(void) { return &heap_self()->bins[class_of(SIZE)]; }
static struct chunk *slab_of(void *object) { return chunk_of((uintptr_t)object); }
static bool is_full(const struct chunk *slab) { return (chunk_owner(slab) & OWNER_FULL) != 0; }

/* Fills `slabs` slabs from the first to the last object. */
static void fill(void **objects, size_t slabs) {
    for (size_t i = 0; i < slabs * CAPACITY; i++) {
        objects[i] = take(SIZE);
        assert_non_null(objects[i]);
    }
    assert_intact();
}

static int empty_but_spares(void **state) {
    (void)state;
    give(take(16));
    threads_flush();
    assert_intact();
    assert_int_equal(block_totals.taken, spare_count(heap_self()));
    return 0;
}

static void test_current(void **state) {
    (void)state;
    void *object = take(SIZE);
    assert_ptr_equal(queue()->current, slab_of(object));
    assert_int_equal(queue()->slabs, 1);
    assert_true(owner_word_read(bin()->avail) != 0 && bin()->base == slab_of(object)->start);
    assert_int_equal(chunk_owner(slab_of(object)), heap_distance_of(heap_self()));
    give(object); /* stays current */
    assert_ptr_equal(queue()->current, slab_of(object));
    assert_intact();
    for (int i = 0; i < 1000; i++) { /* one object for ever takes no more than one slab */
        give(take(SIZE));
    }
    assert_int_equal(queue()->slabs, 1);
}

static bool is_given_up(const struct chunk *slab) {
    return chunk_is(slab, CHUNK_RELEASED) || chunk_is(slab, CHUNK_SPARE);
}

static void test_full_and_back(void **state) {
    (void)state;
    void *objects[2 * CAPACITY];
    fill(objects, 2);
    void *next = take(SIZE);
    struct chunk *first = slab_of(objects[0]), *second = slab_of(objects[CAPACITY]);
    assert_true(first != second && is_full(first) && is_full(second));
    assert_null(queue()->head);
    assert_int_equal(queue()->slabs, 3);
    give(objects[CAPACITY + 5]); /* the first free brings it into the queue */
    assert_true(!is_full(second) && second->queued && queue()->head == second);
    give(objects[3]);
    assert_true(queue()->head == second && queue()->tail == first);
    give(objects[4]);
    assert_intact();
    for (size_t i = 0; i < 2 * CAPACITY; i++) {
        if (i != 3 && i != 4 && i != CAPACITY + 5) {
            give(objects[i]);
        }
    }
    assert_int_equal(queue()->slabs, 1); /* both were released when they became empty */
    assert_true(is_given_up(first) && is_given_up(second));
    assert_intact();
    give(next);
}

/* A slab of one object is full and then empty at once. */
static void test_full_to_empty(void **state) {
    (void)state;
    void *objects[CAPACITY + 1];
    fill(objects, 1);
    objects[CAPACITY] = take(SIZE);
    struct chunk *slab = slab_of(objects[0]);
    for (size_t i = 1; i < CAPACITY; i++) {
        give(objects[i]);
    }
    assert_true(slab->queued);
    give(objects[0]);
    assert_true(is_given_up(slab));
    assert_intact();
    give(objects[CAPACITY]);
}

/* What is free in queued slabs is used before a new slab is taken. */
static void test_queue_is_used(void **state) {
    (void)state;
    void *objects[3 * CAPACITY];
    fill(objects, 3);
    for (size_t i = 0; i < 2 * CAPACITY; i += 2) {
        give(objects[i]);
        objects[i] = NULL;
    }
    assert_intact();
    uint32_t slabs = queue()->slabs;
    size_t free = 0;
    for (size_t i = 0; i < 2 * CAPACITY; i += 2, free++) {
        objects[i] = take(SIZE);
        assert_true(slab_of(objects[i]) == slab_of(objects[1]) ||
                    slab_of(objects[i]) == slab_of(objects[CAPACITY + 1]) ||
                    slab_of(objects[i]) == slab_of(objects[2 * CAPACITY]) ||
                    queue()->slabs > slabs);
    }
    assert_true(queue()->slabs <= slabs + 1);
    assert_intact();
    for (size_t i = 0; i < 3 * CAPACITY; i++) {
        give(objects[i]);
    }
}

static void test_flush(void **state) {
    (void)state;
    void *objects[CLASS_COUNT];
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        objects[class] = take(size_classes[class].size);
    }
    heap_flush(heap_self());
    assert_intact();
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        struct queue *q = &heap_self()->queues[class];
        assert_true(heap_self()->bins[class].avail == &no_objects && q->current == NULL);
        struct chunk *slab = slab_of(objects[class]);
        assert_ptr_equal(q->head, slab->capacity > 1 ? slab : NULL);
        give(objects[class]);
        assert_true(q->head == NULL && q->slabs == 0);
    }
    assert_int_equal(block_totals.taken, spare_count(heap_self()));
}

static void test_give_up_and_adopt(void **state) {
    (void)state;
    static struct heap other;
    heap_start(&other);
    void *object = take(SIZE);
    heap_flush(heap_self());
    struct chunk *slab = heap_give_up_slab(heap_self(), class_of(SIZE));
    assert_ptr_equal(slab, slab_of(object));
    assert_null(heap_give_up_slab(heap_self(), class_of(SIZE)));
    heap_adopt_slab(&other, slab);
    assert_int_equal(chunk_owner(slab), heap_distance_of(&other));
    assert_ptr_equal(other.queues[class_of(SIZE)].head, slab);
    assert_int_equal(other.queues[class_of(SIZE)].slabs, 1);
    assert_ptr_equal(heap_give_up_slab(&other, class_of(SIZE)), slab);
    heap_adopt_slab(heap_self(), slab);
    assert_intact();
    give(object);
}

struct batch {
    void *objects[CAPACITY];
    size_t count;
};

static void *give_batch(void *argument) {
    struct batch *batch = argument;
    for (size_t i = 0; i < batch->count; i++) {
        give(batch->objects[i]);
    }
    return NULL;
}

/* Everything but the bitmaps is lost, as after a fork in the middle of a refill. */
static void test_rebuild(void **state) {
    (void)state;
    void *objects[3 * CAPACITY];
    fill(objects, 3);
    static struct batch batch;
    for (; batch.count < CAPACITY; batch.count++) {
        batch.objects[batch.count] = take(SIZE);
    }
    give(objects[7]);
    give(objects[CAPACITY + 7]);
    give_remotely(objects[CAPACITY + 8]);
    in_thread(give_batch, &batch); /* a fourth slab is empty once that is merged */
    heap_rebuild(heap_self());
    assert_intact();
    assert_int_equal(queue()->slabs, 3);
    assert_null(queue()->current);
    for (size_t i = 0; i < 3 * CAPACITY; i++) {
        if (i != 7 && i != CAPACITY + 7 && i != CAPACITY + 8) {
            give(objects[i]);
        }
    }
    assert_int_equal(block_totals.taken, spare_count(heap_self()));
    assert_intact();
}

static void test_counters(void **state) {
    (void)state;
    struct heap_counters before = heap_self()->counters;
    void *objects[CAPACITY];
    fill(objects, 1);
    for (size_t i = 0; i < CAPACITY; i++) {
        give(objects[i]);
    }
    heap_flush(heap_self());
    assert_int_equal(heap_self()->counters.slabs_created - before.slabs_created, 1);
    assert_int_equal(heap_self()->counters.slabs_released - before.slabs_released, 1);
    assert_int_equal(heap_self()->counters.refills - before.refills,
                     CAPACITY / size_classes[class_of(SIZE)].handful);
}

/* A thread that takes over many slabs at once may have one that grows behind several that are full,
 * and no memory for another: what is left in it are objects never used. */
static void test_leftovers_of_a_growing_slab(void **state) {
    (void)state;
    enum { SMALL = 112, IN_SLAB = 292, FULL = 8, USED = 64 }; /* five words, the last one in part */
    static void *objects[(FULL + 1) * IN_SLAB];
    size_t count = 0;
    while (count < FULL * IN_SLAB + USED) {
        objects[count++] = take(SMALL);
    }
    struct heap *heap = heap_self();
    struct queue *small = &heap->queues[class_of(SMALL)];
    struct chunk *growing = small->current;
    assert_int_equal(growing->fresh, USED);
    for (size_t i = 0; i < FULL; i++) {
        heap_adopt_slab(heap, slab_of(objects[i * IN_SLAB])); /* into the queue, as it is */
    }
    small->slabs -= FULL;
    heap_flush(heap);
    assert_ptr_equal(small->tail, growing);
    (void)chunks_purge_all();
    limit_set_hard(block_totals.taken * CHUNK_SIZE);
    while (count < (FULL + 1) * IN_SLAB) {
        objects[count] = take(SMALL);
        assert_non_null(objects[count]);
        assert_ptr_equal(slab_of(objects[count++]), growing);
        assert_intact();
    }
    assert_null(take(SMALL));
    limit_set_hard(0);
    while (count > 0) {
        give(objects[--count]);
    }
    assert_intact();
}

/* Takes one object after the other until a new handful is handed out. */
static void use_a_handful(size_t size) {
    uint64_t before = heap_self()->bins[class_of(size)].handed;
    while (heap_self()->bins[class_of(size)].handed == before) {
        give(take(size));
    }
}

static void test_unused_classes(void **state) {
    (void)state;
    enum { OTHER = 48, LIVE = 80 };
    struct queue *other = &heap_self()->queues[class_of(OTHER)];
    void *live = take(LIVE);
    give(take(OTHER));
    struct chunk *slab = other->current;
    assert_false(heap_release_unused(heap_self())); /* seen for the first time */
    assert_ptr_equal(other->current, slab);
    use_a_handful(OTHER);
    assert_false(heap_release_unused(heap_self())); /* used in between */
    void *object = take(OTHER);
    assert_false(heap_release_unused(heap_self())); /* live */
    give(object);
    assert_false(heap_release_unused(heap_self()));
    assert_true(heap_release_unused(heap_self()));
    assert_true(other->current == NULL && other->slabs == 0 && is_given_up(slab));
    assert_ptr_equal(heap_self()->queues[class_of(LIVE)].current, slab_of(live));
    assert_intact();
    give(take(OTHER));
    give(live);
}

/* A class that grows takes what others do not use before it takes memory that is new. */
static void test_growth_takes_unused(void **state) {
    (void)state;
    enum { OTHER = 48, SLABS = 4 };
    void *objects[SLABS * CAPACITY];
    spare_flush(heap_self());
    (void)chunks_purge_all();
    give(take(OTHER));
    struct chunk *slab = heap_self()->queues[class_of(OTHER)].current;
    fill(objects, SLABS);
    assert_int_equal(heap_self()->queues[class_of(OTHER)].slabs, 0);
    assert_true(chunk_is(slab, CHUNK_SLAB) && slab->class == class_of(SIZE));
    assert_int_equal(block_totals.taken, SLABS);
    for (size_t i = 0; i < SLABS * CAPACITY; i++) {
        give(objects[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_current, empty_but_spares),
        cmocka_unit_test_setup(test_full_and_back, empty_but_spares),
        cmocka_unit_test_setup(test_full_to_empty, empty_but_spares),
        cmocka_unit_test_setup(test_queue_is_used, empty_but_spares),
        cmocka_unit_test_setup(test_flush, empty_but_spares),
        cmocka_unit_test_setup(test_give_up_and_adopt, empty_but_spares),
        cmocka_unit_test_setup(test_rebuild, empty_but_spares),
        cmocka_unit_test_setup(test_leftovers_of_a_growing_slab, empty_but_spares),
        cmocka_unit_test_setup(test_unused_classes, empty_but_spares),
        cmocka_unit_test_setup(test_growth_takes_unused, empty_but_spares),
        cmocka_unit_test_setup_teardown(test_counters, empty_but_spares, empty_but_spares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
