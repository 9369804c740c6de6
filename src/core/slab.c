#include "core/slab.h"

#include <string.h>

#include "base/bits.h"
#include "base/check.h"
#include "core/block.h"
#include "core/heap_books.h"
#include "core/holes.h"
#include "core/interceptor.h"
#include "core/limit.h"
#include "core/metadata.h"
#include "core/page_runs.h"
#include "core/prefault.h"
#include "core/report.h"
#include "core/spare.h"
#include "core/threads.h"

/* Layout of a bitmap in the tables: the pairs of words, then, on lines of their own, the remote
 * words. */
static size_t lines(size_t bytes) { return (bytes + CACHE_LINE - 1) / CACHE_LINE; }

static size_t pair_lines(unsigned words) { return lines(words * sizeof(struct slab_word)); }

static size_t table_lines(unsigned words) {
    return pair_lines(words) + lines(words * sizeof(uint64_t));
}

/* Bits of objects: free.  Bits of no object: free for ever. */
static void fill_words(struct chunk *slab, unsigned words) {
    for (unsigned w = 0; w < words; w++) {
        owner_word_write(&slab->words[w].avail, 0);
        owner_word_write(&slab->words[w].freed, ~UINT64_C(0));
    }
}

/* Heaps whose thread has ended are served by others, and have no spares. */
static bool has_spares(const struct heap *owner) {
    return heap_distance != 0 && heap_distance_of(owner) == own_distance();
}

/* So many of a class a heap has before it gets a wide one: who has a few large objects has a chunk
 * for every few of them. */
enum { WIDE_FROM = 2 };

/* An interceptor looks after slabs of one chunk only, and a first-class heap's limit counts
 * chunks. */
static bool wants_wide(const struct heap *owner, unsigned class) {
    return size_classes[class].chunks > 1 && queue_slabs(&owner->queues[class]) >= WIDE_FROM &&
           owner->guard == NULL && owner->shared == NULL && !limit_presses();
}

/* Below so many chunks in use a program is small: each page counts, and each is a page fault. */
enum { SMALL_BELOW = 512 };

/* A chunk that was used before.  If there is none, what the heap's other classes do not need is
 * given up first.  0: there is none. */
static uintptr_t take_old_chunk(struct heap *owner) {
    uintptr_t spare = spare_take(owner);
    if (spare == 0 && block_total(&block_totals.taken) < SMALL_BELOW &&
        heap_release_unused(owner)) {
        spare = spare_take(owner);
    }
    return spare;
}

static struct run take_chunk(struct heap *owner, unsigned class) {
    uintptr_t spare = has_spares(owner) ? take_old_chunk(owner) : 0;
    if (spare != 0) {
        return (struct run){spare, 1};
    }
    struct run run = chunks_take(1, CHUNK_SIZE);
    if (run.dirty == 0) {
        prefault_slab(owner, class, run.address);
    }
    return run;
}

/* *chunks: how many it is. */
static struct run take_memory(struct heap *owner, unsigned class, unsigned *chunks) {
    if (wants_wide(owner, class)) {
        struct run run = chunks_take_of_old(size_classes[class].chunks);
        if (run.address != 0) {
            *chunks = size_classes[class].chunks;
            return run;
        }
    }
    *chunks = 1;
    return take_chunk(owner, class);
}

/* --- notes ------------------------------------------------------------------------------------ */

static size_t note_lines(unsigned class) {
    return lines(size_classes[class].capacity * interceptor->note_bytes);
}

static unsigned char *take_notes(unsigned class) {
    unsigned char *notes = metadata_take(note_lines(class));
    return notes == NULL ? NULL : memset(notes, 0, note_lines(class) * CACHE_LINE);
}

static void give_notes(unsigned char *notes, unsigned class) {
    if (notes != NULL) {
        metadata_give(notes, note_lines(class));
    }
}

/* --- guard pages ------------------------------------------------------------------------------ */

/* One slab in so many of an interceptor's has one: 3 % of the address space of slabs. */
enum { GUARDED_ONE_IN = 4 };

/* Where it is worth an eighth of the slab, and takes no more objects with it than it has to. */
unsigned slab_guarded_capacity(unsigned class) {
    size_t page = os_page_size(), size = size_classes[class].size;
    return page <= CHUNK_SIZE / 8 && size <= page ? (unsigned)((CHUNK_SIZE - page) / size) : 0;
}

