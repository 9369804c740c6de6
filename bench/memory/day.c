/*
 * day: a day in a server's life, compressed.
 *
 * Four shards hold sessions (a list of objects of 32 to 4096 bytes, at times a
 * buffer of 16 KiB) and a cache (64 to 2048 bytes, long-lived), and answer
 * requests (short-lived objects to 8 KiB). The number of sessions follows the
 * hour: few at night, most at noon. In the afternoon a job of its own thread
 * builds an index of many small objects and a large growing array, and drops
 * both. Threads come and go: each shard passes to a new thread twice a second,
 * and a short thread in every tick leaves messages that the shards free.
 *
 * The work of a tick of 10 ms is fixed and small, and what time is left is slept:
 * under every allocator the same bytes are live at the same time of the day.
 *
 * day [-r FD] [seconds] [MB of sessions at noon]
 */
#include "memory_util.h"

enum { TICK_MS = 10, SHARDS = 4, SHIFT_TICKS = 50 /* for which a thread has a shard */ };

/* Sessions: their objects, sizes by rng_size; on the average 840 bytes for each object. */
enum { PARTS = 24, PART_LOW = 32, PART_HIGH = 4096, BUFFER = 16384, BUFFER_ONE_IN = 4 };
enum { SESSION_BYTES = PARTS * 840 + BUFFER / BUFFER_ONE_IN };
enum { TURNOVER = 50 }; /* one session in so many ends in a tick */

/* Of a shard: objects of the cache, requests in a tick at full load and what one allocates. */
enum { CACHED = 4000, CACHE_LOW = 64, CACHE_HIGH = 2048 };
enum { REQUESTS = 10, REQUEST_OBJECTS = 40, REQUEST_HIGH = 8192 };

/* What a short thread leaves, and what the job of the afternoon builds for each MB at noon. */
enum { MESSAGES = 8, JOB_STEPS = 40, JOB_OBJECTS = 1000, JOB_HIGH = 256, JOB_ARRAY = MB / 8 };

/* The load in per cent at parts of the day in per cent; linear in between. */
static const struct {
    long time, load;
} hours[] = {{0, 15}, {15, 15}, {35, 100}, {45, 85}, {55, 100}, {70, 60}, {78, 20}, {100, 15}};
enum { JOB_FROM = 60, NIGHT = 80 };

struct part {
    struct part *next;
    size_t size;
};

struct shard {
    _Alignas(128) struct rng rng;
    struct part **sessions;
    size_t session_count;
    struct slots cache;
    uint64_t freed;
    _Atomic int64_t live;
    pthread_mutex_t lock; /* of messages */
    struct part *messages;
};

/* A thread's part of the work: a shard from one tick to another. */
struct shift {
    struct shard *shard;
    long from, to;
};

static struct shard shards[SHARDS];
static size_t megabytes;
static size_t most_sessions; /* of a shard */
static long ticks;
static int64_t day_start;
static _Atomic int64_t live_elsewhere; /* in messages and the job */
static pthread_t job;

static int64_t tick_ns(long tick) { return day_start + (int64_t)tick * TICK_MS * 1000000; }

static size_t load_at(long tick) {
    long time = tick * 100 / ticks;
    size_t i = 1;
    while (hours[i].time < time) {
        i++;
    }
    long span = hours[i].time - hours[i - 1].time, rise = hours[i].load - hours[i - 1].load;
    return (size_t)(hours[i - 1].load + rise * (time - hours[i - 1].time) / span);
}

/* --- parts: objects in a list ----------------------------------------------------------------- */

static struct part *part_make(size_t size, struct part *next) {
    struct part *part = bench_alloc(size);
    memset(part, (int)(size & 0xff), size);
    part->next = next;
    part->size = size;
    return part;
}

