#include "guard/slots.h"

#include <string.h>

#include "base/bits.h"
#include "core/mapping_names.h"
#include "os/mutex.h"
#include "os/os.h"

/* Around an object in its pages.  Not zero, so that a zero byte behind a string shows. */
enum { MARGIN = 0xd5 };

static struct mutex lock = MUTEX(RANK_SAMPLES);

/* Written once, under the lock, before the first slot is taken. */
static struct slot *slots;
static uintptr_t base;
static uint32_t count;
static bool marked;    /* see slots_make() */
static uint32_t delay; /* so many wait before one is used again, though there are new ones */

/* Under the lock. */
static uint32_t used;       /* slots [0, used) were used */
static uint32_t head, tail; /* of the queue, number + 1; 0: it is empty */
static uint32_t queued;

/* Relaxed, for statistics. */
static _Atomic(uint64_t) live, live_bytes, taken;

void slots_lock(void) { mutex_lock(&lock); }
void slots_unlock(void) { mutex_unlock(&lock); }

bool slots_are_made(void) { return slots != NULL; }
uintptr_t slots_base(void) { return base; }
size_t slots_bytes(void) { return count * SLOT_STRIDE + os_page_size(); }

/* Whether the kernel can: tried on a page that is no object's, and left as it was. */
static bool can_mark(void *page) {
    size_t size = os_page_size();
    bool can = os_commit(page, size) && os_guard(page, size);
    return os_discard(page, size) && can;
}

/* Behind the last slot there is one more guard page. */
bool slots_make(size_t *number, bool by_markers) {
    size_t most = by_markers ? SLOTS_MARKED_MAX : SLOTS_MAX;
    size_t wanted = *number < 1 ? 1 : *number > most ? most : *number;
    size_t table_bytes = round_up(wanted * sizeof(struct slot), os_page_size());
    size_t bytes = wanted * SLOT_STRIDE + os_page_size();
    void *memory = os_reserve(bytes, SLOT_STRIDE);
    if (memory == NULL) {
        return false;
    }
    struct slot *table = os_map(table_bytes);
    if (table == NULL) {
        os_unreserve(memory, bytes);
        return false;
    }
    mapping_name_heap(memory, bytes);
    mapping_name_tables(table, table_bytes);
    marked = by_markers && can_mark(memory);
    wanted = marked || wanted < SLOTS_MAX ? wanted : SLOTS_MAX;
    base = (uintptr_t)memory;
    count = (uint32_t)wanted;
    delay = marked ? SLOTS_MARKED_DELAY : count;
    slots = table;
    *number = wanted;
    return true;
}

static uintptr_t start_of(const struct slot *slot) {
    return base + (uintptr_t)(slot - slots) * SLOT_STRIDE;
}

static enum slot_state state_of(const struct slot *slot) {
    return (enum slot_state)atomic_load_explicit(&slot->state, memory_order_acquire);
}

struct slot *slot_at(uintptr_t address) {
    size_t number = (address - base) / SLOT_STRIDE;
    return &slots[number < count ? number : count - 1];
}

size_t slot_number(const struct slot *slot) { return (size_t)(slot - slots); }

struct slot *slot_of_number(size_t number) {
    return &slots[number];
}

size_t slots_used(void) {
    slots_lock();
    size_t number = used;
    slots_unlock();
    return number;
}

/* --- which one is meant ----------------------------------------------------------------------- */

static uintptr_t distance(const struct slot *slot, uintptr_t address) {
    if (slot->object == 0) {
        return UINTPTR_MAX;
    }
    if (address < slot->object) {
        return slot->object - address;
    }
    uintptr_t end = slot->object + slot->size;
    return address < end ? 0 : address - end + 1;
}

struct slot *slot_nearest(uintptr_t address) {
    struct slot *nearest = slot_at(address);
    struct slot *before = nearest > slots ? nearest - 1 : nearest;
    struct slot *behind = nearest + 1 < slots + count ? nearest + 1 : nearest;
    nearest = distance(before, address) < distance(nearest, address) ? before : nearest;
    nearest = distance(behind, address) < distance(nearest, address) ? behind : nearest;
    return nearest->object == 0 ? NULL : nearest;
}

bool slot_was_freed(const struct slot *slot) { return state_of(slot) != SLOT_LIVE; }

/* --- taking ----------------------------------------------------------------------------------- */