static void *guard_page(const struct chunk *slab) {
    return (void *)(slab->start + CHUNK_SIZE - os_page_size());
}

static bool has_guard(const struct chunk *slab) {
    return slab->capacity != slab_whole_capacity(slab->class, slab->chunks);
}

/* On memory that the kernel has just given or is about to give: there a system call is little, and
 * on what goes from slab to slab the two of each would double the time of programs that come and go
 * a lot.  The kernel may have no guard pages (before Linux 6.13, or where memory is locked): then
 * the slab stays as it is, as those by mprotect cost a mapping each. */
static void put_guard(struct heap *owner, struct chunk *slab) {
    unsigned capacity = slab_guarded_capacity(slab->class);
    if (interceptor->guards_slabs && capacity != 0 &&
        wyrand(&owner->random) % GUARDED_ONE_IN == 0 &&
        os_guard(guard_page(slab), os_page_size())) {
        slab->capacity = (uint16_t)capacity;
    }
}

/* --- making and releasing --------------------------------------------------------------------- */

/* The further chunks of a wide slab. */
static void make_bodies(struct chunk *slab) {
    for (unsigned i = 1; i < slab->chunks; i++) {
        struct chunk *body = &slab[i];
        body->reciprocal = slab->reciprocal;
        body->words = slab->words;
        body->start = slab->start;
        body->class = slab->class;
        body->capacity = slab->capacity;
        body->noted = false;
        body->purged = 0;
        chunk_set_kind(body, CHUNK_BODY);
    }
}

/* All that does not depend on who owns it.  `table`: where its bitmap is, or NULL. */
static void describe(struct chunk *slab, unsigned class, unsigned chunks, struct run run,
                     char *table) {
    const struct size_class *size_class = &size_classes[class];
    struct chunk_shared *shared = shared_of(slab);
    slab->reciprocal = size_class->reciprocal;
    slab->start = run.address;
    slab->words = &slab->one;
    shared->remote = &shared->remote_one;
    if (table != NULL) {
        size_t pairs = pair_lines(size_class->words) * CACHE_LINE;
        slab->words = (struct slab_word *)(void *)table;
        shared->remote = (_Atomic(uint64_t) *)(void *)(table + pairs);
    }
    chunk_set_kind(slab, CHUNK_SLAB);
    slab->class = (uint8_t) class;
    slab->chunks = (uint8_t)chunks;
    slab->capacity = (uint16_t)slab_whole_capacity(class, chunks);
    slab->zeroed = run.dirty == 0;
    slab->cursor = 0;
    slab->scan = 0;
    slab->fresh = 0;
    slab->queued = false;
}

static struct chunk *create(struct heap *owner, unsigned class) {
    const struct size_class *size_class = &size_classes[class];
    char *table = NULL;
    if (size_class->words > 1) {
        table = metadata_take(table_lines(size_class->words));
        if (table == NULL) {
            return NULL;
        }
    }
    unsigned char *notes = NULL;
    unsigned chunks = 1;
    struct run run = {0};
    if (owner->guard == NULL || (notes = take_notes(class)) != NULL) {
        run = take_memory(owner, class, &chunks);
    }
    if (run.address == 0) {
        give_notes(notes, class);
        if (table != NULL) {
            metadata_give(table, table_lines(size_class->words));
        }
        return NULL;
    }
    struct chunk *slab = chunk_of(run.address);
    describe(slab, class, chunks, run, table);
    if (run.dirty != 0 && slab_has_holes(slab)) {
        holes_fill(owner, slab);
    }
    slab->purged = 0;
    set_notes(slab, notes);
    if (notes != NULL && run.dirty == 0) {
        put_guard(owner, slab);
    }
    slab->live_before = slab->capacity;
    for (unsigned w = 0; w < size_class->words; w++) {
        atomic_store_explicit(&shared_of(slab)->remote[w], 0, memory_order_relaxed);
    }
    fill_words(slab, size_class->words);
    make_bodies(slab);
    slab_set_owner(slab, heap_distance_of(owner));
    chunks_watch();
    return slab;
}

