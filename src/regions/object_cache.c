/* Object caches: magazines over slabs.
 *
 * Bonwick and Adams give each CPU a pair of magazines.  Here threads are spread over slots by their
 * number, each slot with a flag that is tried and never waited for: who finds it taken goes to the
 * next slot, and past all of them to the slabs.  So no thread-local memory is needed, whatever the
 * number of caches; nothing is left behind by threads that end; and reaping reaches all magazines.
 *
 * The depot holds full and empty magazines for all slots, under the lock of the slabs. */
#include "regions/object_cache.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "core/report.h"
#include "core/threads.h"
#include "core/trim.h"
#include "os/os.h"
#include "regions/object_slab.h"
#include "regions/poison.h"
#include "regions/registry.h"

enum {
    SIZE_MOST = 16 << 20,
    ALIGNMENT_MOST = 64 << 10,
    SLOTS = 32,
    MAGAZINE_BYTES = 32 << 10, /* of the objects in a magazine, at first */
    MAGAZINE_LEAST = 4,
    MAGAZINE_FIRST = 64,
    MAGAZINE_MOST = 256,
    CONTENTION = 16 /* waits for the lock after which magazines get larger */
};

struct magazine {
    struct magazine *next; /* in the depot */
    uint32_t capacity;
    uint32_t count; /* count <= capacity */
    void *objects[];
};

/* Whoever has set `busy` writes; takes and gives are read at any time. */
struct slot {
    _Alignas(CACHE_LINE) _Atomic(bool) busy;
    struct magazine *loaded; /* either may be NULL, which is like an empty one */
    struct magazine *previous;
    _Atomic(uint64_t) takes, gives; /* that the magazines served */
};

enum { CACHE_LIVE = 0x63616368, CACHE_DESTROYED = 0x64656164 };

struct cairn_object_cache {
    _Atomic(uint32_t) state; /* enum; survives in freed memory until that is used again */
    _Atomic(uint32_t) pins;  /* reaping threads that hold the cache; caches_lock to add one */
    _Atomic(bool) is_stuck;  /* in the child of a fork: nobody will ever unlock it */
    struct cairn_region region;
    struct object_slabs slabs;

    /* The depot; slabs.lock. */
    struct magazine *full, *empty;
    uint32_t magazine_size; /* of a new magazine */
    uint64_t seen_contended;
    size_t magazine_bytes;

    /* caches_lock. */
    struct cairn_object_cache *next, *prev;
    uint64_t reaped_pass; /* of reap_all() */

    struct slot slots[SLOTS];
};

static struct mutex caches_lock = MUTEX(RANK_CACHES);
static struct cairn_object_cache *caches; /* latest first */
static uint64_t passes;

/* --- reports ---------------------------------------------------------------------------------- */

static void require_live(const struct cairn_object_cache *cache, const char *function) {
    uint32_t state = atomic_load_explicit(&cache->state, memory_order_relaxed);
    if (unlikely(state != CACHE_LIVE)) {
        report_misuse(function, cache,
                      state == CACHE_DESTROYED ? "use of an object cache that was destroyed"
                                               : "use of what is no object cache");
    }
}

/* What is given is no live object.  slab: what it is in, or NULL. */
static _Noreturn void report_give(const struct cairn_object_cache *cache, const void *pointer,
                                  const struct object_slab *slab) {
    const struct object_slabs *slabs = &cache->slabs;
    struct text text;
    size_t offset = 0;
    report_begin(&text, "cairn_object_cache_give", (uintptr_t)pointer);
    if (slab == NULL || slab_index(slabs, slab, pointer, &offset) >= slabs->objects) {
        text_string(&text, "pointer that is no object of ");
    } else if (offset != 0) {
        text_string(&text, "pointer ");
        text_decimal(&text, offset);
        text_string(&text, " bytes into an object of ");
    } else {
        text_string(&text, "double give of an object of ");
    }
    registry_describe(&text, &cache->region);
    if (offset != 0) {
        text_string(&text, " that starts at ");
        text_address(&text, (uintptr_t)pointer - offset);
    }
    report_end(&text);
}

static _Noreturn void report_live_objects(const struct cairn_object_cache *cache, size_t live) {
    struct text text;
    report_begin(&text, "cairn_object_cache_destroy", (uintptr_t)cache);
    text_decimal(&text, live);
    text_string(&text, live == 1 ? " object is live of " : " objects are live of ");
    registry_describe(&text, &cache->region);
    report_end(&text);
}

/* --- slots ------------------------------------------------------------------------------------ */

