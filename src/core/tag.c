#include "core/tag.h"

#include "core/fast.h"
#include "core/report.h"

/* All tags that were ever used, by `next`; grows only. */
static _Atomic(struct cairn_tag *) first_tag;

/* Once for each tag, by whichever thread is the first. */
static void list(struct cairn_tag *tag) {
    if (likely(__atomic_load_n(&tag->listed, __ATOMIC_RELAXED) != 0) ||
        __atomic_exchange_n(&tag->listed, 1, __ATOMIC_RELAXED) != 0) {
        return;
    }
    struct cairn_tag *first = atomic_load_explicit(&first_tag, memory_order_relaxed);
    do {
        tag->next = first;
        /* release: who finds the tag finds its name and the rest of the list. */
    } while (!atomic_compare_exchange_weak_explicit(&first_tag, &first, tag, memory_order_release,
                                                    memory_order_relaxed));
}

/* relaxed: the figures are for people; each is right by itself. */
static void add(struct cairn_tag *tag, uint64_t objects, uint64_t bytes) {
    list(tag);
    (void)__atomic_fetch_add(&tag->objects, objects, __ATOMIC_RELAXED);
    (void)__atomic_fetch_add(&tag->bytes, bytes, __ATOMIC_RELAXED);
}

/* --- scopes ----------------------------------------------------------------------------------- */

/* What the heap has allocated in all its life. */
static void sum_up(const struct heap *heap, uint64_t *objects, uint64_t *bytes) {
    *objects = heap->counters.large_objects + heap->sampling.objects;
    *bytes = heap->counters.large_bytes + heap->sampling.bytes;
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        const struct bin *bin = &heap->bins[c];
        if (bin->handed != 0) {
            uint64_t allocated = bin->handed - count_bits(owner_word_read(bin->avail));
            *objects += allocated;
            *bytes += allocated * size_classes[c].size;
        }
    }
}

struct cairn_tag_scope tag_enter(struct cairn_tag *tag) {
    struct cairn_tag_scope scope = {.tag = tag};
    /* A heap that is taken over only now would bring what others allocated. */
    struct heap *heap = heap_distance != 0 ? heap_self() : threads_attach();
    if (tag != NULL && heap != NULL) {
        scope.heap = (uintptr_t)heap;
        sum_up(heap, &scope.objects, &scope.bytes);
        list(tag);
    }
    return scope;
}

void tag_leave(const char *function, struct cairn_tag_scope *scope) {
    if (scope->heap == 0 || heap_distance == 0) {
        return;
    }
    if (scope->heap != (uintptr_t)heap_self()) {
        report_misuse(function, scope,
                      "the scope was entered by another thread; leave it where it was entered");
    }
    uint64_t objects;
    uint64_t bytes;
    sum_up(heap_self(), &objects, &bytes);
    add(scope->tag, objects - scope->objects, bytes - scope->bytes);
    scope->heap = 0;
}

void tag_visit_each(void (*visit)(void *context, const struct cairn_tag_view *tag), void *context) {
    /* acquire: see list(). */
    struct cairn_tag *tag = atomic_load_explicit(&first_tag, memory_order_acquire);
    for (; tag != NULL; tag = tag->next) {
        struct cairn_tag_view view = {
            .name = tag->name == NULL ? "" : tag->name,
            .objects = __atomic_load_n(&tag->objects, __ATOMIC_RELAXED),
            .bytes = __atomic_load_n(&tag->bytes, __ATOMIC_RELAXED),
        };
        visit(context, &view);
    }
}

/* --- tokens ----------------------------------------------------------------------------------- */

#define NUMBERED(n) [n] = {.name = "token " #n}
static struct cairn_tag tokens[TAG_TOKENS] = {
    NUMBERED(0),  NUMBERED(1),  NUMBERED(2),  NUMBERED(3),
    NUMBERED(4),  NUMBERED(5),  NUMBERED(6),  NUMBERED(7),
    NUMBERED(8),  NUMBERED(9),  NUMBERED(10), NUMBERED(11),
    NUMBERED(12), NUMBERED(13), NUMBERED(14), [TAG_TOKENS - 1] = {.name = "tokens from 15 on"},
};

void tag_note_token(size_t token, size_t size) {
    uint64_t objects = 1;
    if (size <= SLAB_MAX) {
        objects += count_bits(owner_word_read(bin_for(size)->avail));
    }
    add(&tokens[token < TAG_TOKENS ? token : TAG_TOKENS - 1], objects, objects * good_size(size));
}
