#include "core/unmerged.h"

#include "base/compiler.h"
#include "core/slab.h"
#include "core/threads.h"

static void look_at_word(const struct chunk *slab, unsigned w, uint64_t remote) {
    uint64_t twice = slab_free_bits(slab, w) & remote;
    if (twice != 0) {
        slab_report_twice(slab, w, twice);
    }
}

RUNS_ONCE void unmerged_report_double_free(void) {
    struct heap *heap = heap_self();
    /* acquire: pairs with the push, so the links are there. */
    struct chunk *slab = atomic_load_explicit(&heap->notified, memory_order_acquire);
    while (slab != NULL) {
        struct chunk_shared *shared = shared_of(slab);
        bool is_mine = owner_heap(chunk_owner(slab)) == own_distance();
        for (unsigned w = 0; is_mine && w < slab_class(slab)->words; w++) {
            look_at_word(slab, w, atomic_load_explicit(&shared->remote[w], memory_order_relaxed));
        }
        slab = atomic_load_explicit(&shared->notified, memory_order_relaxed);
    }
}
