#include "guard/guarded_large.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/bits.h"
#include "core/allocate.h"
#include "core/block.h"
#include "core/chunk_map.h"
#include "core/large.h"
#include "core/limit.h"
#include "core/metadata.h"
#include "core/object.h"
#include "core/prefault.h"
#include "guard/canary.h"
#include "guard/clear.h"
#include "guard/damage.h"
#include "os/os.h"

/* Alignments above it, in pages, cost more address space than a guard page is worth. */
enum { LEAD_MAX = 4096 };

static _Atomic(uint32_t) by_protection; /* objects guarded by mprotect */

/* --- guard pages ------------------------------------------------------------------------------ */

/* Both or none. */
static void put_guards(struct chunk *head) {
    size_t page = os_page_size();
    void *before = (void *)(large_address(head) - page);
    void *behind = (void *)(large_address(head) + head->large.bytes);
    if (os_guard(before, page) && os_guard(behind, page)) {
        return;
    }
    /* relaxed: a measure for a limit. */
    if (atomic_fetch_add_explicit(&by_protection, 1, memory_order_relaxed) <
        GUARDED_BY_PROTECTION) {
        head->is_protected = true;
        (void)os_protect(before, page, false);
        (void)os_protect(behind, page, false);
    } else {
        (void)atomic_fetch_sub_explicit(&by_protection, 1, memory_order_relaxed);
    }
}

/* All of its memory as it was taken, or at least touchable.  True: it is not resident and reads as
 * zero. */
static bool remove_guards(struct chunk *head) {
    void *start = (void *)head->start;
    size_t size = head->large.chunks * CHUNK_SIZE;
    if (head->is_protected) {
        head->is_protected = false;
        (void)os_protect(start, size, true);
        (void)atomic_fetch_sub_explicit(&by_protection, 1, memory_order_relaxed);
    }
    return os_unguard(start, size);
}

/* --- freed, and waiting ----------------------------------------------------------------------- */

static bool is_cleared(const struct chunk *head) { return head->large.bytes <= LARGE_CLEARED; }

static _Atomic(size_t) all_cleared_bytes; /* of all quarantines */

/* It waits from now on; or it does so no more. */
static void count_waiting(struct large_quarantine *quarantine, const struct chunk *head) {
    size_t bytes = head->large.bytes;
    if (is_cleared(head)) {
        quarantine->cleared_bytes += bytes;
        /* relaxed: a measure, here and below. */
        (void)atomic_fetch_add_explicit(&all_cleared_bytes, bytes, memory_order_relaxed);
    } else {
        quarantine->untouchable_bytes += bytes;
    }
}

static void discount_waiting(struct large_quarantine *quarantine, const struct chunk *head) {
    size_t bytes = head->large.bytes;
    if (is_cleared(head)) {
        quarantine->cleared_bytes -= bytes;
        (void)atomic_fetch_sub_explicit(&all_cleared_bytes, bytes, memory_order_relaxed);
    } else {
        quarantine->untouchable_bytes -= bytes;
    }
}

/* Untouchable, or clear.  False: refused. */
static bool take_from_program(const struct chunk *head) {
    void *object = (void *)large_address(head);
    if (is_cleared(head)) {
        memset(object, 0, head->large.bytes);
        return true;
    }
    /* To the end of its chunks: whatever was there before is gone then. */
    uintptr_t end = head->start + head->large.chunks * CHUNK_SIZE;
    return !head->is_protected && os_guard(object, end - large_address(head));
}

/* What was written after its free. */
static void check_cleared(const struct chunk *head) {
    if (is_cleared(head) && !is_clear((void *)large_address(head), head->large.bytes)) {
        damage_after_free("malloc", large_address(head), head->large.bytes, 0);
    }
}

static void give_record(struct chunk *head) {
    if (notes_of(head) != NULL) {
        metadata_give(notes_of(head), 1);
        set_notes(head, NULL);
    }
}

static void release(struct chunk *head) {
    check_cleared(head);
    give_record(head);
    bool is_clean = remove_guards(head) && !is_cleared(head);
    large_give_back(head, !is_clean);
}

static struct chunk *take_out(struct large_quarantine *quarantine, uint32_t i) {
    struct chunk *head = quarantine->waiting[i].head;
    quarantine->count--;
    memmove(&quarantine->waiting[i], &quarantine->waiting[i + 1],
            (quarantine->count - i) * sizeof *quarantine->waiting);
    discount_waiting(quarantine, head);
    return head;
}

/* One of this size that has waited long enough, clear; NULL: there is none. */
static struct chunk *take_waiting(struct large_quarantine *quarantine, size_t bytes) {
    for (uint32_t i = 0; quarantine != NULL && i + LARGE_DELAY < quarantine->count; i++) {
        if (quarantine->waiting[i].bytes == bytes) {
            bool was_whole = quarantine->waiting[i].was_whole;
            struct chunk *head = take_out(quarantine, i);
            if (is_cleared(head)) {
                check_cleared(head);
            } else if (!os_unguard((void *)large_address(head), bytes)) {
                release(head);
                return NULL;
            }
            if (was_whole) {
                prefault_whole(large_address(head), bytes); /* as the one before */
            }
            note_large(bytes);
            large_bring_back(head);
            return head;
        }
    }
    return NULL;
}