/* Frees a list; returns its bytes. */
static size_t parts_drop(struct part *part) {
    size_t bytes = 0;
    while (part != NULL) {
        struct part *next = part->next;
        if (((unsigned char *)part)[part->size - 1] != (unsigned char)part->size) {
            bench_fail("an object was overwritten");
        }
        bytes += part->size;
        free(part);
        part = next;
    }
    return bytes;
}

/* --- what a shard does in a tick -------------------------------------------------------------- */

static void account(struct shard *shard, int64_t bytes) {
    atomic_fetch_add_explicit(&shard->live, bytes, memory_order_relaxed);
}

static void session_open(struct shard *shard) {
    struct part *session = NULL;
    int64_t bytes = 0;
    if (rng_below(&shard->rng, BUFFER_ONE_IN) == 0) {
        session = part_make(BUFFER, NULL);
        bytes += BUFFER;
    }
    for (size_t i = 0; i < PARTS; i++) {
        session = part_make(rng_size(&shard->rng, PART_LOW, PART_HIGH), session);
        bytes += (int64_t)session->size;
    }
    shard->sessions[shard->session_count++] = session;
    account(shard, bytes);
}

static void session_close(struct shard *shard) {
    size_t chosen = rng_below(&shard->rng, shard->session_count);
    size_t bytes = parts_drop(shard->sessions[chosen]);
    shard->sessions[chosen] = shard->sessions[--shard->session_count];
    shard->freed += bytes;
    account(shard, -(int64_t)bytes);
}

static void request(struct shard *shard) {
    struct part *parts = NULL;
    for (size_t i = 0; i < REQUEST_OBJECTS; i++) {
        parts = part_make(rng_size(&shard->rng, PART_LOW, REQUEST_HIGH), parts);
    }
    struct slots *cache = &shard->cache;
    size_t before = cache->live, chosen = rng_below(&shard->rng, CACHED);
    slot_empty(cache, chosen);
    slot_fill(cache, chosen, rng_size(&shard->rng, CACHE_LOW, CACHE_HIGH));
    account(shard, (int64_t)cache->live - (int64_t)before);
    shard->freed += parts_drop(parts);
}

static void read_messages(struct shard *shard) {
    pthread_mutex_lock(&shard->lock);
    struct part *messages = shard->messages;
    shard->messages = NULL;
    pthread_mutex_unlock(&shard->lock);
    size_t bytes = parts_drop(messages);
    shard->freed += bytes;
    atomic_fetch_sub(&live_elsewhere, (int64_t)bytes);
}

static void shard_tick(struct shard *shard, size_t load) {
    size_t wanted = most_sessions * load / 100;
    for (size_t i = shard->session_count / TURNOVER; i > 0; i--) {
        session_close(shard);
    }
    while (shard->session_count > wanted) {
        session_close(shard);
    }
    while (shard->session_count < wanted) {
        session_open(shard);
    }
    for (size_t i = 0; i < REQUESTS * load / 100; i++) {
        request(shard);
    }
    read_messages(shard);
}

static void *work_shift(void *argument) {
    const struct shift *shift = argument;
    for (long tick = shift->from; tick < shift->to; tick++) {
        shard_tick(shift->shard, load_at(tick));
        sleep_until_ns(tick_ns(tick + 1));
    }
    return NULL;
}

/* --- threads besides the shards' -------------------------------------------------------------- */

static void *short_thread(void *argument) {
    struct rng rng = {(uint64_t) * (long *)argument};
    for (size_t i = 0; i < MESSAGES; i++) {
        struct part *scratch = part_make(rng_size(&rng, PART_LOW, REQUEST_HIGH), NULL);
        struct shard *shard = &shards[rng_below(&rng, SHARDS)];
        size_t size = rng_size(&rng, PART_LOW, PART_HIGH);
        atomic_fetch_add(&live_elsewhere, (int64_t)size);
        pthread_mutex_lock(&shard->lock);
        shard->messages = part_make(size, shard->messages);
        pthread_mutex_unlock(&shard->lock);
        (void)parts_drop(scratch);
    }
    return NULL;
}

