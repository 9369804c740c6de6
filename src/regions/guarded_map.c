/* Calls that survive SIGBUS.
 *
 * Each guarded call has a record on its own stack; the records of one thread form a stack that
 * starts in a slot, which the thread holds while it is in such calls.  The handler runs in the
 * thread that failed, finds its slot by the thread's handle and jumps to the innermost record
 * whose map has the address.  Slots, as there is no room for a pointer in thread-local storage: a
 * library that may be loaded late has 16 bytes of it at most, and the core uses them. */
#include <errno.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "os/bus_error.h"
#include "regions/map.h"

struct guard {
    uintptr_t from; /* the map's pages */
    uintptr_t end;
    struct guard *outer; /* NULL: the outermost call of this thread */
    sigjmp_buf place;
};

/* innermost is written and read by the thread that holds the slot alone, its handler included. */
struct slot {
    _Atomic(uintptr_t) thread; /* 0: free */
    _Atomic(struct guard *) innermost;
};

enum { SLOTS = 64 };

/* Tables are added, never removed, so that handlers can walk them at any time. */
struct table {
    struct slot slots[SLOTS];
    _Atomic(struct table *) next;
};

static struct table first;

/* acquire: a table is seen with its zeros.  relaxed: a thread's own slot holds its handle, and no
 * other slot ever does. */
static struct slot *slot_of(uintptr_t thread) {
    for (struct table *table = &first; table != NULL;
         table = atomic_load_explicit(&table->next, memory_order_acquire)) {
        for (size_t i = 0; i < SLOTS; i++) {
            if (atomic_load_explicit(&table->slots[i].thread, memory_order_relaxed) == thread) {
                return &table->slots[i];
            }
        }
    }
    return NULL;
}

static struct slot *take_in(struct table *table, uintptr_t thread) {
    for (size_t i = 0; i < SLOTS; i++) {
        uintptr_t free_one = 0;
        /* acquire: after the store that freed it. */
        if (atomic_compare_exchange_strong_explicit(&table->slots[i].thread, &free_one, thread,
                                                    memory_order_acquire, memory_order_relaxed)) {
            return &table->slots[i];
        }
    }
    return NULL;
}

/* The table after this one, which is made if there is none; NULL without memory. */
static struct table *table_after(struct table *table) {
    struct table *next = atomic_load_explicit(&table->next, memory_order_acquire);
    if (next != NULL) {
        return next;
    }
    size_t size = round_up(sizeof *next, os_page_size());
    struct table *made = os_map(size);
    if (made == NULL) {
        return NULL;
    }
    if (atomic_compare_exchange_strong_explicit(&table->next, &next, made, memory_order_acq_rel,
                                                memory_order_acquire)) {
        return made;
    }
    os_unreserve(made, size); /* another thread was faster */
    return next;
}

static struct slot *slot_take(uintptr_t thread) {
    struct table *table = &first;
    for (;;) {
        struct slot *slot = take_in(table, thread);
        if (slot != NULL) {
            return slot;
        }
        table = table_after(table);
        if (table == NULL) {
            return NULL;
        }
    }
}

static void slot_give_back(struct slot *slot) {
    /* release: what was written to it comes before whoever takes it next. */
    atomic_store_explicit(&slot->thread, 0, memory_order_release);
}

/* In the handler: does not return if a guarded call waits for this address. */
static void jump_out(uintptr_t address) {
    struct slot *slot = slot_of(os_thread_handle());
    if (slot == NULL) {
        return;
    }
    struct guard *guard = atomic_load_explicit(&slot->innermost, memory_order_relaxed);
    while (guard != NULL && (address < guard->from || address >= guard->end)) {
        guard = guard->outer;
    }
    if (guard != NULL) {
        siglongjmp(guard->place, 1);
    }
}

/* False if the function was left by a jump.  Saving the signal mask with the place lets the jump
 * out of a handler admit again what the kernel held back meanwhile. */
static bool call_in(struct slot *slot, const struct cairn_map *map, void (*function)(void *),
                    void *argument) {
    uintptr_t from = (uintptr_t)map->data;
    size_t size = map->kind == MAP_RING ? map->reserved : map->size;
    struct guard guard = {
        .from = from,
        .end = from + round_up(size, os_page_size()),
        .outer = atomic_load_explicit(&slot->innermost, memory_order_relaxed),
    };
    int saved = errno;
    bool jumped = sigsetjmp(guard.place, 1) != 0;
    if (jumped) {
        errno = saved; /* whatever handlers before ours have made of it */
    } else {
        atomic_store_explicit(&slot->innermost, &guard, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst); /* the handler sees the record ... */
        function(argument);
        atomic_signal_fence(memory_order_seq_cst); /* ... as long as the function runs */
    }
    atomic_store_explicit(&slot->innermost, guard.outer, memory_order_relaxed);
    return !jumped;
}

CAIRN_EXPORT struct cairn_map_error cairn_map_call_guarded(const struct cairn_map *map,
                                                           void (*function)(void *argument),
                                                           void *argument) {
    struct cairn_map_error error = map_check_range(map, 0, 0);
    if (cairn_map_failed(error)) {
        return error;
    }
    int code = os_on_bus_error(jump_out);
    if (code != 0) {
        return map_error("sigaction", code);
    }
    uintptr_t thread = os_thread_handle();
    struct slot *held = slot_of(thread);
    struct slot *slot = held != NULL ? held : slot_take(thread);
    if (slot == NULL) {
        return map_error("mmap", ENOMEM);
    }
    bool admitted = os_admit_bus_errors(true);
    bool complete = call_in(slot, map, function, argument);
    if (!admitted) {
        (void)os_admit_bus_errors(false);
    }
    if (held == NULL) {
        slot_give_back(slot);
    }
    return map_error("mapped read", complete ? 0 : EIO);
}

struct copy {
    const char *from;
    void *to;
    size_t size;
};

static void copy_out(void *argument) {
    const struct copy *copy = argument;
    memcpy(copy->to, copy->from, copy->size);
}

CAIRN_EXPORT struct cairn_map_error cairn_map_read_guarded(const struct cairn_map *map,
                                                           size_t offset, void *to, size_t size) {
    struct cairn_map_error error = map_check_range(map, offset, size);
    if (cairn_map_failed(error) || size == 0) {
        return error;
    }
    struct copy copy = {map->data + offset, to, size};
    return cairn_map_call_guarded(map, copy_out, &copy);
}