struct slot *slot_take(void) {
    struct slot *slot = NULL;
    slots_lock();
    if (used < count && queued < delay) {
        slot = &slots[used++];
    } else if (head != 0) {
        slot = &slots[head - 1];
        head = slot->next;
        tail = head == 0 ? 0 : tail;
        queued--;
    }
    if (slot != NULL) {
        atomic_store_explicit(&slot->state, SLOT_TAKING, memory_order_relaxed);
    }
    slots_unlock();
    return slot;
}

/* The room of a slot is [start + page, start + SLOT_STRIDE). */
bool slot_fits(size_t size, size_t alignment) {
    size_t room = SLOT_STRIDE - os_page_size();
    size_t lost = alignment > os_page_size() ? alignment : 0;
    return size <= room && lost <= room - size;
}

static uintptr_t place(const struct slot *slot, size_t size, size_t alignment, bool before) {
    size_t bytes = size == 0 ? 1 : size; /* in the slot, also if there is nothing of it */
    uintptr_t start = start_of(slot);
    return before ? round_up(start + os_page_size(), alignment)
                  : round_down(start + SLOT_STRIDE - bytes, alignment);
}

static uintptr_t pages_start(const struct slot *slot) {
    return round_down(slot->object, os_page_size());
}

static uintptr_t pages_end(const struct slot *slot) {
    return round_up(slot->object + (slot->size == 0 ? 1 : slot->size), os_page_size());
}

static void fill(uintptr_t from, uintptr_t to) { memset((void *)from, MARGIN, to - from); }

/* A marked slot that was used is guarded as a whole. */
static bool guard_all(const struct slot *slot) {
    void *start = (void *)start_of(slot);
    if (os_commit(start, SLOT_STRIDE) && os_guard(start, SLOT_STRIDE)) {
        return true;
    }
    (void)os_discard(start, SLOT_STRIDE);
    return false;
}

static bool make_touchable(const struct slot *slot, bool is_new, uintptr_t from, uintptr_t to) {
    if (!marked) {
        return os_commit((void *)from, to - from);
    }
    /* Those that could not be marked when they were freed were protected instead. */
    return (!is_new || guard_all(slot)) && os_unguard((void *)from, to - from) &&
           os_commit((void *)from, to - from);
}

bool slot_open(struct slot *slot, size_t size, size_t alignment, bool before) {
    bool is_new = slot->object == 0;
    slot->object = place(slot, size, alignment, before);
    slot->size = size;
    atomic_store_explicit(&slot->reported, false, memory_order_relaxed);
    uintptr_t from = pages_start(slot), to = pages_end(slot);
    if (!make_touchable(slot, is_new, from, to)) {
        slot->object = 0;
        return false;
    }
    fill(from, slot->object);
    fill(slot->object + size, to);
    return true;
}

