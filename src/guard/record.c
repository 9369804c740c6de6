#include "guard/record.h"

#include "core/block.h"
#include "core/chunk_map.h"
#include "core/walk.h"
#include "guard/edges.h"
#include "guard/slots.h"

struct known record_known(struct chunk *slab, uint64_t i) {
    size_t room = slab_class(slab)->size;
    struct record *record = record_of(slab, i);
    return (struct known){.address = slab->start + i * room,
                          .chunk = slab,
                          .index = i,
                          .room = room,
                          .size = record->asked,
                          .record = record};
}

static bool is_slab(const struct chunk *chunk) {
    return chunk_is(chunk, CHUNK_SLAB) && chunk_owner(chunk) != OWNER_NONE;
}

static struct known known_large(struct chunk *head) {
    return (struct known){.address = large_address(head),
                          .chunk = head,
                          .room = large_usable(head),
                          .size = guarded_large_size(head),
                          .record = (struct record *)(void *)notes_of(head)};
}

bool record_find(uintptr_t address, struct known *known) {
    *known = (struct known){.address = address};
    if (!address_is_mappable(address)) {
        return false;
    }
    if (edges_find(address, known)) {
        return true;
    }
    struct chunk *chunk = chunk_of(address);
    if (is_slab(chunk) && notes_of(chunk) != NULL) {
        bool exact;
        uint64_t index = object_index(chunk, address, &exact);
        if (exact && index < slab_class(chunk)->capacity) {
            *known = record_known(chunk, index);
            return true;
        }
        return false;
    }
    struct chunk *head = guarded_large_find(address);
    if (head == NULL || notes_of(head) == NULL) {
        return false;
    }
    *known = known_large(head);
    return true;
}

bool record_is_live(const struct known *known) {
    if (known->slot != NULL) {
        return !slot_was_freed(known->slot);
    }
    if (!chunk_is(known->chunk, CHUNK_SLAB)) {
        return chunk_owner(known->chunk) == OWNER_LARGE;
    }
    return known->record->used != 0 && known->record->freed_ms == 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

struct visitor {
    bool (*visit)(const struct known *known, void *argument);
    void *argument;
    bool goes_on;
};

static void visit_slab(struct chunk *slab, void *argument) {
    struct visitor *visitor = argument;
    if (notes_of(slab) == NULL) {
        return;
    }
    for (unsigned i = 0; i < slab_class(slab)->capacity && visitor->goes_on; i++) {
        struct known known = record_known(slab, i);
        if (record_is_live(&known)) {
            visitor->goes_on = visitor->visit(&known, visitor->argument);
        }
    }
}

static void visit_large(struct chunk *head, void *argument) {
    struct visitor *visitor = argument;
    if (chunk_owner(head) == OWNER_LARGE && notes_of(head) != NULL && visitor->goes_on) {
        struct known known = known_large(head);
        visitor->goes_on = visitor->visit(&known, visitor->argument);
    }
}

bool record_each_live(bool (*visit)(const struct known *, void *), void *argument) {
    struct visitor visitor = {visit, argument, true};
    walk_slabs(visit_slab, &visitor);
    walk_large(visit_large, &visitor);
    return visitor.goes_on && edges_each_live(visit, argument);
}

bool record_find_around(uintptr_t address, struct known *known) {
    if (!address_is_mappable(address)) {
        return false;
    }
    if (edges_find_around(address, known)) {
        return record_is_live(known);
    }
    struct chunk *chunk = chunk_of(address);
    if (is_slab(chunk)) {
        bool exact;
        uint64_t index = object_index(chunk, address, &exact);
        if (notes_of(chunk) == NULL || index >= slab_class(chunk)->capacity) {
            return false;
        }
        *known = record_known(chunk, index);
        return record_is_live(known);
    }
    const struct block *block = block_of(address);
    bool is_ours = block != NULL && block->address != 0;
    struct chunk *head = is_ours ? large_around(address) : NULL;
    if (head == NULL || notes_of(head) == NULL || address < large_address(head)) {
        return false;
    }
    *known = known_large(head);
    return true;
}
