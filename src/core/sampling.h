/* Samples: requests that a layer above serves in its own way, one in about N of all.
 *
 * The fast paths know nothing of it.  How many objects a bin got is known when it got them, so
 * each bin of a heap counts down to its next sample there; a handful in whose middle the sample
 * lies is cut short, so that the very request that is to be the sample finds the bin empty and
 * takes the slow path.  The distances are drawn from the geometric distribution, which has no
 * memory: each request is a sample with probability 1/N, whatever its size, its place in the
 * handful and the period of the program.  Large requests have a countdown of their own.
 *
 *   sampling.due[c] >= bins[c].handed     of a heap of this epoch, outside of these functions; the
 *                                         difference is how many objects may still go out
 *
 * Who serves the samples registers itself, once.  Core reaches it from slow paths only. */
#ifndef CAIRN_CORE_SAMPLING_H
#define CAIRN_CORE_SAMPLING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "core/checker.h"
#include "core/heap.h"

struct sample_counts {
    uint64_t live_objects, live_bytes;
    uint64_t taken, missed; /* requests that were to be samples, and became some or were refused */
};

/* All objects of the source lie in [base, base + size), where core never has anything. */
struct sample_source {
    uintptr_t base;
    size_t size;
    /* An object for the request, or NULL: it is served as if it were no sample.  The object's bytes
     * are anything. */
    void *(*take)(size_t size, size_t alignment);
    /* How many bytes a live object has; false: there is none that starts at the address. */
    bool (*find)(uintptr_t address, size_t *usable);
    /* Frees a live object; anything else is reported under the name of the function. */
    void (*give)(const char *function, uintptr_t address);
    /* For an address at which find() found none. */
    void (*report)(const char *function, uintptr_t address) __attribute__((noreturn));
    /* Holds all locks, releases them, or makes them free in the child; under all locks of core. */
    void (*before_fork)(void);
    void (*after_fork)(bool in_child);
    /* For the checker; no lock is held. */
    bool (*check)(struct checker_finding *finding);
    void (*count)(struct sample_counts *counts);
};

/* NULL: none has registered. */
extern _Atomic(const struct sample_source *) sample_source;

/* From now on there is one; it stays. */
void sampling_register(const struct sample_source *source);

/* 0: off.  Objects that are samples stay.  At most SAMPLING_RATE_MAX. */
#define SAMPLING_RATE_MAX ((size_t)1 << 26)
void sampling_set_rate(size_t one_in);
size_t sampling_rate(void);

/* Changes with each change of the rate; 0: off. */
extern _Atomic(uint32_t) sampling_epoch;

/* relaxed: a request early or late is not seen. */
static inline bool sampling_is_on(void) {
    return unlikely(atomic_load_explicit(&sampling_epoch, memory_order_relaxed) != 0);
}

/* The source whose address this is; NULL: nobody's. */
static inline const struct sample_source *sampling_source_of(uintptr_t address) {
    const struct sample_source *source = atomic_load_explicit(&sample_source, memory_order_acquire);
    return source != NULL && address - source->base < source->size ? source : NULL;
}

/* How many objects of the class went to the bin, or how many large ones were made. */
static inline uint64_t sampling_handed(const struct heap *heap, unsigned class) {
    return class == CLASS_COUNT ? heap->counters.large_objects : heap->bins[class].handed;
}

/* Whether a sample may lie within the next handful, or that is not known; while sampling is on. */
static inline bool sampling_is_near(const struct heap *heap, unsigned class) {
    enum { HANDFUL_MAX = 64 };
    return heap->sampling.epoch != atomic_load_explicit(&sampling_epoch, memory_order_relaxed) ||
           heap->sampling.due[class] - sampling_handed(heap, class) <= HANDFUL_MAX;
}

static inline bool sampling_may_be_due(const struct heap *heap, unsigned class) {
    return sampling_is_on() && sampling_is_near(heap, class);
}

/* By a request of the class (CLASS_COUNT: a large one) that takes the slow path.  The object, if it
 * is a sample and was served as one; NULL: it is to be served as usual, and if it is small
 * sampling_cut() called. */
void *sampling_take(struct heap *heap, unsigned class, size_t size, size_t alignment);
void sampling_cut(struct heap *heap, unsigned class);

/* With all locks of core held, or reset. */
void sampling_before_fork(void);
void sampling_after_fork(bool in_child);

#endif
