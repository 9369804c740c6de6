#include "guard/hardened.h"

#include "core/allocate.h"
#include "core/interceptor.h"
#include "core/object.h"
#include "core/slab.h"
#include "core/threads.h"
#include "core/walk.h"
#include "guard/canary.h"
#include "guard/clear.h"
#include "guard/damage.h"
#include "guard/guarded_large.h"
#include "guard/quarantine.h"
#include "guard/zero_size.h"
#include <errno.h>
#include <string.h>

/* heap->guard */
enum { RING = 256, NOTE_BYTES = 1 };
#define QUARANTINE_BYTES ((size_t)64 << 10)
struct hardened {
    struct large_quarantine large;
    struct quarantine small; /* last, as its ring follows */
};

/* The calling thread's heap; NULL: it can't have one. */
static inline struct heap *own_heap(void) {
    return likely(heap_distance != 0) ? threads_own_heap() : threads_attach();
}

/* The same if malloc comes from there; NULL: it has none, or malloc comes from elsewhere. */
FAST_PATH struct heap *closed_heap(void) {
    uintptr_t distance = heap_distance;
    if (unlikely(!distance_is_closed(distance))) {
        return NULL;
    }
    struct heap *heap = heap_at(distance - CLOSED_OFFSET);
    ASSUME(heap != NULL);
    return heap;
}

/* Of a closed heap, or of one of before the profile began. */
static inline struct hardened *guard_of(const struct heap *heap) {
    return heap == NULL ? NULL : heap->guard;
}

/* --- allocating ------------------------------------------------------------------------------- */

static SLOW_PATH void *prepare_damaged(void *object, size_t room, size_t size) {
    damage_after_free("malloc", (uintptr_t)object, room, 0);
    clear(object, room);
    canary_write(object, room, size);
    return object;
}

static __attribute__((noinline)) void *prepare_long(void *object, size_t room, size_t size,
                                                    bool is_fresh) {
    if (!is_fresh && unlikely(!is_clear(object, room))) {
        return prepare_damaged(object, room, size);
    }
    canary_write(object, room, size);
    return object;
}

FAST_PATH void *prepare(void *object, size_t room, size_t size, bool is_fresh) {
    if (!canary_is_short(room, size)) {
        return prepare_long(object, room, size, is_fresh);
    }
    if (!is_fresh && unlikely(!is_clear(object, room))) {
        return prepare_damaged(object, room, size);
    }
    canary_write_short(object, room, size);
    return object;
}

/* The bin is empty, or who allocates has no heap of his own. */
static __attribute__((noinline)) void *allocate_small_slow(size_t request, size_t size) {
    bool is_fresh = false;
    void *object = take_small(request, &is_fresh);
    return object == NULL
               ? NULL
               : prepare_long(object, size_classes[class_of(request)].size, size, is_fresh);
}

/* `request`: size and canary, or more for the alignment's sake.  The memory is zero. */
FAST_PATH void *allocate_small(size_t request, size_t size) {
    struct heap *heap = closed_heap();
    if (unlikely(heap == NULL)) {
        return allocate_small_slow(request, size);
    }
    struct bin *bin = heap_bin(heap, request);
    uint64_t avail = owner_word_read(bin->avail);
    if (unlikely(avail == 0)) {
        return allocate_small_slow(request, size);
    }
    return prepare(bin_take_at_random(heap, bin, avail), bin->size, size, bin->zeroed != 0);
}

static void *allocate_large(size_t size, size_t alignment, bool zeroed, size_t reserve) {
    struct hardened *guard = guard_of(own_heap());
    return guarded_large_allocate(size, alignment, zeroed, reserve,
                                  guard != NULL ? &guard->large : NULL);
}

static __attribute__((noinline)) void *allocate_other(size_t size, size_t alignment, bool zeroed) {
    if (unlikely(size == 0) && alignment <= GRANULE) {
        void *object = zero_size_take();
        if (object != NULL) {
            return object;
        }
    }
    if (size <= NARROW_MAX - CANARY_LEAST) {
        size_t request = aligned_room(size + CANARY_LEAST, alignment);
        if (likely(request != 0)) {
            return allocate_small(request, size);
        }
    }
    return allocate_large(size, alignment, zeroed, 0);
}

/* --- kinds apart ------------------------------------------------------------------------------ */

/* Where the program tells of its objects whether they hold pointers, those that do are in classes
 * of even numbers and all others in odd ones, the next larger one if need be: so none of one kind
 * is in the place of one of the other while the slab is there, or next to it. */
static unsigned parity_of(bool holds_pointers) { return holds_pointers ? 0 : 1; }

