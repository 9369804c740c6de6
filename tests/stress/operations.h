/* The operations of the model: what a program may do with a heap, on numbered slots of objects.
 *
 * An operation is a few numbers; they come from a random generator (model.c) or from a fuzzer's
 * bytes (tests/fuzz/fuzz_malloc.c).  Every combination of numbers is a legal operation. */
#ifndef CAIRN_TESTS_STRESS_OPERATIONS_H
#define CAIRN_TESTS_STRESS_OPERATIONS_H

#include "shadow.h"

enum operation_kind {
    OPERATION_ALLOCATE,
    OPERATION_ALLOCATE_ZEROED,
    OPERATION_ALLOCATE_ALIGNED,
    OPERATION_RESIZE,
    OPERATION_RESIZE_TO_USABLE,
    OPERATION_RELEASE,
    OPERATION_EXCHANGE, /* with the slot of the same number that all threads share */
    OPERATION_VERIFY,
    OPERATION_TRIM,
    OPERATION_KINDS
};

struct operation {
    enum operation_kind kind;
    size_t slot;
    size_t size;
    unsigned alignment_shift;
    uint64_t seed;
};

/* A slot where objects change hands. */
struct shared_slot {
    atomic_flag busy;
    struct object object;
};

/* One worker: its own objects, and the place that it shares with others. */
struct worker {
    const struct heap_functions *heap;
    struct object *slots;
    size_t slot_count;
    struct shared_slot *shared;
    size_t shared_count;
};

static inline void release_slot(struct worker *worker, struct object *object) {
    if (object->address == NULL) {
        return;
    }
    shadow_verify(worker->heap, object);
    shadow_dies(object);
    worker->heap->release(object->address);
    object->address = NULL;
}

static inline void allocate_into(struct worker *worker, struct object *object,
                                 const struct operation *operation) {
    const struct heap_functions *heap = worker->heap;
    release_slot(worker, object);
    *object = (struct object){.size = operation->size, .alignment = 16};
    if (operation->kind == OPERATION_ALLOCATE_ZEROED) {
        object->address = heap->allocate_zeroed(1, operation->size);
    } else if (operation->kind == OPERATION_ALLOCATE_ALIGNED) {
        object->alignment = (size_t)1 << operation->alignment_shift;
        object->address = heap->allocate_aligned(object->alignment, operation->size);
    } else {
        object->address = heap->allocate(operation->size);
    }
    shadow_born(heap, object);
    if (operation->kind == OPERATION_ALLOCATE_ZEROED && !all_zero(object->address, object->size)) {
        shadow_violation("zeroes", object);
    }
    shadow_fill(object, operation->seed);
}

static inline void resize_slot(struct worker *worker, struct object *object, size_t size,
                               uint64_t seed) {
    const struct heap_functions *heap = worker->heap;
    struct object old = *object;
    if (old.address != NULL) {
        shadow_verify(heap, &old);
        shadow_dies(&old);
    }
    *object = (struct object){.size = size, .alignment = 16};
    object->address = heap->resize(old.address, size);
    shadow_born(heap, object);
    size_t kept = old.address == NULL ? 0 : old.size < size ? old.size : size;
    if (!shadow_content(&old, object->address, kept)) {
        shadow_violation("content kept by realloc", object);
    }
    shadow_fill(object, seed);
}

/* Ask for what is there anyway: the object must stay where it is.  (glibc moves its largest ones.)
 */
static inline void resize_to_usable(struct worker *worker, struct object *object, uint64_t seed) {
    if (object->address == NULL || object->usable == 0 || object->usable > 64 * KIB) {
        return;
    }
    void *before = object->address;
    resize_slot(worker, object, object->usable, seed);
    if (object->address != before) {
        shadow_violation("realloc to the usable size stays", object);
    }
}

static inline void exchange(struct worker *worker, struct object *object, size_t slot) {
    struct shared_slot *shared = &worker->shared[slot % worker->shared_count];
    while (atomic_flag_test_and_set_explicit(&shared->busy, memory_order_acquire)) {}
    struct object other = shared->object;
    shared->object = *object;
    atomic_flag_clear_explicit(&shared->busy, memory_order_release);
    *object = other;
}

static inline void operate(struct worker *worker, const struct operation *operation) {
    struct object *object = &worker->slots[operation->slot % worker->slot_count];
    switch (operation->kind) {
    case OPERATION_ALLOCATE:
    case OPERATION_ALLOCATE_ZEROED:
    case OPERATION_ALLOCATE_ALIGNED:
        allocate_into(worker, object, operation);
        break;
    case OPERATION_RESIZE:
        /* realloc to 0 frees and gives NULL; that is not an object. */
        resize_slot(worker, object, operation->size + 1, operation->seed);
        break;
    case OPERATION_RESIZE_TO_USABLE:
        resize_to_usable(worker, object, operation->seed);
        break;
    case OPERATION_RELEASE:
        release_slot(worker, object);
        break;
    case OPERATION_EXCHANGE:
        exchange(worker, object, operation->slot);
        break;
    case OPERATION_VERIFY:
        if (object->address != NULL) {
            shadow_verify(worker->heap, object);
        }
        break;
    case OPERATION_TRIM:
    default:
        if (worker->heap->trim != NULL) {
            (void)worker->heap->trim(0);
        }
        break;
    }
}

static inline void release_all(struct worker *worker) {
    for (size_t i = 0; i < worker->slot_count; i++) {
        release_slot(worker, &worker->slots[i]);
    }
}

static inline void release_shared(struct worker *worker) {
    for (size_t i = 0; i < worker->shared_count; i++) {
        release_slot(worker, &worker->shared[i].object);
    }
}

/* --- operations at random --------------------------------------------------------------------- */

/* Sizes as programs ask for them, with a liking for the edges of size classes. */
static inline size_t random_request(uint64_t *random) {
    uint64_t choice = random_next(random) % 1000;
    unsigned bits = choice < 600   ? 8
                    : choice < 900 ? 12
                    : choice < 990 ? 15
                    : choice < 998 ? 18
                                   : 22;
    size_t size = (size_t)(random_next(random) >> 20) & (((size_t)1 << bits) - 1);
    if (random_next(random) % 4 == 0) {
        size = documented_class(size) + (size_t)(random_next(random) % 3) - 1;
    }
    return size;
}

static inline struct operation random_operation(uint64_t *random) {
    static const unsigned char weights[OPERATION_KINDS] = {30, 8, 4, 10, 2, 30, 15, 5, 0};
    struct operation operation = {.slot = (size_t)(random_next(random) >> 16)};
    unsigned choice = (unsigned)(random_next(random) % 105);
    while (operation.kind < OPERATION_TRIM && choice >= weights[operation.kind]) {
        choice -= weights[operation.kind];
        operation.kind++;
    }
    if (operation.kind == OPERATION_TRIM && random_next(random) % 2000 != 0) {
        operation.kind = OPERATION_RELEASE;
    }
    operation.size = random_request(random);
    unsigned largest = random_next(random) % 50 == 0 ? 21 : 12;
    operation.alignment_shift = 4 + (unsigned)(random_next(random) % (largest - 3));
    operation.seed = random_next(random);
    return operation;
}

#endif
