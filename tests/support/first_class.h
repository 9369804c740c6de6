/* First-class heaps under a profile, which does not look after them. */
#ifndef CAIRN_TESTS_SUPPORT_FIRST_CLASS_H
#define CAIRN_TESTS_SUPPORT_FIRST_CLASS_H

#include <string.h>

#include "core/shared_heap.h"
#include "support/core.h"

static inline struct shared_heap *heap_of(const void *object) {
    return shared_heap_of(chunk_of((uintptr_t)object));
}

static inline void assert_all_are(const char *bytes, size_t size, char value) {
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(bytes[i], value);
    }
}

/* From one size to the other, outside a scope and in one; the contents go with it. */
static inline void resize_there(struct shared_heap *heap, size_t from, size_t to) {
    bool zeroed;
    size_t kept = from < to ? from : to;
    char *object = shared_heap_allocate(heap, from, GRANULE, &zeroed);
    memset(object, 7, from);
    object = resize(object, to);
    assert_ptr_equal(heap_of(object), heap);
    assert_all_are(object, kept, 7);
    char *cleared = take(from);
    char *other = take(from);
    memset(cleared, 8, from);
    memset(other, 9, from);
    assert_true(shared_heap_lease(heap));
    uintptr_t outer = heap_distance;
    heap_distance = heap_distance_of(&heap->heap);
    object = resize(object, from);
    other = resize(other, to);
    cleared = reallocate_zeroed("recalloc", cleared, kept / 2, to);
    heap_distance = outer;
    shared_heap_end_lease(heap);
    assert_ptr_equal(heap_of(object), heap);
    assert_all_are(object, kept, 7);
    assert_all_are(other, kept, 9);
    assert_all_are(cleared, kept / 2, 8);
    assert_all_are(cleared + kept / 2, to - kept / 2, 0);
    give(object);
    give(other);
    give(cleared);
}

static _Atomic(bool) resizing;

/* Objects of the profile, whose descriptors are the neighbours of the heap's. */
static inline void *exchange_large(void *unused) {
    for (size_t i = 0; atomic_load(&resizing); i++) {
        give(take(40000 + i * 7 % 300 * 4096));
    }
    return unused;
}

/* So many that their slabs come and go. */
static inline void exchange_small(struct shared_heap *heap) {
    enum { OBJECTS = 40, SMALL = 16000 };
    void *objects[OBJECTS];
    bool zeroed;
    for (unsigned i = 0; i < OBJECTS; i++) {
        objects[i] = shared_heap_allocate(heap, SMALL, GRANULE, &zeroed);
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        give(objects[i]);
    }
}

static inline void assert_heaps_keep_their_objects(void) {
    pthread_t thread;
    struct shared_heap *heap = shared_heap_create(0);
    atomic_store(&resizing, true);
    assert_int_equal(pthread_create(&thread, NULL, exchange_large, NULL), 0);
    for (size_t from = 50; from < 600000; from *= 5) {
        for (size_t to = 40; to < 600000; to *= 5) {
            resize_there(heap, from, to);
            exchange_small(heap);
        }
    }
    atomic_store(&resizing, false);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_intact();
    shared_heap_destroy(heap);
    assert_intact();
}

#endif
