/* A heap in the shadow of the one under test: knows every live object and sees what no single
 * object can see.
 *
 * Checked are overlap (of any two objects of any two threads), alignment, content, usable size (at
 * least the request, and the same for as long as the object lives), zeroes from calloc, and content
 * kept by realloc.  What the shadow needs it maps itself: it does not allocate through the heap
 * under test.
 *
 * The heap is reached through a table of functions, so that the same checks run over a preloaded
 * malloc, over the core under a fuzzer, and over allocators that are broken on purpose to see that
 * the checks find it. */
#ifndef CAIRN_TESTS_STRESS_SHADOW_H
#define CAIRN_TESTS_STRESS_SHADOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "support/testkit.h"

struct heap_functions {
    void *(*allocate)(size_t size);
    void *(*allocate_zeroed)(size_t count, size_t size);
    void *(*resize)(void *object, size_t size);
    void *(*allocate_aligned)(size_t alignment, size_t size);
    void (*release)(void *object);
    size_t (*usable_size)(void *object);
    int (*trim)(size_t keep); /* may be NULL */
};

struct object {
    void *address; /* NULL: none */
    size_t size;
    size_t usable;
    size_t alignment;
    uint64_t seed;
};

/* Ends the process; the name is what the tests of the checks look for. */
__attribute__((noreturn)) static inline void shadow_violation(const char *name,
                                                              const struct object *object) {
    say(2, "violated: %s (object 0x%lx, %zu bytes, usable %zu, alignment %zu)\n", name,
        (unsigned long)address(object->address), object->size, object->usable, object->alignment);
    abort();
}

/* --- who owns which 16 bytes: a bit for each, in leaves of 1 MiB that are found by hashing ---- */

enum {
    LEAF_SHIFT = 20,
    GRANULE_SHIFT = 4,
    LEAF_WORDS = 1 << (LEAF_SHIFT - GRANULE_SHIFT - 6),
    LEAVES = 1 << 16 /* 64 GiB of address space that ever held an object */
};

struct shadow_leaf {
    _Atomic uintptr_t number; /* address >> LEAF_SHIFT; 0: free */
    _Atomic(_Atomic uint64_t *) words;
};

static struct shadow_leaf shadow_leaves[LEAVES];

static inline _Atomic uint64_t *shadow_new_words(void) {
    void *words = mmap(NULL, LEAF_WORDS * sizeof(uint64_t), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(words != MAP_FAILED);
    return (_Atomic uint64_t *)words;
}

static inline _Atomic uint64_t *shadow_words_of(uintptr_t number) {
    size_t place = (size_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 48) % LEAVES;
    for (size_t tries = 0; tries < LEAVES; tries++, place = (place + 1) % LEAVES) {
        struct shadow_leaf *leaf = &shadow_leaves[place];
        uintptr_t found = 0;
        if (!atomic_compare_exchange_strong(&leaf->number, &found, number) && found != number) {
            continue;
        }
        _Atomic uint64_t *words = atomic_load(&leaf->words);
        if (words == NULL) {
            _Atomic uint64_t *fresh = shadow_new_words();
            if (atomic_compare_exchange_strong(&leaf->words, &words, fresh)) {
                return fresh;
            }
            munmap((void *)fresh, LEAF_WORDS * sizeof(uint64_t));
        }
        return words;
    }
    FAIL("the shadow is full");
}

/* Flip the bits of the object's granules; false if any was already as it should become. */
static inline bool shadow_mark(const struct object *object, bool taken) {
    uintptr_t granule = address(object->address) >> GRANULE_SHIFT;
    uintptr_t end = (address(object->address) + object->usable + 15) >> GRANULE_SHIFT;
    bool clean = true;
    while (granule < end) {
        uintptr_t bit = granule % 64;
        uintptr_t count = end - granule < 64 - bit ? end - granule : 64 - bit;
        uint64_t mask = (count == 64 ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1) << bit;
        _Atomic uint64_t *word =
            shadow_words_of(granule >> (LEAF_SHIFT - GRANULE_SHIFT)) + granule / 64 % LEAF_WORDS;
        uint64_t before = taken ? atomic_fetch_or(word, mask) : atomic_fetch_and(word, ~mask);
        clean &= (before & mask) == (taken ? 0 : mask);
        granule += count;
    }
    return clean;
}

/* --- objects ---------------------------------------------------------------------------------- */

/* The heap says that this object is new: look at all of it that can be wrong. */
static inline void shadow_born(const struct heap_functions *heap, struct object *object) {
    if (object->address == NULL) {
        shadow_violation("memory for a modest request", object);
    }
    if (address(object->address) % object->alignment != 0 || address(object->address) % 16 != 0) {
        shadow_violation("alignment", object);
    }
    object->usable = heap->usable_size(object->address);
    if (object->usable < object->size) {
        shadow_violation("usable size at least the request", object);
    }
    if (!shadow_mark(object, true)) {
        shadow_violation("no overlap", object);
    }
}

/* Content: all bytes of small objects; of large ones 64 bytes at the start of each page and at the
 * end. */
enum { SMALL_ENOUGH = 16 * 1024, PIECE = 64, PIECE_EVERY = 4096 };

static inline size_t next_piece(size_t size, size_t at) {
    size_t next = at + PIECE_EVERY;
    if (next + 2 * PIECE <= size) {
        return next;
    }
    return at + PIECE < size ? size - PIECE : size;
}

static inline void shadow_fill(struct object *object, uint64_t seed) {
    char *bytes = (char *)object->address;
    object->seed = seed;
    if (object->size <= SMALL_ENOUGH) {
        pattern_fill(bytes, object->size, seed);
        /* The rest is the program's too, whatever lies there next. */
        memset(bytes + object->size, 0xee, object->usable - object->size);
        return;
    }
    for (size_t at = 0; at < object->size; at = next_piece(object->size, at)) {
        pattern_fill(bytes + at, PIECE, seed + at);
    }
    if (object->usable > object->size) {
        bytes[object->usable - 1] = 0x5e;
    }
}

/* Whether the first bytes at this address are those of the object. */
static inline bool shadow_content(const struct object *object, const void *address, size_t upto) {
    const char *bytes = (const char *)address;
    if (object->size <= SMALL_ENOUGH) {
        return pattern_holds(bytes, upto, object->seed);
    }
    for (size_t at = 0; at + PIECE <= upto; at = next_piece(object->size, at)) {
        if (!pattern_holds(bytes + at, PIECE, object->seed + at)) {
            return false;
        }
    }
    return true;
}

static inline void shadow_verify(const struct heap_functions *heap, const struct object *object) {
    if (!shadow_content(object, object->address, object->size)) {
        shadow_violation("content untouched", object);
    }
    if (heap->usable_size(object->address) != object->usable) {
        shadow_violation("usable size stable", object);
    }
}

/* The object is about to go: its bytes may belong to somebody else as soon as the heap has them. */
static inline void shadow_dies(const struct object *object) {
    if (!shadow_mark(object, false)) {
        shadow_violation("own granules still marked", object);
    }
}

/* Whether nothing is alive any more. */
static inline bool shadow_is_empty(void) {
    for (size_t i = 0; i < LEAVES; i++) {
        _Atomic uint64_t *words = atomic_load(&shadow_leaves[i].words);
        for (size_t k = 0; words != NULL && k < LEAF_WORDS; k++) {
            if (atomic_load(&words[k]) != 0) {
                return false;
            }
        }
    }
    return true;
}

#endif