/* relaxed: what they count is seen some time. */
static void add(_Atomic(uint64_t) *counter, uint64_t by) {
    (void)atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

void slot_publish(struct slot *slot) {
    add(&live, 1);
    add(&live_bytes, slot->size);
    add(&taken, 1);
    /* release: who finds it live finds the rest. */
    atomic_store_explicit(&slot->state, SLOT_LIVE, memory_order_release);
}

/* --- freeing ---------------------------------------------------------------------------------- */

bool slot_claim(struct slot *slot) {
    uint32_t expected = SLOT_LIVE;
    /* acq_rel: one thread wins, and sees what others wrote to the object. */
    if (!atomic_compare_exchange_strong_explicit(&slot->state, &expected, SLOT_FREEING,
                                                 memory_order_acq_rel, memory_order_relaxed)) {
        return false;
    }
    add(&live, (uint64_t)-1);
    add(&live_bytes, -(uint64_t)slot->size);
    return true;
}

/* A slot's last page stays resident, for the next object: that costs less than a new one.  All else
 * goes.  What the kernel refuses to protect is not watched, and that is all. */
static void protect(const struct slot *slot) {
    uintptr_t from = pages_start(slot), to = pages_end(slot);
    if (marked && os_guard((void *)from, to - from)) {
        return;
    }
    bool is_last_page = from == start_of(slot) + SLOT_STRIDE - os_page_size();
    if (is_last_page || !os_discard((void *)from, to - from)) {
        (void)os_protect((void *)from, to - from, false);
    }
}

static void append(struct slot *slot) {
    uint32_t number = (uint32_t)(slot - slots);
    atomic_store_explicit(&slot->state, SLOT_UNUSED, memory_order_release);
    slot->next = 0;
    if (tail != 0) {
        slots[tail - 1].next = number + 1;
    } else {
        head = number + 1;
    }
    tail = number + 1;
    queued++;
}

void slot_close(struct slot *slot) {
    if (slot->object != 0) {
        protect(slot);
    }
    slots_lock();
    append(slot);
    slots_unlock();
}

/* They are counted anew: a thread that is gone may have counted one that it did not make live yet,
 * or not have discounted one that it made free. */
void slots_after_fork_in_child(void) {
    uint64_t objects = 0, bytes = 0;
    mutex_reset(&lock);
    slots_lock();
    for (uint32_t i = 0; i < used; i++) {
        enum slot_state state = state_of(&slots[i]);
        if (state == SLOT_TAKING || state == SLOT_FREEING) {
            if (slots[i].object != 0) {
                protect(&slots[i]);
            }
            append(&slots[i]);
        } else if (state == SLOT_LIVE) {
            objects++;
            bytes += slots[i].size;
        }
    }
    slots_unlock();
    atomic_store_explicit(&live, objects, memory_order_relaxed);
    atomic_store_explicit(&live_bytes, bytes, memory_order_relaxed);
}

/* --- what is around the object ---------------------------------------------------------------- */

/* Notes the bytes of [from, to) that are not as they were filled. */
static bool margin_holds(const struct slot *slot, uintptr_t from, uintptr_t to, enum found what,
                         struct finding *finding) {
    const unsigned char *bytes = (const unsigned char *)from;
    size_t length = to - from, first = length, last = 0;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != MARGIN) {
            first = first == length ? i : first;
            last = i;
        }
    }
    if (first == length) {
        return true;
    }
    finding->what = what;
    finding->offset = (ptrdiff_t)(from + first - slot->object);
    finding->bytes = last - first + 1;
    finding->found = bytes + first;
    return false;
}

bool slot_margins_hold(const struct slot *slot, struct finding *finding) {
    return margin_holds(slot, slot->object + slot->size, pages_end(slot), FOUND_OVERFLOW,
                        finding) &&
           margin_holds(slot, pages_start(slot), slot->object, FOUND_UNDERFLOW, finding);
}

/* --- looking ---------------------------------------------------------------------------------- */

void slots_count(struct slots_counts *counts) {
    counts->live = atomic_load_explicit(&live, memory_order_relaxed);
    counts->live_bytes = atomic_load_explicit(&live_bytes, memory_order_relaxed);
    counts->taken = atomic_load_explicit(&taken, memory_order_relaxed);
}

static bool is_placed(const struct slot *slot) {
    uintptr_t start = start_of(slot);
    return slot->object >= start + os_page_size() && pages_end(slot) <= start + SLOT_STRIDE;
}

static const char *problem_of_queue(uintptr_t *where) {
    uint32_t length = 0, last = 0;
    for (uint32_t at = head; at != 0 && length <= queued; at = slots[at - 1].next) {
        *where = (uintptr_t)&slots[at - 1];
        if (state_of(&slots[at - 1]) != SLOT_UNUSED) {
            return "slots of the queue are in no use";
        }
        length++;
        last = at;
    }
    return length != queued || last != tail ? "the queue of slots has its length and its end"
                                            : NULL;
}

/* Lock held. */
static const char *problem(uintptr_t *where) {
    uint32_t unused = 0;
    for (uint32_t i = 0; i < count; i++) {
        *where = (uintptr_t)&slots[i];
        enum slot_state state = state_of(&slots[i]);
        if (i >= used && (slots[i].object != 0 || state != SLOT_UNUSED)) {
            return "slots that were never used are untouched";
        }
        if (state == SLOT_LIVE && !is_placed(&slots[i])) {
            return "an object lies in its slot, behind the guard page";
        }
        unused += i < used && state == SLOT_UNUSED;
    }
    return unused != queued ? "each slot in no use is in the queue" : problem_of_queue(where);
}

const char *slots_problem(uintptr_t *where) {
    *where = 0;
    if (!slots_are_made()) {
        return NULL;
    }
    slots_lock();
    const char *what = problem(where);
    slots_unlock();
    return what;
}
