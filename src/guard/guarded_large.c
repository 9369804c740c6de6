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
#include "core/regain.h"
#include "guard/canary.h"
#include "guard/clear.h"
#include "guard/damage.h"
#include "os/os.h"

/* Alignments above it, in pages, cost more address space than a guard page is worth. */
enum { LEAD_MAX = 4096 };

static _Atomic(uint32_t) by_protection; /* objects guarded by mprotect */

/* --- guard pages ------------------------------------------------------------------------------ */

/* Its pages were given to the kernel: its blocks are no huge pages any more. */
static void note_gone(uintptr_t from, uintptr_t to) {
    for (uintptr_t at = round_down(from, BLOCK_SIZE); at < to; at += BLOCK_SIZE) {
        regain_note_split(at);
    }
}

/* Both or none. */
static void put_guards(struct chunk *head) {
    size_t page = os_page_size();
    void *before = (void *)(large_address(head) - page);
    void *behind = (void *)(large_address(head) + large_usable(head));
    regain_note_split((uintptr_t)before);
    regain_note_split((uintptr_t)behind);
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

static bool is_cleared(const struct chunk *head) { return large_usable(head) <= LARGE_CLEARED; }

static _Atomic(size_t) all_cleared_bytes; /* of all quarantines */

/* Untouchable, or clear.  False: refused. */
static bool take_from_program(const struct chunk *head) {
    uintptr_t object = large_address(head);
    if (is_cleared(head)) {
        memset((void *)object, 0, large_usable(head));
        return true;
    }
    /* To the end of its chunks: whatever was there before is gone then. */
    uintptr_t end = head->start + head->large.chunks * CHUNK_SIZE;
    if (head->is_protected || !os_guard((void *)object, end - object)) {
        return false;
    }
    note_gone(object, end);
    return true;
}

/* What was written after its free. */
static void check_cleared(const struct chunk *head) {
    if (is_cleared(head) && !is_clear((void *)large_address(head), large_usable(head))) {
        damage_after_free("malloc", large_address(head), large_usable(head), 0);
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

/* --- those that wait cleared ------------------------------------------------------------------ */

static struct cleared_large *cleared_of(struct large_quarantine *quarantine, size_t bytes) {
    return &quarantine->cleared[bytes / os_page_size()];
}

static void keep_cleared(struct large_quarantine *quarantine, struct chunk *head) {
    struct cleared_large *cleared = cleared_of(quarantine, large_usable(head));
    shared_of(head)->next = NULL;
    if (cleared->count++ == 0) {
        cleared->oldest = head;
    } else {
        shared_of(cleared->newest)->next = head;
    }
    cleared->newest = head;
    cleared->newest_turn = ++quarantine->turns;
    quarantine->cleared_bytes += large_usable(head);
    /* relaxed: a measure, here and below. */
    (void)atomic_fetch_add_explicit(&all_cleared_bytes, large_usable(head), memory_order_relaxed);
}

/* At least so many of any size came after the oldest one: after the newest, and those between. */
static bool has_waited(const struct large_quarantine *quarantine,
                       const struct cleared_large *cleared) {
    return cleared->count != 0 &&
           quarantine->turns - cleared->newest_turn + cleared->count - 1 >= LARGE_DELAY;
}

/* There is one. */
static struct chunk *take_cleared(struct large_quarantine *quarantine,
                                  struct cleared_large *cleared) {
    struct chunk *head = cleared->oldest;
    cleared->oldest = shared_of(head)->next;
    cleared->count--;
    quarantine->cleared_bytes -= large_usable(head);
    (void)atomic_fetch_sub_explicit(&all_cleared_bytes, large_usable(head), memory_order_relaxed);
    return head;
}

/* The oldest one of the size of which there is most. */
static void release_cleared(struct large_quarantine *quarantine) {
    struct cleared_large *most = &quarantine->cleared[0];
    size_t most_pages = 0;
    for (size_t pages = 0; pages < LARGE_SIZES; pages++) {
        struct cleared_large *cleared = &quarantine->cleared[pages];
        if (cleared->count * pages > most_pages) {
            most = cleared;
            most_pages = cleared->count * pages;
        }
    }
    release(take_cleared(quarantine, most));
}

/* What waits cleared keeps its guard pages, which to make anew takes longer than all else; and has
 * memory.  So each thread may have some of it wait, and more as long as what waits in all of them
 * is but a share of what is taken. */
static bool is_too_much(const struct large_quarantine *quarantine) {
    size_t taken = block_total(&block_totals.taken) * CHUNK_SIZE;
    size_t waiting = atomic_load_explicit(&all_cleared_bytes, memory_order_relaxed);
    return quarantine->cleared_bytes > LARGE_CLEARED_BYTES &&
           (waiting > taken / LARGE_CLEARED_SHARE || limit_presses());
}

/* --- those that wait untouchable -------------------------------------------------------------- */

static void keep_untouchable(struct large_quarantine *quarantine, struct chunk *head,
                             bool was_whole) {
    quarantine->waiting[quarantine->count++] =
        (struct waiting_large){head, large_usable(head), was_whole};
    quarantine->untouchable_bytes += large_usable(head);
}

static struct chunk *take_untouchable(struct large_quarantine *quarantine, uint32_t i) {
    struct chunk *head = quarantine->waiting[i].head;
    quarantine->count--;
    memmove(&quarantine->waiting[i], &quarantine->waiting[i + 1],
            (quarantine->count - i) * sizeof *quarantine->waiting);
    quarantine->untouchable_bytes -= large_usable(head);
    return head;
}

/* One of this size that has waited long enough, and may be touched again; NULL: there is none. */
static struct chunk *find_untouchable(struct large_quarantine *quarantine, size_t bytes) {
    for (uint32_t i = 0; i + LARGE_DELAY < quarantine->count; i++) {
        if (quarantine->waiting[i].bytes == bytes) {
            bool was_whole = quarantine->waiting[i].was_whole;
            struct chunk *head = take_untouchable(quarantine, i);
            if (!os_unguard((void *)large_address(head), bytes)) {
                release(head);
                return NULL;
            }
            if (was_whole) {
                prefault_whole(large_address(head), bytes); /* as the one before */
            }
            return head;
        }
    }
    return NULL;
}

/* --- both ------------------------------------------------------------------------------------- */

static void keep(struct large_quarantine *quarantine, struct chunk *head, bool was_whole) {
    if (is_cleared(head)) {
        while (quarantine->cleared_bytes != 0 && is_too_much(quarantine)) {
            release_cleared(quarantine);
        }
        keep_cleared(quarantine, head);
    } else {
        while (quarantine->count == LARGE_WAITING ||
               quarantine->untouchable_bytes > LARGE_WAITING_BYTES - large_usable(head)) {
            release(take_untouchable(quarantine, 0));
        }
        keep_untouchable(quarantine, head, was_whole);
    }
}

/* One of this size that has waited long enough, clear; NULL: there is none. */
static struct chunk *take_waiting(struct large_quarantine *quarantine, size_t bytes) {
    struct chunk *head = NULL;
    if (bytes > LARGE_CLEARED) {
        head = find_untouchable(quarantine, bytes);
    } else if (has_waited(quarantine, cleared_of(quarantine, bytes))) {
        head = take_cleared(quarantine, cleared_of(quarantine, bytes));
        check_cleared(head);
    }
    if (head != NULL) {
        note_large(bytes);
        large_bring_back(head);
    }
    return head;
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
    large_set_usable(head, bytes);
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
    struct chunk *head =
        alignment <= page && quarantine != NULL ? take_waiting(quarantine, bytes) : NULL;
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
    damage_fill(function, object, size, large_usable(head));
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
    size_t page = os_page_size(), old = large_usable(head);
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
    size_t kept = large_usable(head) < bytes ? large_usable(head) : bytes;
    if (size == 0 || size > REQUEST_MAX ||
        (bytes != large_usable(head) && !move_end(head, bytes))) {
        return false;
    }
    if (kept > old) {
        memset((char *)large_address(head) + old, 0, kept - old); /* it was canary */
    }
    if (bytes > kept) {
        prefault_growth(large_address(head) + kept, bytes - kept, kept);
    }
    large_set_usable(head, bytes);
    head->slack = (uint16_t)(bytes - size);
    write_canary(head);
    return true;
}

static bool has_last_page(const struct chunk *head) {
    size_t page = os_page_size();
    return os_resident_bytes((void *)(large_address(head) + large_usable(head) - page), page) != 0;
}

/* --- freeing ---------------------------------------------------------------------------------- */

bool guarded_large_free(struct chunk *head, struct large_quarantine *quarantine) {
    if (!large_take_away(head)) {
        return false;
    }
    bool was_whole = !is_cleared(head) && has_last_page(head);
    if (quarantine == NULL || head->lead != 1 || large_usable(head) > LARGE_WAITING_BYTES / 2 ||
        !take_from_program(head)) {
        (void)remove_guards(head);
        give_record(head);
        large_give_back(head, true);
        return true;
    }
    keep(quarantine, head, was_whole);
    return true;
}

void large_quarantine_empty(struct large_quarantine *quarantine) {
    while (quarantine->count != 0) {
        release(take_untouchable(quarantine, 0));
    }
    while (quarantine->cleared_bytes != 0) {
        release_cleared(quarantine);
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
    uintptr_t from = large_address(head) + large_usable(head);
    return os_unguard((void *)from, end - from);
}

/* Beyond its chunks or to less of them, where it is. */
static bool resize_chunks(struct chunk *head, size_t size, bool zeroed) {
    size_t page = os_page_size(), bytes = round_up(size, page), old_bytes = large_usable(head);
    size_t old = guarded_large_size(head), room = head->large.chunks * CHUNK_SIZE, zeroed_from;
    uint16_t lead = head->lead, slack = head->slack;
    if (!remove_guard_behind(head)) {
        return false;
    }
    /* As a large object that fills its chunks, and has no guard pages. */
    large_set_usable(head, room);
    head->lead = 0;
    head->slack = 0;
    bool resized = large_resize_in_place(head, (lead + 1) * page + bytes, &zeroed_from);
    head->lead = lead;
    large_set_usable(head, resized ? bytes : old_bytes);
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
    size_t kept = bytes < large_usable(head) ? bytes : large_usable(head);
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
    if (head->lead != 1 || head->is_protected || large_usable(head) < LARGE_MOVED) {
        return NULL;
    }
    if (!resize_chunks(head, size, zeroed)) {
        head = move_elsewhere(head, size, zeroed, quarantine);
    }
    return head == NULL ? NULL : (void *)large_address(head);
}
