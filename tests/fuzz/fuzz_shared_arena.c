/* Shared arenas under a fuzzer: two threads carry out half of the input's operations each, at the
 * same time, in one arena, from chunks of their own or the same.  Each has a model: its objects and
 * their contents, which no other object may overlap.  The memory below is limited, so that any of
 * them may fail. */
#include <cairn/shared_arena.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "core/threads.h"
#include "support/bytes.h"
#include "support/tight_allocator.h"

enum { HEAD = 2, OPERATION = 4, OBJECTS = 256, THREADS = 2, LIMIT_MOST = 64 << 20, ROUNDS = 2 };
enum { RESIZE = 1, LOOK = 2 }; /* all else allocates */

struct entry {
    unsigned char *object; /* NULL: none */
    size_t size, alignment;
    unsigned char stamp;
};

struct worker {
    struct cairn_shared_arena *arena;
    uint16_t thread_number; /* 0: its own */
    const uint8_t *operations;
    size_t count;
    unsigned char stamps; /* the last one; of two threads no two are the same */
    size_t bytes;         /* of all objects there are, as far as the entries know them */
    struct entry entries[OBJECTS];
};

static struct worker workers[THREADS];
static _Atomic(unsigned) waiting; /* of the workers: who is not there yet */
static struct tight_allocator tight;

static void require_stamped(const struct entry *entry, size_t size) {
    require_filled(entry->object, size, entry->stamp);
}

static void stamp(struct worker *worker, struct entry *entry, size_t size) {
    REQUIRE((uintptr_t)entry->object % entry->alignment == 0);
    worker->stamps = (unsigned char)(worker->stamps + THREADS);
    entry->stamp = worker->stamps;
    memset(entry->object, entry->stamp, size);
    entry->size = size;
    worker->bytes += size;
}

static void allocate(struct worker *worker, struct entry *entry, size_t size, size_t alignment) {
    if (entry->object != NULL) {
        require_stamped(entry, entry->size); /* what was there is given up, and stays */
    }
    unsigned char *object = cairn_shared_arena_allocate(worker->arena, size, alignment);
    if (object != NULL) {
        worker->bytes -= entry->size;
        *entry = (struct entry){.object = object, .alignment = alignment};
        stamp(worker, entry, size);
    }
}

static void resize(struct worker *worker, struct entry *entry, size_t size) {
    size_t alignment = entry->object == NULL ? 8 : entry->alignment;
    unsigned char *object =
        cairn_shared_arena_resize(worker->arena, entry->object, entry->size, size, alignment);
    if (size == 0 && entry->object != NULL) {
        REQUIRE(object == NULL);
        worker->bytes -= entry->size;
        entry->object = NULL;
        entry->size = 0;
    } else if (object == NULL) {
        require_stamped(entry, entry->size);
    } else {
        size_t kept = entry->size < size ? entry->size : size;
        worker->bytes -= entry->size;
        entry->object = object;
        entry->alignment = alignment;
        require_stamped(entry, kept);
        stamp(worker, entry, size);
    }
}

static void look(const struct worker *worker) {
    struct cairn_arena_figures figures = cairn_shared_arena_statistics(worker->arena);
    REQUIRE(figures.peak >= figures.used);
    for (size_t i = 0; i < OBJECTS; i++) {
        require_stamped(&worker->entries[i], worker->entries[i].size);
    }
}

static void *work(void *argument) {
    struct worker *worker = argument;
    if (worker->thread_number != 0) {
        thread_traits.number = worker->thread_number;
    }
    waiting--;
    while (waiting != 0) {
        (void)sched_yield();
    }
    for (size_t i = 0; i < worker->count; i++) {
        const uint8_t *operation = worker->operations + i * OPERATION;
        struct entry *entry = &worker->entries[operation[1]];
        size_t size = (size_t)operation[2] << operation[3] % 10;
        switch (operation[0] % 8) {
        case LOOK:
            look(worker);
            break;
        case RESIZE:
            resize(worker, entry, size);
            break;
        default:
            allocate(worker, entry, size, (size_t)1 << operation[3] / 16 % 13);
            break;
        }
    }
    return NULL;
}

/* Both at once; then what they made must be there, and the figures exact. */
static void run(struct cairn_shared_arena *arena, bool in_one_slot, const uint8_t *data,
                size_t count) {
    pthread_t threads[THREADS];
    size_t bytes = 0;
    memset(workers, 0, sizeof workers);
    waiting = THREADS;
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].arena = arena;
        workers[i].thread_number = in_one_slot ? 1 : 0;
        workers[i].operations = data + i * (count / THREADS) * OPERATION;
        workers[i].count = count / THREADS;
        workers[i].stamps = (unsigned char)i;
    }
    for (size_t i = 0; i < THREADS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        look(&workers[i]);
        bytes += workers[i].bytes;
    }
    struct cairn_arena_figures figures = cairn_shared_arena_statistics(arena);
    REQUIRE(figures.used >= bytes && figures.reserved == tight.used);
    REQUIRE(figures.used + figures.wasted <= figures.reserved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The second round after a reset, in the memory of the first. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < HEAD) {
        return 0;
    }
    size_t limit = (data[0] & 1) != 0 ? (size_t)(data[1] + 1) << 12 : LIMIT_MOST;
    tight = (struct tight_allocator){.limit = limit};
    const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
    struct cairn_shared_arena arena;
    cairn_shared_arena_init(&arena, "fuzzed", &allocator);
    size_t count = (size - HEAD) / OPERATION / ROUNDS;
    for (size_t round = 0; round < ROUNDS; round++) {
        run(&arena, (data[0] & 2) != 0, data + HEAD + round * count * OPERATION, count);
        cairn_shared_arena_reset(&arena);
        struct cairn_arena_figures figures = cairn_shared_arena_statistics(&arena);
        REQUIRE(figures.used == 0 && figures.wasted == 0 && figures.reserved == tight.used);
    }
    cairn_shared_arena_destroy(&arena);
    REQUIRE(tight.used == 0 && tight.objects == 0);
    return 0;
}