static bool slot_try(struct slot *slot) {
    return !atomic_load_explicit(&slot->busy, memory_order_relaxed) &&
           !atomic_exchange_explicit(&slot->busy, true, memory_order_acquire);
}

static void slot_leave(struct slot *slot) {
    atomic_store_explicit(&slot->busy, false, memory_order_release);
}

/* NULL: others are at all of them. */
static struct slot *slot_enter(struct cairn_object_cache *cache) {
    unsigned number = threads_number();
    for (unsigned i = 0; i < SLOTS; i++) {
        struct slot *slot = &cache->slots[(number + i) % SLOTS];
        if (slot_try(slot)) {
            return slot;
        }
    }
    return NULL;
}

/* Only the one who is in the slot adds: no atomic addition is needed. */
static void count(_Atomic(uint64_t) *counter) {
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

static bool has_objects(const struct magazine *magazine) {
    return magazine != NULL && magazine->count != 0;
}

static bool has_room(const struct magazine *magazine) {
    return magazine != NULL && magazine->count != magazine->capacity;
}

static void swap_magazines(struct slot *slot) {
    struct magazine *loaded = slot->loaded;
    slot->loaded = slot->previous;
    slot->previous = loaded;
}

/* --- magazines and the depot ------------------------------------------------------------------ */

static size_t magazine_bytes(uint32_t capacity) {
    return sizeof(struct magazine) + capacity * sizeof(void *);
}

static void magazine_push(struct magazine **list, struct magazine *magazine) {
    if (magazine != NULL) {
        magazine->next = *list;
        *list = magazine;
    }
}

static struct magazine *magazine_pop(struct magazine **list) {
    struct magazine *magazine = *list;
    if (magazine != NULL) {
        *list = magazine->next;
    }
    return magazine;
}

/* Lock not held. */
static struct magazine *magazine_new(struct cairn_object_cache *cache) {
    slabs_lock(&cache->slabs);
    uint32_t capacity = cache->magazine_size;
    cache->magazine_bytes += magazine_bytes(capacity);
    slabs_unlock(&cache->slabs);
    struct magazine *magazine =
        cairn_allocate(&cache->slabs.allocator, magazine_bytes(capacity), CACHE_LINE);
    if (magazine == NULL) {
        slabs_lock(&cache->slabs);
        cache->magazine_bytes -= magazine_bytes(capacity);
        slabs_unlock(&cache->slabs);
        return NULL;
    }
    magazine->capacity = capacity;
    magazine->count = 0;
    return magazine;
}

/* Lock not held; of all in the list, their objects go to the slabs.  Returns the bytes. */
static size_t magazines_delete(struct cairn_object_cache *cache, struct magazine *list) {
    size_t bytes = 0;
    for (struct magazine *magazine; (magazine = magazine_pop(&list)) != NULL;) {
        size_t size = magazine_bytes(magazine->capacity);
        slabs_give(&cache->slabs, magazine->objects, magazine->count);
        cairn_release(&cache->slabs.allocator, magazine, size, CACHE_LINE);
        bytes += size;
    }
    slabs_lock(&cache->slabs);
    cache->magazine_bytes -= bytes;
    slabs_unlock(&cache->slabs);
    return bytes;
}

/* Larger magazines come to the depot less often (Bonwick and Adams 2001, section 3.6).  Lock held.
 * Returns an empty magazine that is smaller than new ones would be, or NULL. */
static struct magazine *depot_adapt(struct cairn_object_cache *cache) {
    if (cache->slabs.contended - cache->seen_contended >= CONTENTION) {
        cache->seen_contended = cache->slabs.contended;
        if (cache->magazine_size < MAGAZINE_MOST) {
            cache->magazine_size *= 2;
        }
    }
    struct magazine *top = cache->empty;
    return top != NULL && top->capacity < cache->magazine_size ? magazine_pop(&cache->empty) : NULL;
}

static void delete_one(struct cairn_object_cache *cache, struct magazine *magazine) {
    if (magazine != NULL) {
        magazine->next = NULL;
        (void)magazines_delete(cache, magazine);
    }
}

/* The slot has no objects: a full magazine from the depot, for an empty one.  False: it has none.
 * */
static bool load_full(struct cairn_object_cache *cache, struct slot *slot) {
    slabs_lock(&cache->slabs);
    struct magazine *full = magazine_pop(&cache->full);
    struct magazine *outgrown = NULL;
    if (full != NULL) {
        magazine_push(&cache->empty, slot->previous);
        slot->previous = slot->loaded;
        slot->loaded = full;
        outgrown = depot_adapt(cache);
    }
    slabs_unlock(&cache->slabs);
    delete_one(cache, outgrown);
    return full != NULL;
}

/* The slot has no room: an empty magazine, for a full one.  False: no memory. */
static bool load_empty(struct cairn_object_cache *cache, struct slot *slot) {
    slabs_lock(&cache->slabs);
    struct magazine *outgrown = depot_adapt(cache);
    struct magazine *empty = magazine_pop(&cache->empty);
    slabs_unlock(&cache->slabs);
    delete_one(cache, outgrown);
    if (empty == NULL) {
        empty = magazine_new(cache);
    }
    if (empty == NULL) {
        return false;
    }
    slabs_lock(&cache->slabs);
    magazine_push(&cache->full, slot->previous);
    slabs_unlock(&cache->slabs);
    slot->previous = slot->loaded;
    slot->loaded = empty;
    return true;
}

/* --- take and give ---------------------------------------------------------------------------- */

static void *take_from_slot(struct cairn_object_cache *cache, struct slot *slot) {
    if (!has_objects(slot->loaded)) {
        if (has_objects(slot->previous)) {
            swap_magazines(slot);
        } else if (!load_full(cache, slot)) {
            return NULL;
        }
    }
    count(&slot->takes);
    return slot->loaded->objects[--slot->loaded->count];
}

static bool give_to_slot(struct cairn_object_cache *cache, struct slot *slot, void *object) {
    if (!has_room(slot->loaded)) {
        if (has_room(slot->previous)) {
            swap_magazines(slot);
        } else if (!load_empty(cache, slot)) {
            return false;
        }
    }
    count(&slot->gives);
    slot->loaded->objects[slot->loaded->count++] = object;
    return true;
}

/* Where an object's state is; NULL if the address is none. */
static uint8_t *state_of(const struct object_slabs *slabs, struct object_slab *slab,
                         const void *object) {
    size_t offset;
    unsigned index = slab == NULL ? slabs->objects : slab_index(slabs, slab, object, &offset);
    return index < slabs->objects && offset == 0 ? &slab->states[index] : NULL;
}

CAIRN_EXPORT void *cairn_object_cache_take(struct cairn_object_cache *cache) {
    require_live(cache, "cairn_object_cache_take");
    struct slot *slot = slot_enter(cache);
    void *object = NULL;
    if (likely(slot != NULL)) {
        object = take_from_slot(cache, slot);
        slot_leave(slot);
    }
    if (object == NULL) {
        object = slabs_take(&cache->slabs);
    }
    if (likely(object != NULL)) {
        uint8_t *state = state_of(&cache->slabs, slabs_find(&cache->slabs, object), object);
        __atomic_store_n(state, OBJECT_LIVE, __ATOMIC_RELAXED);
        unpoison((uintptr_t)object, cache->slabs.size);
    }
    return object;
}

CAIRN_EXPORT void cairn_object_cache_give(struct cairn_object_cache *cache, void *object) {
    require_live(cache, "cairn_object_cache_give");
    if (object == NULL) {
        return;
    }
    struct object_slab *slab = slabs_find(&cache->slabs, object);
    uint8_t *state = state_of(&cache->slabs, slab, object);
    if (unlikely(state == NULL ||
                 __atomic_exchange_n(state, OBJECT_IDLE, __ATOMIC_RELAXED) != OBJECT_LIVE)) {
        report_give(cache, object, slab);
    }
    poison((uintptr_t)object, cache->slabs.stride);
    struct slot *slot = slot_enter(cache);
    bool given = false;
    if (likely(slot != NULL)) {
        given = give_to_slot(cache, slot, object);
        slot_leave(slot);
    }
    if (!given) {
        slabs_give(&cache->slabs, &object, 1);
        slabs_lock(&cache->slabs);
        cache->slabs.gives++;
        slabs_unlock(&cache->slabs);
    }
}

/* --- reaping ---------------------------------------------------------------------------------- */

static size_t empty_slots(struct cairn_object_cache *cache) {
    size_t bytes = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        struct slot *slot = &cache->slots[i];
        struct magazine *list = NULL;
        if (slot_try(slot)) {
            magazine_push(&list, slot->loaded);
            magazine_push(&list, slot->previous);
            slot->loaded = NULL;
            slot->previous = NULL;
            slot_leave(slot);
        }
        bytes += magazines_delete(cache, list);
    }
    return bytes;
}