/* --- allocating ------------------------------------------------------------------------------- */

static char *end_of(const struct chunk *head) {
    return (char *)large_address(head) + guarded_large_size(head);
}

static void write_canary(const struct chunk *head) {
    canary_fill(end_of(head), head->slack, canary_key(large_address(head)));
}

/* New memory. */
static struct chunk *take_new(size_t bytes, size_t alignment, size_t reserve, bool *is_zero) {
    size_t page = os_page_size();
    size_t lead = alignment <= page ? 1 : alignment / page;
    lead = lead <= LEAD_MAX ? lead : 0;
    size_t all = lead == 0 ? bytes : bytes + (lead + 1) * page + reserve;
    void *taken = take_large(all, alignment < CHUNK_SIZE ? CHUNK_SIZE : alignment, is_zero);
    if (taken == NULL) {
        return NULL;
    }
    struct chunk *head = chunk_of((uintptr_t)taken);
    head->large.bytes = bytes;
    head->lead = (uint16_t)lead;
    if (lead != 0) {
        put_guards(head);
    }
    return head;
}

void *guarded_large_allocate(size_t size, size_t alignment, bool zeroed, size_t reserve,
                             struct large_quarantine *quarantine) {
    size_t page = os_page_size(), wanted = size == 0 ? 1 : size;
    if (wanted > REQUEST_MAX - (LEAD_MAX + 2) * page - reserve) {
        errno = ENOMEM;
        return NULL;
    }
    size_t bytes = round_up(wanted, page);
    bool is_zero = true;
    struct chunk *head = alignment <= page ? take_waiting(quarantine, bytes) : NULL;
    bool is_new = head == NULL;
    if (is_new) {
        head = take_new(bytes, alignment, reserve, &is_zero);
    }
    if (head == NULL && reserve != 0) {
        head = take_new(bytes, alignment, 0, &is_zero);
    }
    if (head == NULL) {
        return NULL;
    }
    head->slack = (uint16_t)(bytes - wanted);
    void *object = (void *)large_address(head);
    if (is_new) {
        prefault_large((uintptr_t)object, bytes);
    }
    if (zeroed && !is_zero) {
        memset(object, 0, wanted);
    }
    write_canary(head);
    return object;
}

void guarded_large_expect(void *object, size_t size) {
    if (size > LARGE_CLEARED) {
        prefault_whole((uintptr_t)object, round_down(size, os_page_size()));
    }
}

/* --- what it is ------------------------------------------------------------------------------- */

struct chunk *guarded_large_find(uintptr_t address) {
    struct chunk *head = large_around(address);
    bool is_guarded = head != NULL && (head->lead | head->slack) != 0;
    return is_guarded && large_address(head) == address ? head : NULL;
}

bool guarded_large_is_sound(const struct chunk *head) {
    uint64_t key = canary_key(large_address(head));
    return canary_first_wrong(end_of(head), head->slack, key) == head->slack;
}

bool guarded_large_check(const char *function, const struct chunk *head) {
    size_t size = guarded_large_size(head);
    uintptr_t object = large_address(head);
    if (likely(guarded_large_is_sound(head))) {
        return true;
    }
    damage_fill(function, object, size, head->large.bytes);
    return false;
}

void *guarded_large_record(struct chunk *head) {
    if (notes_of(head) == NULL) {
        void *record = metadata_take(1);
        set_notes(head, record == NULL ? NULL : memset(record, 0, RECORD_BYTES));
    }
    return notes_of(head);
}

/* Its memory ends elsewhere from now on; what is new of it reads as zero.  False: there is no room
 * for that in its chunks, or it would cost mappings. */
static bool move_end(struct chunk *head, size_t bytes) {
    size_t page = os_page_size(), old = head->large.bytes;
    size_t room = head->large.chunks * CHUNK_SIZE - (head->lead + 1u) * page;
    char *start = (char *)large_address(head);
    if (head->lead == 0 || head->is_protected || bytes > room) {
        return false;
    }
    if (bytes < old) {
        return os_guard(start + bytes, old - bytes); /* and behind them is the old guard page */
    }
    if (!os_guard(start + old, bytes - old + page)) {
        return false;
    }
    if (!os_unguard(start + old, bytes - old)) {
        return false;
    }
    return true;
}

bool guarded_large_resize(struct chunk *head, size_t size) {
    size_t old = guarded_large_size(head), bytes = round_up(size, os_page_size());
    size_t kept = head->large.bytes < bytes ? head->large.bytes : bytes;
    if (size == 0 || size > REQUEST_MAX || (bytes != head->large.bytes && !move_end(head, bytes))) {
        return false;
    }
    if (kept > old) {
        memset((char *)large_address(head) + old, 0, kept - old); /* it was canary */
    }
    if (bytes > kept) {
        prefault_growth(large_address(head) + kept, bytes - kept, kept);
    }
    head->large.bytes = bytes;
    head->slack = (uint16_t)(bytes - size);
    write_canary(head);
    return true;
}

