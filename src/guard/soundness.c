#include "guard/soundness.h"

#include <string.h>

#include "core/walk.h"
#include "guard/canary.h"
#include "guard/damage.h"
#include "guard/edges.h"

/* --- one object ------------------------------------------------------------------------------- */

bool is_filled(const void *memory, size_t size, unsigned char fill) {
    const unsigned char *bytes = memory;
    return size == 0 || (bytes[0] == fill && memcmp(bytes, bytes + 1, size - 1) == 0);
}

bool end_is_whole(const struct known *known) {
    if (known->slot != NULL) {
        return edges_are_whole(known);
    }
    size_t count = known->room - known->size;
    const char *end = (const char *)known->address + known->size;
    return canary_first_wrong(end, count, canary_key(known->address)) == count;
}

bool is_sound(const struct known *known) {
    if (record_is_live(known)) {
        return end_is_whole(known);
    }
    return known->record->used == 0 || is_filled((void *)known->address, known->room, FILL_FREED);
}

void report_damage(const char *function, const struct known *known) {
    if (known->slot != NULL) {
        edges_report(function, known);
    } else if (record_is_live(known)) {
        damage_fill(function, known->address, known->size, known->room);
    } else {
        damage_after_free(function, known->address, known->room, FILL_FREED);
    }
}

/* --- what lies before it ---------------------------------------------------------------------- */

enum before look_before(const struct known *known, struct known *before) {
    if (!chunk_is(known->chunk, CHUNK_SLAB) || known->index == 0) {
        return BEFORE_WHOLE;
    }
    *before = record_known(known->chunk, known->index - 1);
    bool is_live = record_is_live(before);
    if (is_live && !end_is_whole(before)) {
        const char *end = (const char *)before->address + before->size;
        bool from_start = !canary_is_right(end, 0, canary_key(before->address));
        return from_start ? BEFORE_OVERFLOWN : BEFORE_WRITTEN;
    }
    const char *last = (const char *)known->address - REAR_LEAST;
    return is_live || before->record->used == 0 || is_filled(last, REAR_LEAST, FILL_FREED)
               ? BEFORE_WHOLE
               : BEFORE_WRITTEN;
}

/* The first byte before the object that is not what it was; where, from its start. */
static ptrdiff_t first_before(const struct known *known, const struct known *before) {
    ptrdiff_t offset = -REAR_LEAST;
    const char *object = (const char *)known->address;
    const char *fill = (const char *)before->address + before->size;
    uint64_t key = canary_key(before->address);
    bool is_live = record_is_live(before);
    while (offset < -1 && (is_live ? canary_is_right(fill, (size_t)(object + offset - fill), key)
                                   : (unsigned char)object[offset] == FILL_FREED)) {
        offset++;
    }
    return offset;
}

void report_before(const char *function, enum before what, const struct known *known,
                   const struct known *before) {
    if (what == BEFORE_OVERFLOWN) {
        damage_fill(function, before->address, before->size, before->room);
    } else {
        ptrdiff_t offset = first_before(known, before);
        damage_around(function, known->address, known->size, offset, (size_t)-offset);
    }
}

/* --- all of them ------------------------------------------------------------------------------ */

struct search {
    struct known wrong;
    bool is_found;
};

static void look_at(struct search *search, const struct known *known) {
    if (!search->is_found && !is_sound(known)) {
        search->wrong = *known;
        search->is_found = true;
    }
}

static void look_at_slab(struct chunk *slab, void *search) {
    for (unsigned i = 0; notes_of(slab) != NULL && i < slab_class(slab)->capacity; i++) {
        struct known known = record_known(slab, i);
        look_at(search, &known);
    }
}

static void look_at_large(struct chunk *head, void *search) {
    struct known known;
    if (chunk_owner(head) == OWNER_LARGE && record_find(large_address(head), &known)) {
        look_at(search, &known);
    }
}

static bool look_at_edge(const struct known *known, void *search) {
    look_at(search, known);
    return true;
}

bool find_unsound(struct known *known) {
    struct search search = {0};
    walk_slabs(look_at_slab, &search);
    walk_large(look_at_large, &search);
    (void)edges_each_live(look_at_edge, &search);
    *known = search.wrong;
    return search.is_found;
}
