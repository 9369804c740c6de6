#include "core/batch.h"

#include "core/fast.h"
#include "core/interceptor.h"
#include "core/remote.h"
#include "core/report.h"
#include "core/sampling.h"

/* --- allocating ------------------------------------------------------------------------------- */

/* The set bits follow each other: adding the lowest one carries past all of them. */
static bool is_one_run(uint64_t word) { return ((word + (word & -word)) & word) == 0; }

/* Addresses in steps of `size`, two to a store. */
static void write_row(void **pointers, uintptr_t object, size_t size, unsigned count) {
    typedef uintptr_t pair __attribute__((vector_size(16), aligned(8), may_alias));
    pair two = {object, object + size};
    unsigned i = 0;
    for (; i + 2 <= count; i += 2) {
        *(pair *)(void *)(pointers + i) = two;
        two += 2 * size;
    }
    if (i < count) {
        pointers[i] = (void *)two[0];
    }
}

/* The objects of word avail, `most` at most, into pointers[]; returns those that are left.  Two
 * loops, as the first has no bits to look for, and the second is no slower than malloc where the
 * free objects lie scattered. */
static uint64_t take_word(const struct bin *bin, uint64_t avail, void **pointers, unsigned most) {
    if (is_one_run(avail)) {
        unsigned first = lowest_bit(avail);
        uintptr_t object = bin->base + (uintptr_t)first * bin->size;
        write_row(pointers, object, bin->size, most);
        return avail & ~(low_mask(most) << first);
    }
    for (unsigned i = 0; i < most; i++) {
        pointers[i] = (void *)(bin->base + (uintptr_t)lowest_bit(avail) * bin->size);
        avail &= avail - 1;
    }
    return avail;
}

static unsigned least(size_t a, unsigned b) { return a < b ? (unsigned)a : b; }

/* Up to `most` of the objects in the bin's word; returns how many. */
static size_t take_ready(const struct bin *bin, void **pointers, size_t most) {
    uint64_t avail = owner_word_read(bin->avail);
    if (avail == 0) {
        return 0; /* the word may be no_objects, which nobody writes */
    }
    unsigned count = least(most, count_bits(avail));
    owner_word_write(bin->avail, take_word(bin, avail, pointers, count));
    return count;
}

/* The bin gets what else is free of the word that it is at, as much as the batch wants, which takes
 * it at once.  A handful is for a program that uses one object before it takes the next; a batch is
 * spared the refills between.  Not where what is handed out is somebody's business: an
 * interceptor's, or that of samples. */
static void widen_handful(unsigned class, size_t wanted) {
    if (size_classes[class].handful == 64 || heap_distance == 0 || interceptor != NULL ||
        sampling_is_on()) {
        return;
    }
    struct bin *bin = &heap_self()->bins[class];
    struct chunk *slab = heap_self()->queues[class].current;
    struct slab_word *word = &slab->words[slab->cursor];
    uint64_t free = owner_word_read(&word->freed) & slab_valid_bits(slab, slab->cursor);
    uint64_t avail = owner_word_read(&word->avail);
    if (free == 0 || wanted <= count_bits(avail)) {
        return;
    }
    uint64_t more = lowest_bits(free, least(wanted - count_bits(avail), 64));
    unsigned end = slab->cursor * 64u + 64 - (unsigned)__builtin_clzll(more);
    slab->fresh = end > slab->fresh ? (uint16_t)end : slab->fresh;
    bin->handed += count_bits(more);
    /* In this order an object is free in one of the two words at every instant. */
    owner_word_write(&word->avail, avail | more);
    owner_word_write(&word->freed, owner_word_read(&word->freed) & ~more);
}

size_t batch_allocate(size_t size, size_t count, void **pointers) {
    size_t done = 0;
    while (done < count) {
        if (size <= SLAB_MAX) {
            done += take_ready(bin_for(size), pointers + done, count - done);
        }
        if (done < count) {
            void *object = allocate_slow(size); /* and the bin has more, if it is of a bin */
            if (object == NULL) {
                break;
            }
            pointers[done++] = object;
            if (size <= SLAB_MAX) {
                widen_handful(class_of(size), count - done);
            }
        }
    }
    return done;
}

/* --- freeing ---------------------------------------------------------------------------------- */

/* How many pointers follow each other as objects of `size` bytes do, `most` at most. */
static unsigned neighbours(void *const *pointers, size_t most, size_t size) {
    unsigned count = 1;
    uintptr_t next = (uintptr_t)pointers[0] + size;
    while (count < most && (uintptr_t)pointers[count] == next) {
        next += size;
        count++;
    }
    return count;
}