/* What waits cleared keeps its guard pages, which to make anew takes longer than all else; and has
 * memory.  So each thread may have some of it wait, and more as long as what waits in all of them
 * is but a share of what is taken. */
static bool is_too_much(const struct large_quarantine *quarantine) {
    size_t taken = atomic_load_explicit(&block_totals.taken, memory_order_relaxed) * CHUNK_SIZE;
    size_t waiting = atomic_load_explicit(&all_cleared_bytes, memory_order_relaxed);
    return quarantine->cleared_bytes > LARGE_CLEARED_BYTES &&
           (waiting > taken / LARGE_CLEARED_SHARE || limit_presses());
}

static bool has_last_page(const struct chunk *head) {
    size_t page = os_page_size();
    return os_resident_bytes((void *)(large_address(head) + head->large.bytes - page), page) != 0;
}

/* --- freeing ---------------------------------------------------------------------------------- */

bool guarded_large_free(struct chunk *head, struct large_quarantine *quarantine) {
    if (!large_take_away(head)) {
        return false;
    }
    bool was_whole = !is_cleared(head) && has_last_page(head);
    if (quarantine == NULL || head->lead != 1 || head->large.bytes > LARGE_WAITING_BYTES / 2 ||
        !take_from_program(head)) {
        (void)remove_guards(head);
        give_record(head);
        large_give_back(head, true);
        return true;
    }
    count_waiting(quarantine, head);
    while (quarantine->count == LARGE_WAITING ||
           (quarantine->count != 0 &&
            (is_too_much(quarantine) || quarantine->untouchable_bytes > LARGE_WAITING_BYTES))) {
        release(take_out(quarantine, 0));
    }
    quarantine->waiting[quarantine->count++] =
        (struct waiting_large){head, head->large.bytes, was_whole};
    return true;
}

void large_quarantine_empty(struct large_quarantine *quarantine) {
    while (quarantine->count != 0) {
        release(take_out(quarantine, 0));
    }
}

/* --- moving ----------------------------------------------------------------------------------- */

static void clear_from(char *object, size_t from, size_t to) {
    if (from < to) {
        memset(object + from, 0, to - from); /* it was canary, or another object's */
    }
}

static bool remove_guard_behind(struct chunk *head) {
    uintptr_t end = head->start + head->large.chunks * CHUNK_SIZE;
    uintptr_t from = large_address(head) + head->large.bytes;
    return os_unguard((void *)from, end - from);
}

/* Beyond its chunks or to less of them, where it is. */
static bool resize_chunks(struct chunk *head, size_t size, bool zeroed) {
    size_t page = os_page_size(), bytes = round_up(size, page), old_bytes = head->large.bytes;
    size_t old = guarded_large_size(head), room = head->large.chunks * CHUNK_SIZE, zeroed_from;
    uint16_t lead = head->lead, slack = head->slack;
    if (!remove_guard_behind(head)) {
        return false;
    }
    /* As a large object that fills its chunks, and has no guard pages. */
    head->large.bytes = room;
    head->lead = 0;
    head->slack = 0;
    bool resized = large_resize_in_place(head, (lead + 1) * page + bytes, &zeroed_from);
    head->lead = lead;
    head->large.bytes = resized ? bytes : old_bytes;
    head->slack = resized ? (uint16_t)(bytes - size) : slack;
    put_guards(head);
    if (resized) {
        if (lead * page + bytes > room) {
            prefault_growth(head->start + room, lead * page + bytes - room, room);
        }
        size_t to = zeroed ? size : room - lead * page;
        to = zeroed_from != SIZE_MAX ? zeroed_from - lead * page : to;
        clear_from((char *)large_address(head), old, to < size ? to : size);
        write_canary(head);
    }
    return resized;
}

/* By its pages; the old place waits as that of one that was freed. */
static struct chunk *move_elsewhere(struct chunk *head, size_t size, bool zeroed,
                                    struct large_quarantine *quarantine) {
    size_t page = os_page_size(), bytes = round_up(size, page), old = guarded_large_size(head);
    size_t kept = bytes < head->large.bytes ? bytes : head->large.bytes;
    bool is_zero;
    struct chunk *to = take_new(bytes, page, 0, &is_zero);
    if (to == NULL) {
        return NULL;
    }
    if (!large_move_pages(head, to, kept)) {
        (void)guarded_large_free(to, NULL);
        return NULL;
    }
    to->slack = (uint16_t)(bytes - size);
    if (bytes > kept) {
        prefault_growth(large_address(to) + kept, bytes - kept, kept);
    }
    clear_from((char *)large_address(to), old, zeroed && !is_zero ? size : kept);
    write_canary(to);
    (void)guarded_large_free(head, quarantine);
    return to;
}

void *guarded_large_move(struct chunk *head, size_t size, bool zeroed,
                         struct large_quarantine *quarantine) {
    if (head->lead != 1 || head->is_protected || head->large.bytes < LARGE_MOVED) {
        return NULL;
    }
    if (!resize_chunks(head, size, zeroed)) {
        head = move_elsewhere(head, size, zeroed, quarantine);
    }
    return head == NULL ? NULL : (void *)large_address(head);
}