static size_t empty_depot(struct cairn_object_cache *cache) {
    slabs_lock(&cache->slabs);
    struct magazine *full = cache->full;
    struct magazine *empty = cache->empty;
    cache->full = NULL;
    cache->empty = NULL;
    slabs_unlock(&cache->slabs);
    size_t bytes = magazines_delete(cache, full);
    return bytes + magazines_delete(cache, empty);
}

static size_t reap(struct cairn_object_cache *cache) {
    size_t bytes = empty_slots(cache);
    bytes += empty_depot(cache);
    return bytes + slabs_reap(&cache->slabs);
}

CAIRN_EXPORT size_t cairn_object_cache_reap(struct cairn_object_cache *cache) {
    require_live(cache, "cairn_object_cache_reap");
    return reap(cache);
}

static bool is_stuck(const struct cairn_object_cache *cache) {
    return atomic_load_explicit(&cache->is_stuck, memory_order_relaxed);
}

/* A cache that this pass has not been at, pinned; or NULL. */
static struct cairn_object_cache *pin_next(uint64_t pass) {
    mutex_lock(&caches_lock);
    struct cairn_object_cache *cache = caches;
    while (cache != NULL && (cache->reaped_pass >= pass || is_stuck(cache))) {
        cache = cache->next;
    }
    if (cache != NULL) {
        cache->reaped_pass = pass;
        atomic_fetch_add_explicit(&cache->pins, 1, memory_order_relaxed);
    }
    mutex_unlock(&caches_lock);
    return cache;
}

