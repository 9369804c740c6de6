/*
 * What the programs share whose resident memory is watched over time.
 *
 * Such a program goes through phases and says when one begins, and how many
 * bytes it has asked for and not freed: one line "TIME LIVE PHASE" on the file
 * descriptor that its option -r names. Around what is looked at it rests, so
 * that a sample falls into each phase. Its own tables are mapped and touched
 * before the first phase, "start": all that is resident beyond what was then is
 * the allocator's doing.
 */
#ifndef BENCH_MEMORY_UTIL_H
#define BENCH_MEMORY_UTIL_H

#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../clock.h"
#include "../workloads/bench_util.h"

/* MB are a million bytes; MEAN is that of sizes from SMALLEST to LARGEST. */
enum { MB = 1000000, SMALLEST = 16, LARGEST = 2000, MEAN = (SMALLEST + LARGEST) / 2 };
enum { REST_MS = 60, STRIDE = 4096 /* the smallest page there is */ };

static int report_descriptor = -1;

/* Takes the option -r DESCRIPTOR off the command line. */
static inline void report_to_option(int *argc, char ***argv) {
    if (*argc > 2 && strcmp((*argv)[1], "-r") == 0) {
        report_descriptor = (int)bench_param(*argc, *argv, 2, 0);
        (*argv)[2] = (*argv)[0];
        *argv += 2;
        *argc -= 2;
    }
}

/* One write for a line: threads may report at the same time. */
static inline void report(const char *phase, size_t live) {
    char line[128];
    int length = snprintf(line, sizeof line, "%lld %zu %s\n", (long long)now_ns(), live, phase);
    if (report_descriptor >= 0 && write(report_descriptor, line, (size_t)length) != length) {
        bench_fail("cannot report");
    }
}

/* Memory of the program itself, zeroed and resident. */
static inline void *table(size_t count, size_t size) {
    void *memory = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) {
        bench_fail("mmap");
    }
    return memory;
}

/* --- slots: places for objects, on the calling thread's account ------------------------------- */

struct slot {
    void *object; /* NULL: empty */
    size_t size;
};

/* What one thread has; `live` is the bytes asked for. No two threads write to one cache line. */
struct slots {
    _Alignas(128) struct slot *slot;
    size_t count;
    size_t live;
    uint64_t freed_stamps;
    struct rng rng;
};

static inline struct slots slots_make(size_t count, uint64_t seed) {
    return (struct slots){table(count, sizeof(struct slot)), count, 0, 0, {seed}};
}

static inline void slot_fill(struct slots *slots, size_t i, size_t size) {
    struct slot *slot = &slots->slot[i];
    slot->object = stamped_alloc(size, rng_next(&slots->rng));
    /* Every page is written to, so that what is live is resident. */
    for (size_t at = STRIDE; at < size - 1; at += STRIDE) {
        ((unsigned char *)slot->object)[at] = 1;
    }
    slot->size = size;
    slots->live += size;
}

static inline void slot_empty(struct slots *slots, size_t i) {
    struct slot *slot = &slots->slot[i];
    if (slot->object != NULL) {
        slots->freed_stamps += stamp_of(slot->object);
        stamped_free(slot->object, slot->size);
        slots->live -= slot->size;
        slot->object = NULL;
    }
}

/* Fills all that are empty. */
static inline void slots_fill(struct slots *slots) {
    for (size_t i = 0; i < slots->count; i++) {
        if (slots->slot[i].object == NULL) {
            slot_fill(slots, i, rng_between(&slots->rng, SMALLEST, LARGEST));
        }
    }
}

/* Empties all but, at random, one in `survivors`; 0: all. */
static inline void slots_thin(struct slots *slots, size_t survivors) {
    for (size_t i = 0; i < slots->count; i++) {
        if (survivors == 0 || rng_below(&slots->rng, survivors) != 0) {
            slot_empty(slots, i);
        }
    }
}

static inline void slots_shuffle(struct slots *slots) {
    for (size_t i = slots->count - 1; i > 0; i--) {
        size_t k = rng_below(&slots->rng, i + 1);
        struct slot other = slots->slot[k];
        slots->slot[k] = slots->slot[i];
        slots->slot[i] = other;
    }
}

/* --- a crew: threads that take one step at a time, when told to, and stay --------------------- */

enum { MOST_MEMBERS = 256 };

struct crew {
    size_t count;
    void (*step)(size_t member); /* NULL: end */
    pthread_barrier_t told, done;
    pthread_t threads[MOST_MEMBERS];
};

static struct crew crew;

static inline void *crew_member(void *number) {
    for (;;) {
        pthread_barrier_wait(&crew.told);
        if (crew.step == NULL) {
            return NULL;
        }
        crew.step((size_t)number);
        pthread_barrier_wait(&crew.done);
    }
}

/* Every member takes the step; returns when all have. */
static inline void crew_do(void (*step)(size_t member)) {
    crew.step = step;
    pthread_barrier_wait(&crew.told);
    pthread_barrier_wait(&crew.done);
}

static inline void crew_nothing(size_t member) { (void)member; }

/* Returns when all of them run, and have touched their stacks. */
static inline void crew_start(size_t count) {
    if (count > MOST_MEMBERS) {
        bench_fail("too many threads");
    }
    crew.count = count;
    pthread_barrier_init(&crew.told, NULL, (unsigned)count + 1);
    pthread_barrier_init(&crew.done, NULL, (unsigned)count + 1);
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&crew.threads[i], NULL, crew_member, (void *)i) != 0) {
            bench_fail("pthread_create");
        }
    }
    crew_do(crew_nothing);
}

static inline void crew_end(void) {
    crew.step = NULL;
    pthread_barrier_wait(&crew.told);
    for (size_t i = 0; i < crew.count; i++) {
        pthread_join(crew.threads[i], NULL);
    }
}

/* --- slots of a crew -------------------------------------------------------------------------- */

static struct slots crew_slots[MOST_MEMBERS];

static inline void crew_slots_make(size_t count_each) {
    for (size_t i = 0; i < crew.count; i++) {
        crew_slots[i] = slots_make(count_each, i);
    }
}

static inline size_t crew_live(void) {
    size_t live = 0;
    for (size_t i = 0; i < crew.count; i++) {
        live += crew_slots[i].live;
    }
    return live;
}

static inline void crew_fill_step(size_t member) { slots_fill(&crew_slots[member]); }
static inline void crew_empty_step(size_t member) { slots_thin(&crew_slots[member], 0); }

/* Empties what is left, ends the crew and the program. */
static inline int crew_finish(void) {
    crew_do(crew_empty_step);
    crew_end();
    uint64_t checksum = 0;
    for (size_t i = 0; i < crew.count; i++) {
        checksum += crew_slots[i].freed_stamps;
    }
    return bench_finish(checksum);
}

/* A phase in which nothing happens. */
static inline void report_and_rest(const char *phase, size_t live, long ms) {
    report(phase, live);
    sleep_ms(ms);
}

#endif
