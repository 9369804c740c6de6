#include "guard/debug.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "config/options.h"
#include "core/allocate.h"
#include "core/sampling.h"
#include "core/threads.h"
#include "guard/canary.h"
#include "guard/damage.h"
#include "guard/edges.h"
#include "guard/failures.h"
#include "guard/forms.h"
#include "guard/leaks.h"
#include "guard/record.h"
#include "guard/sampled.h"
#include "guard/sites.h"
#include "guard/slots.h"
#include "guard/soundness.h"
#include "guard/zero_size.h"
#include "os/kept_stderr.h"
#include "os/mutex.h"
#include "os/os.h"
#include "trace/stack_depot.h"

/* heap->guard */
enum { RING = 4096 };
#define QUARANTINE_BYTES ((size_t)4 << 20)
struct debug {
    uint32_t site; /* of the thread's call, see sites.h; 0: not known */
    struct large_quarantine large;
    struct quarantine small; /* last, as its ring follows */
};

static struct mutex lock = MUTEX(RANK_GUARD);
static uint64_t began_ms;
static uint64_t calls;

void debug_lock(void) { mutex_lock(&lock); }
void debug_unlock(void) { mutex_unlock(&lock); }

static struct debug *own_guard(void) {
    struct heap *heap = heap_distance != 0 ? threads_own_heap() : threads_attach();
    return heap == NULL ? NULL : heap->guard;
}

/* --- the life of an object -------------------------------------------------------------------- */

static uint32_t now_ms(void) { return (uint32_t)(os_clock_ms() - began_ms + 1); }

static uint32_t stack_now(void) {
    struct stack stack;
    stack_capture(&stack, 1);
    return stack_depot_keep(&stack);
}

static uint32_t own_site(void) {
    const struct debug *guard = heap_distance == 0 ? NULL : threads_own_heap()->guard;
    return guard == NULL ? 0 : guard->site;
}

static struct site site_now(void) { return sites_find(own_site()); }

static void note_site(const char *file, unsigned line) {
    struct debug *guard = own_guard();
    if (guard != NULL) {
        debug_lock();
        guard->site = file == NULL ? 0 : sites_keep(file, line);
        debug_unlock();
    }
}

static void note_birth(struct record *record, size_t size, size_t alignment, uint32_t stack) {
    struct record born = {.used = 1,
                          .form = FORM_MALLOC,
                          .alignment = lowest_bit(alignment) & 63,
                          .asked = (uint16_t)size,
                          .allocated_stack = stack,
                          .allocated_site = own_site() & (SITES_MAX - 1),
                          .allocated_thread = os_thread_id(),
                          .allocated_ms = now_ms()};
    /* But for the state, which is NOTE_LIVE by now, and which others look at without the lock. */
    memcpy((char *)record + sizeof born.state, (char *)&born + sizeof born.state,
           sizeof born - sizeof born.state);
}

static void note_death(struct record *record, uint32_t stack) {
    record->freed_stack = stack;
    record->freed_site = own_site() & (SITES_MAX - 1);
    record->freed_thread = os_thread_id();
    record->freed_ms = now_ms();
}

static uint64_t clock_of(uint32_t ms) { return ms == 0 ? 0 : began_ms + ms - 1; }

static struct life life_of(const struct known *known) {
    const struct record *record = known->record;
    return (struct life){.asked = known->size,
                         .allocated_stack = record->allocated_stack,
                         .freed_stack = record->freed_stack,
                         .allocated_thread = record->allocated_thread,
                         .freed_thread = record->freed_thread,
                         .allocated_ms = clock_of(record->allocated_ms),
                         .freed_ms = clock_of(record->freed_ms),
                         .allocated_site = sites_find(record->allocated_site),
                         .freed_site = sites_find(record->freed_site)};
}

/* For reports: whatever the state of the object, and with the lock held or not. */
static bool history(uintptr_t address, struct life *life) {
    struct known known;
    if (!record_find(address, &known)) {
        return false;
    }
    *life = life_of(&known);
    return known.record->used != 0;
}

/* --- checking --------------------------------------------------------------------------------- */