/* The least class of the parity for `request` bytes that are so aligned; NARROW_CLASS_COUNT:
 * none. */
static unsigned class_apart(size_t request, size_t alignment, unsigned parity) {
    unsigned class = request <= NARROW_MAX ? class_of(request) : NARROW_CLASS_COUNT;
    while (class < NARROW_CLASS_COUNT &&
           (class % 2 != parity || size_classes[class].size % alignment != 0)) {
        class ++;
    }
    return class;
}

static __attribute__((noinline)) void *allocate_apart(size_t size, size_t alignment, bool zeroed,
                                                      bool holds_pointers) {
    if (size == 0) {
        return allocate_other(size, alignment, zeroed);
    }
    unsigned parity = parity_of(holds_pointers);
    unsigned class = size <= NARROW_MAX ? class_apart(size + CANARY_LEAST, alignment, parity)
                                        : NARROW_CLASS_COUNT;
    return class < NARROW_CLASS_COUNT ? allocate_small(size_classes[class].size, size)
                                      : allocate_large(size, alignment, zeroed, 0);
}

static bool kinds_told(void) {
    /* relaxed: see kind_begin(). */
    return unlikely(atomic_load_explicit(&kinds_are_told, memory_order_relaxed));
}

static void *allocate(size_t size, size_t alignment, bool zeroed) {
    if (kinds_told()) {
        return allocate_apart(size, alignment, zeroed, thread_traits.holds_pointers);
    }
    if (likely(size - 1 < NARROW_MAX - CANARY_LEAST && alignment <= GRANULE)) {
        return allocate_small(size + CANARY_LEAST, size);
    }
    return allocate_other(size, alignment, zeroed);
}

/* --- what a pointer is ------------------------------------------------------------------------ */

struct small {
    struct chunk *slab; /* NULL: it is no object of a closed heap's slab */
    uint64_t index;
    size_t room;
};

FAST_PATH struct small find_small(uintptr_t address) {
    struct small none = {0};
    if (unlikely(!address_is_mappable(address))) {
        return none;
    }
    struct chunk *slab = chunk_of(address);
    bool exact;
    uint64_t index = object_index(slab, address, &exact);
    if (unlikely(!exact || !slab->noted)) { /* none is exact but in a slab: chunk.reciprocal */
        return none;
    }
    const struct size_class *size_class = slab_class(slab);
    if (unlikely(index >= slab->capacity)) {
        return none;
    }
    return (struct small){slab, index, size_class->size};
}

static unsigned char *note_of_small(struct small small) {
    return shared_of(small.slab)->notes + small.index * NOTE_BYTES;
}

static bool is_live(struct small small) {
    unsigned w = (unsigned)(small.index / 64);
    uint64_t remote = atomic_load_explicit(&shared_of(small.slab)->remote[w], memory_order_relaxed);
    uint64_t free = slab_free_bits(small.slab, w) | remote;
    return (free >> small.index % 64 & 1) == 0 && note_read(note_of_small(small)) == NOTE_LIVE;
}

static bool find(const void *pointer, size_t *size) {
    uintptr_t address = (uintptr_t)pointer;
    struct small small = find_small(address);
    if (small.slab != NULL) {
        return is_live(small) && canary_check(pointer, small.room, size);
    }
    *size = 0;
    return zero_size_find(pointer) == ZERO_SIZE_LIVE;
}

/* --- freeing ---------------------------------------------------------------------------------- */

/* A slab of a closed heap, whose live objects find_small() knows. */
static bool is_guarded_slab(uintptr_t address) {
    struct chunk *slab = address_is_mappable(address) ? chunk_of(address) : NULL;
    return slab != NULL && chunk_is(slab, CHUNK_SLAB) && notes_of(slab) != NULL;
}

static SLOW_PATH void report(const char *function, const void *pointer) {
    struct object object;
    struct finding finding;
    (void)object_find(pointer, &object, &finding);
    report_finding(function, &finding);
}

/* By a thread whose malloc does not come from a heap of its own. */
static __attribute__((noinline)) void keep_elsewhere(struct chunk *slab, uint64_t index) {
    struct heap *heap = own_heap();
    struct hardened *guard = guard_of(heap);
    if (guard != NULL) {
        quarantine_keep(heap, &guard->small, slab, index, slab_class(slab)->size);
    } else {
        quarantine_release_of(slab, index);
    }
}