struct chunk *slab_create(struct heap *owner, unsigned class) {
    if (likely(owner->shared == NULL)) {
        return create(owner, class);
    }
    if (!books_admit(owner->shared, 1)) {
        return NULL;
    }
    struct chunk *slab = create(owner, class);
    if (slab != NULL) {
        books_enter(owner->shared, slab);
    } else {
        books_dismiss(owner->shared, 1);
    }
    return slab;
}

static void look_at_resident(void *run, size_t bytes, bool is_resident, void *slab) {
    if (is_resident) {
        interceptor->memory_goes(slab, (uintptr_t)run, (uintptr_t)run + bytes);
    }
}

/* Pages of it that were given back are looked at only if somebody wrote to them since. */
static void look_at_memory(struct chunk *slab) {
    if (slab_has_holes(slab)) {
        page_runs_each((void *)slab->start, slab_bytes(slab), look_at_resident, slab);
    } else {
        interceptor->memory_goes(slab, slab->start, slab->start + slab_bytes(slab));
    }
}

void slab_release(struct heap *owner, struct chunk *slab) {
    const struct size_class *size_class = slab_class(slab);
    DCHECK(slab_is_empty(slab));
    if (unlikely(owner != NULL && owner->shared != NULL)) {
        books_remove(owner->shared, slab);
    }
    bool noted = slab->noted;
    if (noted) {
        look_at_memory(slab);
        chunks_lock(); /* who walks (walk.h) reads the notes of the slabs that it finds */
    }
    slab_set_owner(slab, OWNER_NONE);
    for (unsigned i = 0; i < slab->chunks; i++) {
        slab[i].reciprocal = 0; /* so that no address is the start of an object here */
        chunk_set_kind(&slab[i], CHUNK_RELEASED);
    }
    if (noted) {
        give_notes(notes_of(slab), slab->class);
        set_notes(slab, NULL);
        chunks_unlock();
    }
    if (size_class->words > 1) {
        metadata_give(slab->words, table_lines(size_class->words));
    }
    if (unlikely(has_guard(slab))) {
        CHECK(os_unguard(guard_page(slab), os_page_size()));
    }
    bool dirty = !slab->zeroed || slab->fresh > 0 || noted;
    if (dirty && slab->chunks == 1 && owner != NULL && has_spares(owner)) {
        spare_give(owner, slab->start);
    } else {
        chunks_give(slab->start, slab->chunks, dirty);
    }
}

SLOW_PATH void slab_report_twice(const struct chunk *slab, unsigned w, uint64_t twice) {
    size_t size = slab_class(slab)->size;
    uintptr_t object = slab->start + (w * 64 + lowest_bit(twice)) * size;
    report_finding(
        "free",
        &(struct finding){.what = FOUND_FREE, .address = object, .object = object, .size = size});
}

SLOW_PATH uint64_t slab_merge_remote(struct heap *owner, struct chunk *slab, unsigned w) {
    struct slab_word *word = &slab->words[w];
    uint64_t mine = owner_word_read(&word->freed);
    /* acquire: what the freeing threads wrote into the objects comes before their next use. */
    uint64_t freed = atomic_exchange_explicit(&shared_of(slab)->remote[w], 0, memory_order_acquire);
    uint64_t twice = freed & (mine | owner_word_read(&word->avail));
    if (unlikely(twice != 0)) {
        slab_report_twice(slab, w, twice);
        freed &= ~twice;
    }
    owner_word_write(&word->freed, mine | freed);
    owner->counters.remote_frees += count_bits(freed);
    return mine | freed;
}

unsigned slab_cut_handful(struct chunk *slab, unsigned keep) {
    struct slab_word *word = &slab->words[slab->cursor];
    uint64_t avail = owner_word_read(&word->avail);
    uint64_t kept = lowest_bits(avail, keep);
    uint64_t back = avail & ~kept;
    owner_word_write(&word->freed, owner_word_read(&word->freed) | back);
    owner_word_write(&word->avail, kept);
    return count_bits(back);
}

unsigned slab_live(const struct chunk *slab) {
    const struct size_class *size_class = slab_class(slab);
    unsigned live = 0;
    for (unsigned w = 0; w < size_class->words; w++) {
        live += count_bits(~slab_free_bits(slab, w) & slab_valid_bits(slab, w));
    }
    return live;
}
