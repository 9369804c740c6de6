/* The public functions of <cairn/limits.h>. */
#include "base/compiler.h"
#include "core/limit.h"

static size_t bytes_of(const _Atomic(size_t) *chunks) {
    return atomic_load_explicit(chunks, memory_order_relaxed) * CHUNK_SIZE;
}

CAIRN_EXPORT void cairn_set_soft_limit(size_t bytes) { limit_set_soft(bytes); }
CAIRN_EXPORT void cairn_set_hard_limit(size_t bytes) { limit_set_hard(bytes); }
CAIRN_EXPORT size_t cairn_soft_limit(void) { return bytes_of(&limits.soft); }
CAIRN_EXPORT size_t cairn_hard_limit(void) { return bytes_of(&limits.hard); }

CAIRN_EXPORT size_t cairn_held_bytes(void) {
    return bytes_of(&block_totals.taken) + bytes_of(&block_totals.dirty);
}

CAIRN_EXPORT void cairn_set_limit_handler(cairn_limit_handler *handler, void *context) {
    limit_set_handler(handler, context);
}