/* From JOB_FROM on, for a tenth of the day. */
static void *job_thread(void *argument) {
    const int64_t start = tick_ns(ticks * JOB_FROM / 100);
    const int64_t step_ns = (tick_ns(ticks) - day_start) / 10 / JOB_STEPS;
    struct rng rng = {1};
    struct part *index = NULL;
    unsigned char *array = NULL;
    int64_t total = 0;
    (void)argument;
    for (size_t step = 1; step <= JOB_STEPS; step++) {
        int64_t before = total;
        for (size_t i = 0; i < megabytes * JOB_OBJECTS / JOB_STEPS; i++) {
            index = part_make(rng_size(&rng, PART_LOW, JOB_HIGH), index);
            total += (int64_t)index->size;
        }
        size_t bytes = megabytes * JOB_ARRAY / JOB_STEPS;
        array = bench_realloc(array, step * bytes);
        memset(array + (step - 1) * bytes, 1, bytes);
        total += (int64_t)bytes;
        atomic_fetch_add(&live_elsewhere, total - before);
        sleep_until_ns(start + (int64_t)step * step_ns);
    }
    parts_drop(index);
    free(array);
    atomic_fetch_sub(&live_elsewhere, total);
    return NULL;
}

/* --- the day ---------------------------------------------------------------------------------- */

static size_t live_now(void) {
    int64_t live = live_elsewhere;
    for (size_t i = 0; i < SHARDS; i++) {
        live += shards[i].live;
    }
    return (size_t)live;
}

static pthread_t begin(void *(*body)(void *), void *argument) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, argument) != 0) {
        bench_fail("pthread_create");
    }
    return thread;
}

/* Until the next change of shifts: one short thread in each tick. */
static void pass_ticks(long from, long to) {
    for (long tick = from; tick < to; tick++) {
        report(tick * 100 / ticks >= NIGHT ? "night" : "day", live_now());
        pthread_join(begin(short_thread, &tick), NULL);
        if (tick == ticks * JOB_FROM / 100) {
            job = begin(job_thread, NULL);
        }
        sleep_until_ns(tick_ns(tick + 1));
    }
}

static void live_through(void) {
    struct shift shifts[SHARDS];
    pthread_t workers[SHARDS];
    day_start = now_ns();
    for (long tick = 0; tick < ticks; tick += SHIFT_TICKS) {
        long end = tick + SHIFT_TICKS < ticks ? tick + SHIFT_TICKS : ticks;
        for (size_t i = 0; i < SHARDS; i++) {
            shifts[i] = (struct shift){&shards[i], tick, end};
            workers[i] = begin(work_shift, &shifts[i]);
        }
        pass_ticks(tick, end);
        for (size_t i = 0; i < SHARDS; i++) {
            pthread_join(workers[i], NULL);
        }
    }
    pthread_join(job, NULL);
}

int main(int argc, char **argv) {
    report_to_option(&argc, &argv);
    long seconds = bench_param(argc, argv, 1, 20);
    megabytes = (size_t)bench_param(argc, argv, 2, 200);
    ticks = seconds * 1000 / TICK_MS;
    most_sessions = megabytes * MB / SESSION_BYTES / SHARDS;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &shards[i];
        shard->rng.state = i;
        shard->sessions = table(most_sessions, sizeof *shard->sessions);
        shard->cache = slots_make(CACHED, i + SHARDS);
        pthread_mutex_init(&shard->lock, NULL);
    }
    report_and_rest("start", 0, REST_MS);
    live_through();
    report_and_rest("night", live_now(), REST_MS);
    report("end", live_now());
    uint64_t checksum = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &shards[i];
        read_messages(shard);
        while (shard->session_count > 0) {
            session_close(shard);
        }
        slots_thin(&shard->cache, 0);
        checksum += shard->freed + shard->cache.freed_stamps;
    }
    return bench_finish(checksum);
}