bool debug_check(const char *function) {
    struct known wrong;
    debug_lock();
    bool is_wrong = find_unsound(&wrong);
    debug_unlock();
    if (is_wrong) {
        report_damage(function, &wrong);
    }
    return !is_wrong;
}

static void count_call(const char *function) {
    if (options.check_every != 0 &&
        __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) % options.check_every == 0) {
        (void)debug_check(function);
    }
}

/* --- allocating ------------------------------------------------------------------------------- */

static void *allocate_small(size_t request, size_t size, size_t alignment, bool zeroed,
                            uint32_t stack, struct known *damaged) {
    bool is_fresh;
    void *object = take_small(request, &is_fresh);
    struct known known;
    if (object == NULL || !record_find((uintptr_t)object, &known)) {
        return NULL;
    }
    if (known.record->used != 0 && !is_filled(object, known.room, FILL_FREED)) {
        *damaged = known;
        note_write(&damaged->record->state, NOTE_WAITS); /* it is left as it was found */
        return NULL;
    }
    note_birth(known.record, size, alignment, stack);
    memset(object, zeroed ? 0 : FILL_FRESH, size);
    canary_fill((char *)object + size, known.room - size, canary_key(known.address));
    return object;
}

static void *allocate_large(size_t size, size_t alignment, bool zeroed, uint32_t stack,
                            struct debug *guard) {
    size_t reserve = size < REQUEST_MAX / 4 ? guarded_large_reserve(size) : 0;
    void *object = guarded_large_allocate(size, alignment, zeroed, reserve,
                                          guard != NULL ? &guard->large : NULL);
    struct chunk *head = object == NULL ? NULL : guarded_large_find((uintptr_t)object);
    struct record *record = head == NULL ? NULL : guarded_large_record(head);
    if (record != NULL) {
        note_birth(record, 0, alignment, stack);
    }
    if (object != NULL && !zeroed) {
        memset(object, FILL_FRESH, size);
    }
    return object;
}

static void *allocate_at_edge(size_t size, size_t alignment, bool zeroed, uint32_t stack) {
    struct known known;
    if (!edges_take(size, alignment, &known)) {
        return NULL;
    }
    note_birth(known.record, 0, alignment, stack);
    memset((void *)known.address, zeroed ? 0 : FILL_FRESH, size);
    known.slot->life = life_of(&known);
    slot_publish(known.slot);
    return (void *)known.address;
}

static void *allocate_any(size_t size, size_t alignment, bool zeroed, uint32_t stack,
                          struct debug *guard, struct known *damaged) {
    void *object = size == 0 && alignment <= GRANULE ? zero_size_take() : NULL;
    if (object == NULL) {
        object = allocate_at_edge(size, alignment, zeroed, stack);
    }
    if (object != NULL) {
        return object;
    }
    size_t request = size <= NARROW_MAX - REAR_LEAST ? size + REAR_LEAST : 0;
    if (request != 0 && alignment > GRANULE) {
        request = aligned_room(request, alignment);
    }
    return request != 0 ? allocate_small(request, size, alignment, zeroed, stack, damaged)
                        : allocate_large(size, alignment, zeroed, stack, guard);
}

static bool must_fail(const struct stack *stack) {
    debug_lock();
    bool fails = failures_next(stack);
    debug_unlock();
    return fails;
}

static void *allocate(size_t size, size_t alignment, bool zeroed) {
    count_call("malloc");
    struct stack stack;
    stack_capture(&stack, 1);
    if (must_fail(&stack)) {
        errno = ENOMEM;
        return NULL;
    }
    uint32_t kept_stack = stack_depot_keep(&stack);
    struct debug *guard = own_guard();
    for (;;) {
        struct known damaged = {0};
        debug_lock();
        void *object = allocate_any(size, alignment, zeroed, kept_stack, guard, &damaged);
        debug_unlock();
        if (damaged.address == 0) {
            return object;
        }
        damage_after_free("malloc", damaged.address, damaged.room, FILL_FREED);
    }
}

/* --- freeing ---------------------------------------------------------------------------------- */

enum verdict { FREED_IT, NOT_OURS, DAMAGED, DAMAGED_BEFORE };