static _Noreturn void report_twice(const char *function, const struct chunk *slab, unsigned w,
                                   uint64_t twice) {
    size_t size = slab_class(slab)->size;
    uintptr_t object = slab->start + (w * 64 + lowest_bit(twice)) * size;
    report_bad_pointer(
        function,
        &(struct finding){.what = FOUND_FREE, .address = object, .object = object, .size = size});
}

/* An object of a slab, and those that follow it in the array as in memory and have their bits in
 * the same word: which word and bits.  At least one. */
struct row {
    unsigned w;
    uint64_t objects;
};

static struct row row_of(const struct chunk *slab, uint64_t index, void *const *pointers,
                         size_t count) {
    const struct size_class *size_class = slab_class(slab);
    size_t most = 64 - index % 64;
    most = most < slab->capacity - index ? most : slab->capacity - index;
    most = most < count ? most : count;
    unsigned length = neighbours(pointers, most, size_class->size);
    return (struct row){(unsigned)(index / 64), low_mask(length) << (index % 64)};
}

/* Frees a row of a slab of the caller's, whose first object is `pointer`. */
static size_t free_row(const char *function, struct chunk *slab, struct row row, void *pointer) {
    struct slab_word *word = &slab->words[row.w];
    uint64_t freed = owner_word_read(&word->freed);
    uint64_t twice = row.objects & (freed | owner_word_read(&word->avail));
    if (unlikely(twice != 0)) {
        report_twice(function, slab, row.w, twice);
    }
    freed |= row.objects;
    owner_word_write(&word->freed, freed);
    if (unlikely(freed == ~UINT64_C(0))) {
        free_emptied(pointer);
    }
    return count_bits(row.objects);
}

/* Frees a row of a slab of another thread's; 0: it is none, but one of the caller's that is full,
 * or a first-class heap's, or the interceptor's business. */
static size_t free_remotely(const char *function, void *const *pointers, size_t count) {
    uintptr_t address = (uintptr_t)pointers[0];
    struct chunk *slab = slab_of_chunk(chunk_of(address));
    if (slab == NULL) {
        return 0;
    }
    uintptr_t owner = chunk_owner(slab);
    if (owner_heap(owner) == heap_distance || shared_heap_of_owner(owner) != NULL ||
        interceptor != NULL) {
        return 0;
    }
    bool exact;
    uint64_t index = object_index(slab, address, &exact);
    if (!exact || index >= slab->capacity) {
        return 0;
    }
    struct row row = row_of(slab, index, pointers, count);
    uint64_t twice = remote_free_objects(slab, row.w, row.objects);
    if (unlikely(twice != 0)) {
        report_twice(function, slab, row.w, twice);
    }
    return count_bits(row.objects);
}

/* The size of the latest object's class, so that it is not looked up for each. */
struct step {
    unsigned class;
    size_t size;
};

static inline bool is_neighbour(const struct chunk *slab, void *const *pointers,
                                struct step *step) {
    if (unlikely(slab->class != step->class)) {
        *step = (struct step){slab->class, slab_class(slab)->size};
    }
    return (uintptr_t)pointers[1] - (uintptr_t)pointers[0] == step->size;
}

/* Frees the first object, with its neighbours where there are any, else as free's fast path does.
 * Returns how many; 0: that is for the slow path. */
static inline size_t free_some(const char *function, void *const *pointers, size_t count,
                               struct step *step) {
    uintptr_t address = (uintptr_t)pointers[0];
    if (unlikely(!address_is_mappable(address))) {
        return 0;
    }
    struct chunk *slab = chunk_of(address);
    if (unlikely(chunk_owner(slab) != heap_distance)) {
        return free_remotely(function, pointers, count);
    }
    bool exact;
    uint64_t index = object_index(slab, address, &exact);
    if (unlikely(!exact)) {
        return 0;
    }
    if (count > 1 && is_neighbour(slab, pointers, step) && index < slab->capacity) {
        struct row row = row_of(slab, index, pointers, count);
        return free_row(function, slab, row, pointers[0]);
    }
    enum freed freed = slab_free_object(slab, index);
    if (unlikely(freed == FREED_ALL_OF_WORD)) {
        free_emptied(pointers[0]);
    }
    return freed == FREED_TWICE ? 0 : 1;
}

void batch_free(const char *function, void *const *pointers, size_t count) {
    struct step step = {CLASS_COUNT, 0};
    for (size_t done = 0; done < count;) {
        size_t freed = free_some(function, pointers + done, count - done, &step);
        if (unlikely(freed == 0)) {
            free_slow(function, pointers[done]);
            freed = 1;
        }
        done += freed;
    }
}