/* Destructors run here, which may use, make and destroy other caches: no lock is held. */
static void reap_all(void) {
    mutex_lock(&caches_lock);
    uint64_t pass = ++passes;
    mutex_unlock(&caches_lock);
    for (struct cairn_object_cache *cache; (cache = pin_next(pass)) != NULL;) {
        (void)reap(cache);
        /* release: whoever destroys the cache finds all of it done. */
        atomic_fetch_sub_explicit(&cache->pins, 1, memory_order_release);
        os_wake_one(&cache->pins); /* the address is enough, should the cache be gone */
    }
}

/* --- figures ---------------------------------------------------------------------------------- */

static struct cairn_object_cache_figures figures_of(struct cairn_object_cache *cache) {
    struct object_slabs *slabs = &cache->slabs;
    size_t live = slabs_live(slabs);
    slabs_lock(slabs);
    size_t constructed = (size_t)(slabs->constructed - slabs->destructed);
    struct cairn_object_cache_figures figures = {
        .used = live * slabs->stride,
        .reserved = sizeof *cache + slabs->bytes + cache->magazine_bytes,
        .peak = slabs->out_most * slabs->stride,
        .live = live,
        .idle = constructed > live ? constructed - live : 0,
        .object_bytes = slabs->stride,
        .slabs = slabs->count,
        .slab_bytes = (size_t)1 << slabs->granule_log,
        .slab_objects = slabs->objects,
        .magazine_size = cache->magazine_size,
        .takes = slabs->takes,
        .gives = slabs->gives,
        .slow_takes = slabs->takes,
        .constructed = slabs->constructed,
        .destructed = slabs->destructed,
        .contended = slabs->contended,
    };
    slabs_unlock(slabs);
    for (unsigned i = 0; i < SLOTS; i++) {
        const struct slot *slot = &cache->slots[i];
        figures.takes += atomic_load_explicit(&slot->takes, memory_order_relaxed);
        figures.gives += atomic_load_explicit(&slot->gives, memory_order_relaxed);
    }
    return figures;
}

CAIRN_EXPORT struct cairn_object_cache_figures
cairn_object_cache_statistics(struct cairn_object_cache *cache) {
    require_live(cache, "cairn_object_cache_statistics");
    return figures_of(cache);
}

CAIRN_EXPORT bool cairn_object_cache_statistics_of(const char *name,
                                                   struct cairn_object_cache_figures *figures) {
    mutex_lock(&caches_lock);
    struct cairn_object_cache *cache = caches;
    while (cache != NULL && (cache->region.name == NULL || strcmp(cache->region.name, name) != 0)) {
        cache = cache->next;
    }
    if (cache != NULL) {
        *figures = figures_of(cache);
    }
    mutex_unlock(&caches_lock);
    return cache != NULL;
}

