#include "guard/edges.h"

#include <string.h>

#include "base/bits.h"
#include "base/text.h"
#include "config/options.h"
#include "core/chunk_map.h"
#include "core/report.h"
#include "guard/record.h"
#include "guard/sampled.h"
#include "guard/slots.h"
#include "os/os.h"

enum { STDERR = 2, SLOTS_LEAST = 64 };

static struct record *records; /* of each slot; NULL: the option is off */
static bool lies_before;       /* its guard page, else behind it */
static bool told;              /* that there was no slot */

/* --- beginning -------------------------------------------------------------------------------- */

static void complain(const char *what) {
    struct text text = {0};
    text_string(&text, "cairn: CAIRN_GUARD_EDGES=");
    text_string(&text, options.guard_edges);
    text_string(&text, what);
    text_string(&text, "\n");
    (void)text_write(&text, STDERR);
}

/* As many slots as there is address space for. */
static bool make_slots(size_t *count) {
    for (*count = EDGES_MAX; *count >= SLOTS_LEAST; *count /= 2) {
        if (sampled_make_slots(count)) {
            return true;
        }
    }
    return false;
}

void edges_start(void) {
    lies_before = strcmp(options.guard_edges, "before") == 0;
    if (options.guard_edges[0] == '\0') {
        return;
    }
    if (!lies_before && strcmp(options.guard_edges, "after") != 0) {
        complain(" is ignored: it must be after or before");
        return;
    }
    size_t count;
    records =
        make_slots(&count) ? os_map(round_up(count * sizeof(struct record), os_page_size())) : NULL;
    if (records == NULL) {
        complain(" is ignored: there is no address space for slots of 512 KiB");
    }
}

/* --- objects ---------------------------------------------------------------------------------- */

static struct known known_of(struct slot *slot) {
    return (struct known){.address = slot->object,
                          .chunk = chunk_of(slot->object),
                          .room = slot->size,
                          .size = slot->size,
                          .record = &records[slot_number(slot)],
                          .slot = slot};
}

static SLOW_PATH void tell(void) {
    if (!told) {
        told = true;
        complain(": all slots have live objects; other objects have no guard pages");
    }
}

bool edges_take(size_t size, size_t alignment, struct known *known) {
    if (records == NULL || !slot_fits(size, alignment)) {
        return false;
    }
    sampled_watch_faults();
    struct slot *slot = slot_take();
    if (slot == NULL) {
        tell();
        return false;
    }
    if (!slot_open(slot, size, alignment, lies_before)) {
        slot_close(slot);
        return false;
    }
    *known = known_of(slot);
    return true;
}

static struct slot *slot_around(uintptr_t address) {
    return records != NULL && address - slots_base() < slots_bytes() ? slot_at(address) : NULL;
}

bool edges_find(uintptr_t address, struct known *known) {
    struct slot *slot = slot_around(address);
    if (slot == NULL || slot->object != address) {
        return false;
    }
    *known = known_of(slot);
    return true;
}

bool edges_find_around(uintptr_t address, struct known *known) {
    struct slot *slot = slot_around(address);
    if (slot == NULL || slot->object == 0 || address - slot->object > slot->size) {
        return false;
    }
    *known = known_of(slot);
    return true;
}

bool edges_each_live(bool (*visit)(const struct known *, void *), void *argument) {
    bool goes_on = true;
    size_t used = records != NULL ? slots_used() : 0;
    for (size_t i = 0; i < used && goes_on; i++) {
        struct slot *slot = slot_of_number(i);
        if (!slot_was_freed(slot)) {
            struct known known = known_of(slot);
            goes_on = visit(&known, argument);
        }
    }
    return goes_on;
}

void edges_each_own(void (*visit)(void *address, size_t size)) {
    if (records != NULL) {
        visit((void *)slots_base(), slots_bytes());
        visit(slot_of_number(0), slots_used() * sizeof(struct slot));
    }
}

/* --- what is around them ---------------------------------------------------------------------- */

bool edges_are_whole(const struct known *known) {
    struct finding finding;
    return slot_margins_hold(known->slot, &finding);
}

void edges_report(const char *function, const struct known *known) {
    struct finding finding = {.address = known->address,
                              .object = known->address,
                              .size = known->size,
                              .life = &known->slot->life};
    if (!slot_margins_hold(known->slot, &finding)) {
        report_finding(function, &finding);
    }
}
