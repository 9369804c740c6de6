#include "trace/stack_depot.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "base/compiler.h"
#include "os/os.h"

/* A stack as it is kept: its number is where it lies, in words from the start of the depot.
 * Written by who adds it, before anybody can find it; never changed. */
struct kept {
    uint32_t hash;
    uint32_t count; /* of frames; 0 < count <= STACK_FRAMES */
    uint32_t next;  /* number of the next one in its bucket, or 0 */
    uint32_t reserved;
    uintptr_t frame[];
};

enum { WORD = sizeof(uint64_t), BUCKETS = 1 << 14, DEPOT_WORDS = (32 << 20) / WORD };

/* used <= DEPOT_WORDS;  a number leads to a `struct kept` exactly if a bucket's list has it. */
struct depot {
    _Atomic(uint32_t) bucket[BUCKETS]; /* number of its newest stack, or 0 */
    _Atomic(uint32_t) used;            /* words of `words` */
    uint64_t words[];                  /* the first is in no use, as 0 is no number */
};

static _Atomic(struct depot *) the_depot;

static SLOW_PATH struct depot *make_depot(void) {
    size_t size = sizeof(struct depot) + DEPOT_WORDS * WORD;
    size_t page = os_page_size();
    size = (size + page - 1) / page * page;
    struct depot *fresh = os_map(size);
    if (fresh == NULL) {
        return NULL;
    }
    atomic_init(&fresh->used, 1);
    struct depot *first = NULL;
    /* release: who sees the depot sees its first word taken. */
    if (!atomic_compare_exchange_strong_explicit(&the_depot, &first, fresh, memory_order_acq_rel,
                                                 memory_order_acquire)) {
        os_unreserve(fresh, size);
        return first;
    }
    return fresh;
}

static struct depot *depot(void) { return atomic_load_explicit(&the_depot, memory_order_acquire); }

static struct kept *kept_at(struct depot *in, uint32_t id) {
    return (struct kept *)(void *)&in->words[id];
}

/* Each word is multiplied and folded: wyhash's step, by Wang Yi. */
static uint32_t hash_of(const uintptr_t *frame, uint32_t count) {
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ frame[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return (uint32_t)hash;
}

/* The number of a stack among those from `id` on, up to but without `end`; 0 if it is not there. */
static uint32_t search(struct depot *in, uint32_t id, uint32_t end, uint32_t hash,
                       const struct stack *stack) {
    while (id != end) {
        const struct kept *kept = kept_at(in, id);
        if (kept->hash == hash && kept->count == stack->count &&
            memcmp(kept->frame, stack->frame, stack->count * sizeof stack->frame[0]) == 0) {
            return id;
        }
        id = kept->next;
    }
    return 0;
}

/* Room for a stack of so many frames, for good; 0: there is none. */
static uint32_t take_room(struct depot *in, uint32_t frames) {
    uint32_t words = (uint32_t)(sizeof(struct kept) / WORD) + frames;
    /* relaxed: the room is nobody else's; what is written there is published by its bucket. */
    uint32_t used = atomic_load_explicit(&in->used, memory_order_relaxed);
    do {
        if (used > DEPOT_WORDS - words) {
            return 0;
        }
    } while (!atomic_compare_exchange_weak_explicit(&in->used, &used, used + words,
                                                    memory_order_relaxed, memory_order_relaxed));
    return used;
}

/* `first`: the bucket's newest stack when it was searched in vain.  Another thread may add the same
 * one meanwhile; then that one counts, and the room of this one is lost. */
static uint32_t add(struct depot *in, _Atomic(uint32_t) *bucket, uint32_t first, uint32_t hash,
                    const struct stack *stack) {
    uint32_t id = take_room(in, stack->count);
    if (id == 0) {
        return 0;
    }
    struct kept *kept = kept_at(in, id);
    kept->hash = hash;
    kept->count = stack->count;
    memcpy(kept->frame, stack->frame, stack->count * sizeof stack->frame[0]);
    for (;;) {
        uint32_t searched = first;
        kept->next = first;
        if (atomic_compare_exchange_weak_explicit(bucket, &first, id, memory_order_acq_rel,
                                                  memory_order_acquire)) {
            return id;
        }
        uint32_t other = search(in, first, searched, hash, stack);
        if (other != 0) {
            return other;
        }
    }
}

uint32_t stack_depot_keep(const struct stack *stack) {
    if (stack->count == 0) {
        return 0;
    }
    struct depot *in = depot();
    if (unlikely(in == NULL)) {
        in = make_depot();
        if (in == NULL) {
            return 0;
        }
    }
    uint32_t hash = hash_of(stack->frame, stack->count);
    _Atomic(uint32_t) *bucket = &in->bucket[hash % BUCKETS];
    /* acquire: who sees a number sees the stack. */
    uint32_t first = atomic_load_explicit(bucket, memory_order_acquire);
    uint32_t id = search(in, first, 0, hash, stack);
    return id != 0 ? id : add(in, bucket, first, hash, stack);
}

bool stack_depot_find(uint32_t id, struct stack *stack) {
    struct depot *in = depot();
    stack->count = 0;
    if (in == NULL || id == 0 || id > DEPOT_WORDS - sizeof(struct kept) / WORD) {
        return false;
    }
    /* Any number may be asked for: only what has the shape of a stack, in the bucket that it would
     * be in, is one. */
    const struct kept *kept = kept_at(in, id);
    uint32_t at = atomic_load_explicit(&in->bucket[kept->hash % BUCKETS], memory_order_acquire);
    while (at != 0 && at != id) {
        at = kept_at(in, at)->next;
    }
    if (at == 0) {
        return false;
    }
    stack->count = kept->count;
    memcpy(stack->frame, kept->frame, kept->count * sizeof kept->frame[0]);
    return true;
}
