#include "regions/object_slab.h"

#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "regions/poison.h"

enum {
    SLAB_BYTES = 64 << 10, /* at most, unless fewer than LARGE_OBJECTS fit */
    LARGE_OBJECTS = 8,
    FIRST_ENTRIES = 8
};

static struct cairn_span no_span;

/* --- small steps ------------------------------------------------------------------------------ */

void slabs_lock(struct object_slabs *slabs) {
    if (unlikely(!mutex_try_lock(&slabs->lock))) {
        mutex_lock(&slabs->lock);
        slabs->contended++;
    }
}

void slabs_unlock(struct object_slabs *slabs) { mutex_unlock(&slabs->lock); }

static size_t slab_bytes(const struct object_slabs *slabs) {
    return (size_t)1 << slabs->granule_log;
}

static void *object_at(const struct object_slabs *slabs, const struct object_slab *slab,
                       unsigned index) {
    return (void *)(slab->first + index * slabs->stride);
}

static bool is_whole(const struct object_slabs *slabs, const struct object_slab *slab) {
    return (slab->raw | slab->idle) == low_mask(slabs->objects);
}

struct object_slab *slabs_find(const struct object_slabs *slabs, const void *address) {
    const struct cairn_span_table *table = __atomic_load_n(&slabs->table, __ATOMIC_ACQUIRE);
    return (struct object_slab *)span_table_find(table, (uintptr_t)address);
}

unsigned slab_index(const struct object_slabs *slabs, const struct object_slab *slab,
                    const void *address, size_t *offset) {
    /* A slab is 2^30 bytes at most, and a division of 32 bits is fast. */
    uint32_t from_first = (uint32_t)((uintptr_t)address - slab->first);
    *offset = from_first % (uint32_t)slabs->stride;
    return from_first / (uint32_t)slabs->stride;
}

/* --- the list of slabs to take from; lock held ------------------------------------------------ */

static void list_remove(struct object_slabs *slabs, struct object_slab *slab) {
    *(slab->prev == NULL ? &slabs->head : &slab->prev->next) = slab->next;
    *(slab->next == NULL ? &slabs->tail : &slab->next->prev) = slab->prev;
}

static void list_prepend(struct object_slabs *slabs, struct object_slab *slab) {
    slab->prev = NULL;
    slab->next = slabs->head;
    *(slab->next == NULL ? &slabs->tail : &slab->next->prev) = slab;
    slabs->head = slab;
}

static void list_append(struct object_slabs *slabs, struct object_slab *slab) {
    slab->next = NULL;
    slab->prev = slabs->tail;
    *(slab->prev == NULL ? &slabs->head : &slab->prev->next) = slab;
    slabs->tail = slab;
}

/* A slab's object comes back: as constructed as it is. */
static void put_back(struct object_slabs *slabs, struct object_slab *slab, uint64_t bit,
                     bool constructed) {
    if ((slab->raw | slab->idle) != 0) {
        list_remove(slabs, slab);
    }
    *(constructed ? &slab->idle : &slab->raw) |= bit;
    slabs->out--;
    if (is_whole(slabs, slab)) {
        list_append(slabs, slab);
    } else {
        list_prepend(slabs, slab);
    }
}

/* --- slabs come and go ------------------------------------------------------------------------ */

/* Makes sure that the table has room for one more slab; lock held on entry and on return, though
 * not throughout.  False: no memory. */
static bool table_grow(struct object_slabs *slabs) {
    while (slabs->count >= slabs->table_entries) {
        size_t entries = slabs->table_entries == 0 ? FIRST_ENTRIES : 2 * slabs->table_entries;
        size_t bytes = sizeof(struct table_memory) + span_table_bytes(entries);
        slabs_unlock(slabs);
        struct table_memory *memory = cairn_allocate(&slabs->allocator, bytes, CACHE_LINE);
        slabs_lock(slabs);
        if (memory == NULL) {
            return false;
        }
        /* If another thread was faster, this one is kept for the end all the same. */
        memory->next = slabs->tables;
        memory->bytes = bytes;
        slabs->tables = memory;
        slabs->bytes += bytes;
        if (entries > slabs->table_entries) {
            struct cairn_span_table *table =
                span_table_init(memory + 1, entries, slabs->granule_log, &no_span);
            for (struct object_slab *slab = slabs->all; slab != NULL; slab = slab->next_all) {
                span_table_add(table, &slab->span);
            }
            __atomic_store_n(&slabs->table, table, __ATOMIC_RELEASE);
            slabs->table_entries = entries;
        }
    }
    return true;
}

