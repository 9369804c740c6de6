/* The place where a profile other than `fast` takes over what malloc and free do.
 *
 * With an interceptor every allocation and every free ends in the slow path, with nothing changed
 * in the fast ones: the heaps of threads are *closed*.  A closed heap's thread is known by the
 * distance of its `closed` bins, which never have an object (heap.h), so every bin is empty and
 * every slab's owner differs from the thread's.  The bitmaps, queues and remote frees work as ever.
 *
 * Slabs of closed heaps have *notes*: note_bytes for each object, out of line, the interceptor's.
 * The first byte says whether the object waits: it was freed by the program, and is not free yet.
 *
 * Set once, before there is a second thread; what was allocated before stays an ordinary object of
 * a heap that is retired (threads.h). */
#ifndef CAIRN_CORE_INTERCEPTOR_H
#define CAIRN_CORE_INTERCEPTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/chunk_map.h"
#include "core/form.h"
#include "core/heap.h"

struct interceptor {
    size_t note_bytes; /* 1 or more */
    bool keeps_free; /* free objects have contents that must stay: no page of them is given back */
    bool guards_slabs; /* some slabs, chosen at random, end in a page that nobody may touch */
    size_t heap_bytes; /* zeroed memory of its own in each heap: heap->guard; 1 or more */

    /* alignment: a power of two, GRANULE at least.  NULL with ENOMEM: no memory. */
    void *(*allocate)(size_t size, size_t alignment, bool zeroed);

    /* Any pointer but NULL. */
    void (*free)(const char *function, void *pointer);

    /* Of a profile that looks at forms, else NULL.  What allocate() has given just now is of this
     * form, and not of malloc's.  And: any pointer but NULL, which free() gets next, and what the
     * program claims of it. */
    void (*note_form)(void *object, enum form form);
    void (*judge)(const char *function, const void *pointer, const struct claim *claim);

    /* Of a profile that keeps call sites, else NULL.  The thread's next call is made at this place
     * of the program's source; NULL: it is over. */
    void (*note_site)(const char *file, unsigned line);

    /* Any pointer; bytes from old_size on read as zero unless it is SIZE_MAX. */
    void *(*reallocate)(const char *function, void *pointer, size_t old_size, size_t size);
    bool (*resize_in_place)(const char *function, void *pointer, size_t size);

    /* Whether it begins a live object of whose size the interceptor knows more than core: *size is
     * what the program asked for. */
    bool (*find)(const void *pointer, size_t *size);

    /* A slab without a live object is about to be released (all of it, or each run of resident
     * pages if some were given to the system), or [from, to) of one to be given to the system: no
     * object that was handed out before is live there. */
    void (*memory_goes)(const struct chunk *slab, uintptr_t from, uintptr_t to);

    /* The heap has a thread from now on, which calls it; its last one may have vanished in a fork,
     * whatever it was doing.  And: its thread ends, and calls it. */
    void (*heap_begins)(struct heap *heap);
    void (*heap_ends)(struct heap *heap);
};

/* NULL: none, the profile `fast`. */
extern const struct interceptor *interceptor;

/* Takes over: the heaps there are by now are retired.  Once. */
void interceptor_set(const struct interceptor *next);

/* What code built with Clang's AllocToken tells of its allocations: whether they are for types that
 * hold pointers.  Of a call that is under way, in thread_traits; what nothing is told of counts as
 * data.  kinds_are_told: from the first call on, for ever. */
extern _Atomic(bool) kinds_are_told;
void kind_begin(bool holds_pointers);
void kind_end(void);

/* For functions that allocate in another form than malloc's; NULL: there was no memory. */
static inline void *noted_form(void *object, enum form form) {
    if (unlikely(interceptor != NULL) && interceptor->note_form != NULL && object != NULL) {
        interceptor->note_form(object, form);
    }
    return object;
}

/* The note of a slab's object. */
static inline unsigned char *note_of(struct chunk *slab, uint64_t index) {
    return shared_of(slab)->notes + index * interceptor->note_bytes;
}

/* Its first byte.  relaxed: who frees an object while another one does makes the mistake that the
 * bitmap shows in the end. */
enum { NOTE_LIVE = 0, NOTE_WAITS = 1 };

static inline unsigned char note_read(const unsigned char *note) {
    return __atomic_load_n(note, __ATOMIC_RELAXED);
}

static inline void note_write(unsigned char *note, unsigned char value) {
    __atomic_store_n(note, value, __ATOMIC_RELAXED);
}

#endif