/* Lock held. */
static enum verdict free_at_edge(const struct known *known, uint32_t stack) {
    if (!slot_claim(known->slot)) {
        return NOT_OURS;
    }
    note_death(known->record, stack);
    known->slot->life = life_of(known);
    slot_close(known->slot);
    return FREED_IT;
}

/* Lock held.  *what and *other: DAMAGED_BEFORE. */
static enum verdict free_known(const struct known *known, uint32_t stack, struct debug *guard,
                               enum before *what, struct known *other) {
    if (!end_is_whole(known)) {
        return DAMAGED;
    }
    if (known->slot != NULL) {
        return free_at_edge(known, stack);
    }
    *what = look_before(known, other);
    if (*what != BEFORE_WHOLE) {
        return DAMAGED_BEFORE;
    }
    note_death(known->record, stack);
    if (!chunk_is(known->chunk, CHUNK_SLAB)) {
        return guarded_large_free(known->chunk, guard != NULL ? &guard->large : NULL) ? FREED_IT
                                                                                      : NOT_OURS;
    }
    note_write(&known->record->state, NOTE_WAITS);
    memset((void *)known->address, FILL_FREED, known->room);
    if (guard != NULL) {
        quarantine_keep(threads_own_heap(), &guard->small, known->chunk, known->index, known->room);
    } else {
        quarantine_release_of(known->chunk, known->index);
    }
    return FREED_IT;
}

static SLOW_PATH void report_pointer(const char *function, const void *pointer) {
    struct object object;
    struct finding finding;
    (void)object_find(pointer, &object, &finding);
    if (sampling_source_of((uintptr_t)pointer) != NULL) {
        sampled_describe((uintptr_t)pointer, &finding);
    }
    report_finding(function, &finding);
}

/* Not a live object with a record. */
static void free_other(const char *function, void *pointer) {
    uintptr_t address = (uintptr_t)pointer;
    if (zero_size_find(pointer) != ZERO_SIZE_NONE) {
        if (!zero_size_give(pointer)) {
            report_finding(
                function,
                &(struct finding){.what = FOUND_FREE, .address = address, .object = address});
        }
        return;
    }
    struct chunk *chunk = address_is_mappable(address) ? chunk_of(address) : NULL;
    bool is_in_slab = chunk != NULL && chunk_is(chunk, CHUNK_SLAB) && notes_of(chunk) != NULL;
    if (is_in_slab || sampling_source_of(address) != NULL) {
        report_pointer(function, pointer);
        return;
    }
    struct debug *guard = own_guard();
    struct chunk *head = chunk == NULL ? NULL : guarded_large_find(address);
    if (head != NULL && guarded_large_check(function, head) &&
        guarded_large_free(head, guard != NULL ? &guard->large : NULL)) {
        return; /* there was no memory for its record */
    }
    free_ordinary(function, pointer); /* of before the profile began, or a mistake */
}

static void free_guarded(const char *function, void *pointer) {
    count_call(function);
    uint32_t stack = stack_now();
    struct debug *guard = own_guard();
    struct known known, other = {0};
    enum before what = BEFORE_WHOLE;
    debug_lock();
    bool is_known = record_find((uintptr_t)pointer, &known) && record_is_live(&known);
    enum verdict verdict = is_known ? free_known(&known, stack, guard, &what, &other) : NOT_OURS;
    debug_unlock();
    if (verdict == NOT_OURS) {
        free_other(function, pointer);
    } else if (verdict == DAMAGED) {
        report_damage(function, &known);
    } else if (verdict == DAMAGED_BEFORE) {
        report_before(function, what, &known, &other);
    }
}

/* --- resizing --------------------------------------------------------------------------------- */

static bool find(const void *pointer, size_t *size) {
    struct known known;
    if (record_find((uintptr_t)pointer, &known) && record_is_live(&known)) {
        *size = known.size;
        return true;
    }
    *size = 0;
    return zero_size_find(pointer) == ZERO_SIZE_LIVE;
}

/* Where it is, if the room of its class or its pages suffices; what is new of it has the byte
 * `fill`. */