/* Lock held.  A descriptor that is used again may still be looked at: see span_table_find(). */
static void slab_enter(struct object_slabs *slabs, struct object_slab *slab, void *memory) {
    __atomic_store_n(&slab->span.start, (uintptr_t)memory, __ATOMIC_RELAXED);
    __atomic_store_n(&slab->span.bytes, slab_bytes(slabs), __ATOMIC_RELAXED);
    slab->first = (uintptr_t)memory + slabs->colour;
    slab->raw = low_mask(slabs->objects);
    slab->idle = 0;
    memset(slab->states, OBJECT_IDLE, sizeof slab->states);
    slabs->colour += slabs->colour_step;
    if (slabs->colour > slabs->colour_most) {
        slabs->colour = 0;
    }
    slab->prev_all = NULL;
    slab->next_all = slabs->all;
    if (slab->next_all != NULL) {
        slab->next_all->prev_all = slab;
    }
    slabs->all = slab;
    slabs->count++;
    slabs->bytes += slab_bytes(slabs);
    span_table_add(slabs->table, &slab->span);
    list_append(slabs, slab);
}

/* Lock held; the slab is whole, and leaves all lists.  Its descriptor stays as it is. */
static void slab_leave(struct object_slabs *slabs, struct object_slab *slab) {
    list_remove(slabs, slab);
    span_table_remove(slabs->table, &slab->span);
    *(slab->prev_all == NULL ? &slabs->all : &slab->prev_all->next_all) = slab->next_all;
    if (slab->next_all != NULL) {
        slab->next_all->prev_all = slab->prev_all;
    }
    slabs->count--;
    slabs->bytes -= slab_bytes(slabs);
    slabs->destructed += count_bits(slab->idle);
}

/* A descriptor, new or used again; lock not held. */
static struct object_slab *descriptor_take(struct object_slabs *slabs) {
    slabs_lock(slabs);
    struct object_slab *slab = slabs->spare;
    if (slab != NULL) {
        slabs->spare = slab->next;
    } else {
        slabs->bytes += sizeof *slab;
    }
    slabs_unlock(slabs);
    if (slab == NULL) {
        slab = cairn_allocate(&slabs->allocator, sizeof *slab, CACHE_LINE);
    }
    return slab;
}

/* Lock not held.  False: no memory. */
static bool slab_new(struct object_slabs *slabs) {
    struct object_slab *slab = descriptor_take(slabs);
    void *memory = slab == NULL
                       ? NULL
                       : cairn_allocate(&slabs->allocator, slab_bytes(slabs), slab_bytes(slabs));
    if (memory != NULL) {
        poison((uintptr_t)memory, slab_bytes(slabs));
    }
    slabs_lock(slabs);
    bool made = memory != NULL && table_grow(slabs);
    if (made) {
        slab_enter(slabs, slab, memory);
    } else if (slab != NULL) {
        slab->next = slabs->spare;
        slabs->spare = slab;
    } else {
        slabs->bytes -= sizeof *slab;
    }
    slabs_unlock(slabs);
    if (!made && memory != NULL) {
        unpoison((uintptr_t)memory, slab_bytes(slabs));
        cairn_release(&slabs->allocator, memory, slab_bytes(slabs), slab_bytes(slabs));
    }
    return made;
}

/* A slab that has left: destructs its objects and gives its memory back; lock not held. */
static void slab_dissolve(struct object_slabs *slabs, struct object_slab *slab) {
    unpoison(slab->span.start, slab_bytes(slabs));
    if (slabs->hooks.destruct != NULL) {
        for (uint64_t idle = slab->idle; idle != 0; idle &= idle - 1) {
            slabs->hooks.destruct(object_at(slabs, slab, lowest_bit(idle)), slabs->hooks.context);
        }
    }
    cairn_release(&slabs->allocator, (void *)slab->span.start, slab_bytes(slabs),
                  slab_bytes(slabs));
}

size_t slabs_reap(struct object_slabs *slabs) {
    size_t bytes = 0;
    struct object_slab *first = NULL;
    slabs_lock(slabs);
    while (slabs->tail != NULL && is_whole(slabs, slabs->tail)) {
        struct object_slab *slab = slabs->tail;
        slab_leave(slabs, slab);
        slab->next = first;
        first = slab;
        bytes += slab_bytes(slabs);
    }
    slabs_unlock(slabs);
    struct object_slab *last = NULL;
    for (struct object_slab *slab = first; slab != NULL; slab = slab->next) {
        slab_dissolve(slabs, slab);
        last = slab;
    }
    if (last != NULL) {
        slabs_lock(slabs);
        last->next = slabs->spare;
        slabs->spare = first;
        slabs_unlock(slabs);
    }
    return bytes;
}

/* --- objects ---------------------------------------------------------------------------------- */

