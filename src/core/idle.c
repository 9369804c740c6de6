#include "core/idle.h"

#include "core/block.h"
#include "core/remote.h"
#include "core/spare.h"
#include "core/threads.h"
#include "core/trim.h"

/* All bins are empty since then, so that the next object taken would have been a refill. */
static bool nothing_happened(struct heap *heap) {
    return heap->counters.refills == heap->refills_when_idle && !remote_is_notified(heap) &&
           spare_count(heap) == 0;
}

void idle(void) {
    if (heap_distance == 0) {
        return;
    }
    struct heap *heap = heap_self();
    if (nothing_happened(heap)) {
        return;
    }
    heap->refills_when_idle = heap->counters.refills;
    heap_flush(heap);
    (void)trim_heap(heap);
    chunks_look_at_quiet();
}