static SLOW_PATH void free_other(const char *function, void *pointer) {
    uintptr_t address = (uintptr_t)pointer;
    if (is_guarded_slab(address)) {
        report(function, pointer);
        return;
    }
    enum zero_size zero_size = zero_size_find(pointer);
    if (zero_size != ZERO_SIZE_NONE) {
        if (!zero_size_give(pointer)) {
            report_bad_pointer(
                function,
                &(struct finding){.what = FOUND_FREE, .address = address, .object = address});
        }
        return;
    }
    struct chunk *head = address_is_mappable(address) ? guarded_large_find(address) : NULL;
    if (head != NULL) {
        if (!guarded_large_check(function, head)) {
            return;
        }
        struct hardened *guard = guard_of(own_heap());
        if (guarded_large_free(head, guard != NULL ? &guard->large : NULL)) {
            return;
        }
    }
    free_ordinary(function, pointer); /* of before the profile began, or a mistake */
}

/* It is the program's no longer, and its canary was whole. */
FAST_PATH void take_back(struct small small, void *object) {
    note_write(note_of_small(small), NOTE_WAITS);
    clear(object, small.room);
    struct heap *heap = closed_heap();
    if (unlikely(heap == NULL)) {
        keep_elsewhere(small.slab, small.index);
        return;
    }
    struct hardened *guard = heap->guard;
    quarantine_keep(heap, &guard->small, small.slab, small.index, small.room);
}

/* An object that may be longer than free_guarded() looks at, or that is not as it should be. */
static __attribute__((noinline)) void free_long(const char *function, void *pointer,
                                                struct chunk *slab, uint64_t index, size_t room) {
    struct small small = {slab, index, room};
    size_t size;
    if (likely(canary_check(pointer, room, &size))) {
        take_back(small, pointer);
    } else if (is_live(small)) {
        damage_canary(function, (uintptr_t)pointer, room);
    } else {
        report(function, pointer);
    }
}

/* A freed object is clear, which no canary is: so a live one with its canary is all that has to be
 * looked for, and the bitmaps only if there is none. */
static void free_guarded(const char *function, void *pointer) {
    struct small small = find_small((uintptr_t)pointer);
    if (unlikely(small.slab == NULL)) {
        free_other(function, pointer);
    } else if (small.room <= CANARY_SHORT_ROOM && likely(canary_check_short(pointer, small.room))) {
        take_back(small, pointer);
    } else {
        free_long(function, pointer, small.slab, small.index, small.room);
    }
}

/* --- resizing --------------------------------------------------------------------------------- */

/* Of `old` bytes, with its canary whole.  False: it does not fit. */
static bool resize_small(const struct small *small, void *pointer, size_t old, size_t size) {
    if (size > small->room - CANARY_LEAST) {
        return false;
    }
    if (size > old) {
        memset((char *)pointer + old, 0, size - old);
    }
    canary_rewrite(pointer, small->room, size);
    return true;
}

static bool resize_guarded(const char *function, void *pointer, size_t size) {
    uintptr_t address = (uintptr_t)pointer;
    if (size > REQUEST_MAX) {
        return false;
    }
    struct small small = find_small(address);
    if (small.slab != NULL && is_live(small)) {
        size_t old;
        if (canary_check(pointer, small.room, &old)) {
            return resize_small(&small, pointer, old, size);
        }
        damage_canary(function, address, small.room);
        return false;
    }
    size_t usable = object_require(function, pointer).usable;
    struct chunk *head = guarded_large_find(address);
    if (head != NULL) {
        return guarded_large_check(function, head) && guarded_large_resize(head, size);
    }
    return size <= usable;
}

/* NULL: it has to be copied. */
static void *move_large(const char *function, void *pointer, size_t size, bool zeroed) {
    struct chunk *head = size > NARROW_MAX ? guarded_large_find((uintptr_t)pointer) : NULL;
    if (head == NULL || !guarded_large_check(function, head)) {
        return NULL;
    }
    struct hardened *guard = guard_of(own_heap());
    return guarded_large_move(head, size, zeroed, guard != NULL ? &guard->large : NULL);
}

/* Of the same kind as `small`, or as is told if it is none. */
static void *allocate_copy(const struct small *small, size_t usable, size_t size, bool zeroed) {
    if (size > NARROW_MAX && usable > NARROW_MAX && size <= REQUEST_MAX / 2) {
        return allocate_large(size, GRANULE, zeroed, guarded_large_reserve(size));
    }
    if (kinds_told() && small->slab != NULL) {
        return allocate_apart(size, GRANULE, zeroed, small->slab->class % 2 == parity_of(true));
    }
    return allocate(size, GRANULE, zeroed);
}

/* Of a small object that is live and whole: its size; of any other that is live likewise, and then
 * `small` is none. */