/* One object of the first slab, an idle one if it has any; NULL: no slab has any. */
static struct object_slab *take_out(struct object_slabs *slabs, uint64_t *bit, bool *is_raw) {
    struct object_slab *slab = slabs->head;
    if (slab == NULL) {
        return NULL;
    }
    uint64_t *from = slab->idle != 0 ? &slab->idle : &slab->raw;
    *is_raw = from == &slab->raw;
    *bit = *from & -*from;
    *from ^= *bit;
    if ((slab->raw | slab->idle) == 0) {
        list_remove(slabs, slab);
    }
    slabs->out++;
    slabs->out_most = slabs->out > slabs->out_most ? slabs->out : slabs->out_most;
    return slab;
}

/* It is unmade again if it can't be made. */
static bool construct(struct object_slabs *slabs, struct object_slab *slab, uint64_t bit) {
    void *object = object_at(slabs, slab, lowest_bit(bit));
    unpoison((uintptr_t)object, slabs->size);
    bool made =
        slabs->hooks.construct == NULL || slabs->hooks.construct(object, slabs->hooks.context);
    poison((uintptr_t)object, slabs->size);
    slabs_lock(slabs);
    if (made) {
        slabs->constructed++;
    } else {
        put_back(slabs, slab, bit, false);
        slabs->takes--;
    }
    slabs_unlock(slabs);
    return made;
}

void *slabs_take(struct object_slabs *slabs) {
    struct object_slab *slab;
    uint64_t bit = 0;
    bool is_raw = false;
    for (;;) {
        slabs_lock(slabs);
        slab = take_out(slabs, &bit, &is_raw);
        slabs->takes += slab != NULL;
        slabs_unlock(slabs);
        if (slab != NULL) {
            break;
        }
        if (!slab_new(slabs)) {
            return NULL;
        }
    }
    if (is_raw && !construct(slabs, slab, bit)) {
        return NULL;
    }
    return object_at(slabs, slab, lowest_bit(bit));
}

void slabs_give(struct object_slabs *slabs, void *const *objects, size_t count) {
    slabs_lock(slabs);
    for (size_t i = 0; i < count; i++) {
        size_t offset;
        struct object_slab *slab = slabs_find(slabs, objects[i]);
        unsigned index = slab_index(slabs, slab, objects[i], &offset);
        put_back(slabs, slab, UINT64_C(1) << index, true);
    }
    slabs_unlock(slabs);
}

size_t slabs_live(struct object_slabs *slabs) {
    size_t live = 0;
    slabs_lock(slabs);
    for (const struct object_slab *slab = slabs->all; slab != NULL; slab = slab->next_all) {
        for (unsigned i = 0; i < slabs->objects; i++) {
            live += __atomic_load_n(&slab->states[i], __ATOMIC_RELAXED) == OBJECT_LIVE;
        }
    }
    slabs_unlock(slabs);
    return live;
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* The largest power of two that is at most n. */
static size_t power_of_two_within(size_t n) {
    size_t next = next_power_of_two(n);
    return next == n ? n : next / 2;
}

bool slabs_start(struct object_slabs *slabs, size_t size, size_t stride, size_t alignment) {
    size_t bytes = power_of_two_within(SLAB_OBJECTS * stride);
    if (bytes > SLAB_BYTES) {
        size_t large = next_power_of_two(LARGE_OBJECTS * stride);
        bytes = large > SLAB_BYTES ? large : SLAB_BYTES;
    }
    size_t objects = bytes / stride < SLAB_OBJECTS ? bytes / stride : SLAB_OBJECTS;
    /* Sizes that leave nothing for colours are those that need them most. */
    if (bytes - objects * stride < CACHE_LINE && objects >= 2 * LARGE_OBJECTS) {
        objects--;
    }
    slabs->size = size;
    slabs->stride = stride;
    slabs->objects = (unsigned)objects;
    slabs->granule_log = lowest_bit(bytes);
    slabs->colour_step = alignment > CACHE_LINE ? alignment : CACHE_LINE;
    slabs->colour_most = bytes - objects * stride;
    slabs->lock = (struct mutex)MUTEX(RANK_REGION);
    slabs_lock(slabs);
    bool started = table_grow(slabs);
    slabs_unlock(slabs);
    return started;
}

void slabs_end(struct object_slabs *slabs) {
    (void)slabs_reap(slabs);
    struct object_slab *slab = slabs->spare;
    while (slab != NULL) {
        struct object_slab *next = slab->next;
        cairn_release(&slabs->allocator, slab, sizeof *slab, CACHE_LINE);
        slab = next;
    }
    struct table_memory *table = slabs->tables;
    while (table != NULL) {
        struct table_memory *next = table->next;
        cairn_release(&slabs->allocator, table, table->bytes, CACHE_LINE);
        table = next;
    }
}
