#include "core/checker_parts.h"
#include "core/chunk_map.h"
#include "core/shared_heap.h"

static size_t read(const _Atomic(size_t) *number) {
    return atomic_load_explicit(number, memory_order_relaxed);
}

static bool check_head(const struct checker *checker, const struct shared_heap *heap,
                       struct chunk *head, const struct chunk *before) {
    EXPECT(checker_chunk_address(head) != 0, "what a heap holds is a chunk", heap);
    EXPECT(shared_of(head)->prev_held == before, "the links of what a heap holds agree", head);
    bool is_large = chunk_is(head, CHUNK_LARGE);
    EXPECT((is_large || chunk_is(head, CHUNK_SLAB)) && shared_heap_of(head) == heap,
           "what a heap holds is its own", head);
    return true;
}

bool checker_books(const struct checker *checker, const struct shared_heap *heap) {
    size_t chunks = 0;
    uint32_t slabs = 0;
    struct chunk *before = NULL;
    for (struct chunk *head = heap->books.held; head != NULL;
         before = head, head = shared_of(head)->next_held) {
        if (!check_head(checker, heap, head, before)) {
            return false;
        }
        bool is_large = chunk_is(head, CHUNK_LARGE);
        slabs += !is_large;
        chunks += is_large ? head->large.chunks : 1;
        EXPECT(chunks <= read(&heap->books.chunks), "books.chunks counts what a heap holds", heap);
    }
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        slabs -= heap->heap.queues[c].slabs;
    }
    EXPECT(slabs == 0, "a heap's slabs are in its books", heap);
    EXPECT(chunks == read(&heap->books.chunks), "books.chunks counts what a heap holds", heap);
    EXPECT(chunks <= read(&heap->books.peak), "books.peak is the most that it was", heap);
    size_t limit = read(&heap->books.limit);
    EXPECT(limit == 0 || chunks <= limit, "a heap holds no more than its limit", heap);
    return true;
}