static size_t require(const char *function, const void *pointer, struct small *small) {
    size_t size;
    if (small->slab != NULL && is_live(*small) && canary_check(pointer, small->room, &size)) {
        return size;
    }
    *small = (struct small){0};
    return object_require(function, pointer).usable;
}

static void *reallocate_guarded(const char *function, void *pointer, size_t old_size, size_t size) {
    struct small small = find_small((uintptr_t)pointer);
    size_t usable = require(function, pointer, &small);
    bool zeroed = old_size != SIZE_MAX;
    size_t kept = zeroed ? old_size : usable;
    if (size > REQUEST_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    bool is_small = small.slab != NULL;
    bool stays = size >= usable / 2 && (is_small ? resize_small(&small, pointer, usable, size)
                                                 : resize_guarded(function, pointer, size));
    char *moved = stays || is_small ? NULL : move_large(function, pointer, size, zeroed);
    if (stays || moved != NULL) {
        char *resized = stays ? pointer : moved;
        if (kept < usable && kept < size) {
            memset(resized + kept, 0, (usable < size ? usable : size) - kept);
        }
        return resized;
    }
    void *copy = allocate_copy(&small, usable, size, zeroed);
    if (copy == NULL) {
        return NULL;
    }
    size_t copied = kept < size ? kept : size;
    guarded_large_expect(copy, copied);
    memcpy(copy, pointer, copied);
    free_guarded(function, pointer);
    return copy;
}

/* --- slabs------------------------------------------------------------------------------------ */

/* What is written to objects that do not come again is found here. */
static void memory_goes(const struct chunk *slab, uintptr_t from, uintptr_t to) {
    size_t room = slab_class(slab)->size;
    uintptr_t end = slab->start + slab->fresh * room; /* of what was ever handed out */
    to = to < end ? to : end;
    if (likely(from >= to || is_clear((void *)from, to - from))) {
        return;
    }
    for (; from < to; from += sizeof(clear_pair)) {
        if (!is_clear((void *)from, sizeof(clear_pair))) {
            uintptr_t object = slab->start + (from - slab->start) / room * room;
            damage_after_free("free", object, room, 0);
            from = object + room - sizeof(clear_pair);
        }
    }
}

struct check {
    uintptr_t wrong; /* the first object that is not sound; 0: all are */
    size_t room;     /* of it; 0: it is a large one */
    bool is_live;
};

static void check_slab(struct chunk *slab, void *argument) {
    struct check *check = argument;
    size_t room = slab_class(slab)->size, size;
    if (notes_of(slab) == NULL) {
        return;
    }
    for (unsigned i = 0; i < slab->fresh && check->wrong == 0; i++) {
        struct small small = {slab, i, room};
        void *object = (void *)(slab->start + i * room);
        bool live = is_live(small);
        if (live ? !canary_check(object, room, &size) : !is_clear(object, room)) {
            *check = (struct check){(uintptr_t)object, room, live};
        }
    }
}

static void check_large(struct chunk *head, void *argument) {
    struct check *check = argument;
    if (check->wrong == 0 && guarded_large_find(large_address(head)) == head &&
        !guarded_large_is_sound(head)) {
        *check = (struct check){large_address(head), 0, true};
    }
}

bool hardened_check(const char *function) {
    struct check check = {0};
    walk_slabs(check_slab, &check);
    walk_large(check_large, &check);
    if (check.wrong == 0) {
        return true;
    }
    if (check.room == 0) {
        (void)guarded_large_check(function, guarded_large_find(check.wrong));
    } else if (check.is_live) {
        damage_canary(function, check.wrong, check.room);
    } else {
        damage_after_free(function, check.wrong, check.room, 0);
    }
    return false;
}

static void heap_begins(struct heap *heap) {
    struct hardened *guard = heap->guard;
    quarantine_begin(&guard->small, RING, QUARANTINE_BYTES);
}

static void heap_ends(struct heap *heap) {
    struct hardened *guard = heap->guard;
    quarantine_empty(&guard->small);
    large_quarantine_empty(&guard->large);
}

void hardened_start(void) {
    static const struct interceptor hardened = {.note_bytes = NOTE_BYTES,
                                                .guards_slabs = true,
                                                .heap_bytes = offsetof(struct hardened, small) +
                                                              QUARANTINE_SIZE(RING),
                                                .allocate = allocate,
                                                .free = free_guarded,
                                                .reallocate = reallocate_guarded,
                                                .resize_in_place = resize_guarded,
                                                .find = find,
                                                .memory_goes = memory_goes,
                                                .heap_begins = heap_begins,
                                                .heap_ends = heap_ends};
    canary_start();
    zero_size_start();
    interceptor_set(&hardened);
}