static void read_usage(const struct cairn_region *region, struct cairn_region_usage *usage) {
    struct cairn_object_cache *cache =
        (struct cairn_object_cache *)((uintptr_t)region -
                                      offsetof(struct cairn_object_cache, region));
    if (!is_stuck(cache)) {
        struct cairn_object_cache_figures figures = figures_of(cache);
        /* Counted first: slabs may have been reaped since. */
        usage->used = figures.used < figures.reserved ? figures.used : figures.reserved;
        usage->reserved = figures.reserved;
        usage->peak = figures.peak > figures.used ? figures.peak : figures.used;
    }
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* The child of a fork has this thread alone.  A cache whose lock another thread held has nobody to
 * finish its work: reaping and listing, which the program may not know of, leave it alone. */
static void before_fork(void) { mutex_lock(&caches_lock); }

static void after_fork_in_parent(void) { mutex_unlock(&caches_lock); }

static void after_fork_in_child(void) {
    mutex_reset(&caches_lock);
    for (struct cairn_object_cache *cache = caches; cache != NULL; cache = cache->next) {
        atomic_store_explicit(&cache->pins, 0, memory_order_relaxed);
        if (atomic_load_explicit(&cache->slabs.lock.state, memory_order_relaxed) != 0) {
            atomic_store_explicit(&cache->is_stuck, true, memory_order_relaxed);
        }
    }
}

RUNS_ONCE void object_cache_start(void) {
    static struct trim_hook hook = {.release = reap_all};
    os_on_fork(before_fork, after_fork_in_parent, after_fork_in_child);
    trim_add_hook(&hook);
}

static void enlist(struct cairn_object_cache *cache) {
    mutex_lock(&caches_lock);
    cache->next = caches;
    if (caches != NULL) {
        caches->prev = cache;
    }
    caches = cache;
    mutex_unlock(&caches_lock);
}

static void delist(struct cairn_object_cache *cache) {
    mutex_lock(&caches_lock);
    *(cache->prev == NULL ? &caches : &cache->prev->next) = cache->next;
    if (cache->next != NULL) {
        cache->next->prev = cache->prev;
    }
    mutex_unlock(&caches_lock);
    uint32_t pins;
    while ((pins = atomic_load_explicit(&cache->pins, memory_order_acquire)) != 0) {
        os_wait(&cache->pins, pins);
    }
}

CAIRN_EXPORT struct cairn_object_cache *
cairn_object_cache_create(size_t size, const struct cairn_object_cache_options *options) {
    static const struct cairn_object_cache_options none;
    options = options == NULL ? &none : options;
    size = size == 0 ? 1 : size;
    size_t implied = size & -size;
    size_t alignment = options->alignment != 0 ? options->alignment : implied < 16 ? implied : 16;
    if (size > SIZE_MOST || !is_power_of_two(alignment) || alignment > ALIGNMENT_MOST) {
        errno = EINVAL;
        return NULL;
    }
    size_t stride = round_up(size, alignment);
    struct cairn_allocator allocator =
        options->allocator == NULL ? cairn_heap_allocator : *options->allocator;
    struct cairn_object_cache *cache = cairn_allocate(&allocator, sizeof *cache, CACHE_LINE);
    if (cache == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    memset(cache, 0, sizeof *cache);
    cache->region =
        (struct cairn_region){.name = options->name, .kind = "object cache", .read = read_usage};
    cache->slabs.allocator = allocator;
    cache->slabs.hooks = *options;
    size_t rounds = next_power_of_two(MAGAZINE_BYTES / stride);
    rounds = rounds < MAGAZINE_LEAST ? MAGAZINE_LEAST : rounds;
    cache->magazine_size = (uint32_t)(rounds > MAGAZINE_FIRST ? MAGAZINE_FIRST : rounds);
    if (!slabs_start(&cache->slabs, size, stride, alignment)) {
        cairn_release(&allocator, cache, sizeof *cache, CACHE_LINE);
        errno = ENOMEM;
        return NULL;
    }
    atomic_store_explicit(&cache->state, CACHE_LIVE, memory_order_relaxed);
    enlist(cache);
    registry_add(&cache->region);
    return cache;
}

CAIRN_EXPORT void cairn_object_cache_destroy(struct cairn_object_cache *cache) {
    if (cache == NULL) {
        return;
    }
    require_live(cache, "cairn_object_cache_destroy");
    size_t live = slabs_live(&cache->slabs);
    if (live != 0) {
        report_live_objects(cache, live);
    }
    registry_remove(&cache->region);
    delist(cache);
    (void)reap(cache);
    slabs_end(&cache->slabs);
    atomic_store_explicit(&cache->state, CACHE_DESTROYED, memory_order_relaxed);
    struct cairn_allocator allocator = cache->slabs.allocator;
    cairn_release(&allocator, cache, sizeof *cache, CACHE_LINE);
}