static bool resize_known(const struct known *known, size_t size, int fill) {
    char *object = (char *)known->address;
    if (known->slot != NULL) {
        return size == known->size; /* its end stays at the edge, and its memory in its pages */
    }
    if (!chunk_is(known->chunk, CHUNK_SLAB)) {
        if (!guarded_large_resize(known->chunk, size)) {
            return false;
        }
    } else {
        if (size > known->room || known->room - size < REAR_LEAST) {
            return false;
        }
        known->record->asked = (uint16_t)size;
        canary_fill(object + size, known->room - size, canary_key(known->address));
    }
    if (size > known->size) {
        memset(object + known->size, fill, size - known->size);
    }
    return true;
}

static bool resize_filled(const char *function, void *pointer, size_t size, int fill) {
    struct known known;
    size_t usable = object_require(function, pointer).usable;
    if (!record_find((uintptr_t)pointer, &known)) {
        return size <= usable;
    }
    if (!end_is_whole(&known)) {
        report_damage(function, &known);
        return false;
    }
    debug_lock();
    bool resized = resize_known(&known, size, fill);
    debug_unlock();
    return resized;
}

static bool resize_guarded(const char *function, void *pointer, size_t size) {
    return resize_filled(function, pointer, size, FILL_FRESH);
}

static void *reallocate_guarded(const char *function, void *pointer, size_t old_size, size_t size) {
    size_t usable = object_require(function, pointer).usable;
    forms_judge(function, pointer, &(struct claim){FORM_MALLOC, CLAIM_NONE, CLAIM_NONE});
    forms_note(pointer, FORM_MALLOC);
    bool zeroed = old_size != SIZE_MAX;
    size_t kept = zeroed ? old_size : usable;
    if (size >= usable / 2 && resize_filled(function, pointer, size, zeroed ? 0 : FILL_FRESH)) {
        if (kept < usable && kept < size) {
            memset((char *)pointer + kept, 0, (usable < size ? usable : size) - kept);
        }
        return pointer;
    }
    void *copy = size <= REQUEST_MAX ? allocate(size, GRANULE, zeroed) : NULL;
    if (copy == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    memcpy(copy, pointer, kept < size ? kept : size);
    free_guarded(function, pointer);
    return copy;
}

/* --- slabs and heaps -------------------------------------------------------------------------- */

/* Pages stay (keeps_free), so it is a whole slab. */
static void memory_goes(const struct chunk *slab, uintptr_t from, uintptr_t to) {
    (void)from;
    (void)to;
    for (unsigned i = 0; i < slab->fresh; i++) {
        struct known known = record_known((struct chunk *)(uintptr_t)slab, i);
        if (!is_sound(&known)) {
            report_damage("free", &known);
        }
    }
}

static void heap_begins(struct heap *heap) {
    struct debug *guard = heap->guard;
    guard->site = 0;
    quarantine_begin(&guard->small, RING, QUARANTINE_BYTES);
}

static void heap_ends(struct heap *heap) {
    struct debug *guard = heap->guard;
    debug_lock();
    quarantine_empty(&guard->small);
    large_quarantine_empty(&guard->large);
    debug_unlock();
}

static void reset_lock(void) { mutex_reset(&lock); }

void debug_start(void) {
    static const struct interceptor debug = {.note_bytes = sizeof(struct record),
                                             .keeps_free = true,
                                             .heap_bytes = offsetof(struct debug, small) +
                                                           QUARANTINE_SIZE(RING),
                                             .allocate = allocate,
                                             .free = free_guarded,
                                             .note_form = forms_note,
                                             .judge = forms_judge,
                                             .note_site = note_site,
                                             .reallocate = reallocate_guarded,
                                             .resize_in_place = resize_guarded,
                                             .find = find,
                                             .memory_goes = memory_goes,
                                             .heap_begins = heap_begins,
                                             .heap_ends = heap_ends};
    began_ms = os_clock_ms();
    failures_start();
    canary_start();
    zero_size_start();
    edges_start();
    kept_stderr_start(); /* damage may be found at the end only */
    report_set_history(history);
    report_set_site(site_now);
    damage_has_history = true;
    os_on_fork(debug_lock, debug_unlock, reset_lock);
    interceptor_set(&debug);
}

void debug_finish(void) {
    (void)debug_check("exit");
    if (options.leaks) {
        leaks_report();
    }
}
