#include "core/object.h"

#include "base/bits.h"
#include "core/chunk_map.h"
#include "core/interceptor.h"
#include "core/sampling.h"
#include "core/slab.h"

/* Only heads are marked, so the search goes back chunk by chunk, as far as a window is long, also
 * into the one before: an object behind a guard page may begin with a window of which its head is
 * not.  (What is further from its head is not found; then the report is less precise.) */
struct chunk *large_around(uintptr_t address) {
    const struct block *block = block_of(address);
    if (block == NULL || block->address == 0) {
        return NULL; /* no memory of ours, whatever lies before it */
    }
    uintptr_t at = round_down(address, CHUNK_SIZE);
    for (uint32_t i = 0; i < CHUNKS_PER_WINDOW && at != 0; i++, at -= CHUNK_SIZE) {
        struct chunk *head = chunk_of(at);
        if (chunk_is(head, CHUNK_LARGE)) {
            /* acquire: pairs with make_head(), so the rest is there. */
            uintptr_t owner = atomic_load_explicit(&head->owner, memory_order_acquire);
            return owner == OWNER_LARGE && address < large_address(head) + large_usable(head)
                       ? head
                       : NULL;
        }
        if (chunk_is(head, CHUNK_SLAB) || chunk_is(head, CHUNK_BODY)) {
            return NULL; /* what lies before it is another thread's, which may be writing there */
        }
    }
    return NULL;
}

static enum found find_large(uintptr_t address, struct object *object, struct finding *finding) {
    struct chunk *head = large_around(address);
    if (head == NULL) {
        /* Only heads are marked, so all of what cairn holds and has not given out counts as
         * released. */
        const struct block *block = block_of(address);
        return block == NULL || block->address == 0 ? FOUND_FOREIGN : FOUND_RELEASED;
    }
    finding->object = large_address(head);
    finding->size = large_usable(head) - head->slack;
    if (address != finding->object) {
        return FOUND_LARGE_BODY;
    }
    *object = (struct object){.chunk = head, .usable = finding->size};
    return FOUND_LIVE;
}

static enum found find_in_slab(struct chunk *chunk, uintptr_t address, struct object *object,
                               struct finding *finding) {
    const struct size_class *size_class = &size_classes[chunk->class];
    bool exact;
    uint64_t index = object_index(chunk, address, &exact);
    finding->size = size_class->size;
    finding->object = chunk->start + index * size_class->size;
    if (index >= chunk->capacity) {
        return FOUND_TAIL;
    }
    if (!exact) {
        return FOUND_INTERIOR;
    }
    *object = (struct object){chunk, index, size_class->size};
    uint64_t bit = UINT64_C(1) << (index % 64);
    uint64_t free = slab_free_bits(chunk, (unsigned)(index / 64)) |
                    slab_unmerged_bits(object->chunk, (unsigned)(index / 64));
    const unsigned char *notes = notes_of(chunk);
    bool waits =
        interceptor != NULL && notes != NULL && note_read(note_of(chunk, index)) == NOTE_WAITS;
    return (free & bit) != 0 || waits ? FOUND_FREE : FOUND_LIVE;
}

static enum found find_sample(const struct sample_source *source, uintptr_t address,
                              struct object *object, struct finding *finding) {
    size_t usable;
    if (!source->find(address, &usable)) {
        return FOUND_RELEASED;
    }
    finding->object = address;
    finding->size = usable;
    *object = (struct object){.chunk = chunk_of(address), .usable = usable};
    return FOUND_LIVE;
}

enum found object_find(const void *pointer, struct object *object, struct finding *finding) {
    uintptr_t address = (uintptr_t)pointer;
    *finding = (struct finding){.address = address};
    *object = (struct object){0};
    if (!address_is_mappable(address)) {
        return finding->what = FOUND_FOREIGN;
    }
    const struct sample_source *source = sampling_source_of(address);
    if (unlikely(source != NULL)) {
        return finding->what = find_sample(source, address, object, finding);
    }
    size_t asked;
    bool is_known = interceptor != NULL && interceptor->find(pointer, &asked);
    struct chunk *slab = slab_of_chunk(chunk_of(address));
    bool in_slab = slab != NULL && chunk_owner(slab) != OWNER_NONE;
    finding->what = in_slab ? find_in_slab(slab, address, object, finding)
                            : find_large(address, object, finding);
    if (is_known) {
        object->usable = asked;
        finding->object = address;
        finding->what = FOUND_LIVE;
    }
    return finding->what;
}

struct object object_require(const char *function, const void *address) {
    struct object object;
    struct finding finding;
    if (object_find(address, &object, &finding) != FOUND_LIVE) {
        const struct sample_source *source = sampling_source_of((uintptr_t)address);
        if (source != NULL) {
            source->report(function, (uintptr_t)address);
        }
        report_bad_pointer(function, &finding);
    }
    return object;
}

/* Whatever object contains the address. */
static struct neighbour neighbour_around(uintptr_t address) {
    struct object object;
    struct finding finding;
    enum found found = object_find((const void *)address, &object, &finding);
    if (found == FOUND_INTERIOR || found == FOUND_LARGE_BODY) {
        found = object_find((const void *)finding.object, &object, &finding);
    }
    return (struct neighbour){
        .start = finding.object,
        .size = finding.size,
        .is_known = found == FOUND_LIVE || found == FOUND_FREE,
        .is_live = found == FOUND_LIVE,
    };
}

void object_neighbours(uintptr_t start, size_t size, struct neighbour *before,
                       struct neighbour *behind) {
    *before = neighbour_around(start - 1);
    *behind = neighbour_around(start + size);
}
