/*
 * grow: how far a program gets under a limit.
 *
 * Two threads allocate and write, sizes of 16 to 2000 bytes and one in 200 of
 * 64 to 256 KiB, until malloc says no to each of them or the most that was
 * allowed is live. It reports at every MB, so that the figure is there even if
 * the end is not its own.
 *
 * grow [-r FD] [MB at most]
 */
#include "memory_util.h"

enum { THREADS = 2, ONE_IN = 200, LARGE_LOW = 64 << 10, LARGE_HIGH = 256 << 10 };

/* Objects hang in a list: a table would come from the same limit. */
struct link {
    struct link *next;
};

static struct link *lists[THREADS];
static struct rng rngs[THREADS];
static size_t most;
static _Atomic size_t live;

static void exhaust(size_t member) {
    for (;;) {
        struct rng *rng = &rngs[member];
        size_t size = rng_below(rng, ONE_IN) == 0 ? rng_between(rng, LARGE_LOW, LARGE_HIGH)
                                                  : rng_between(rng, SMALLEST, LARGEST);
        struct link *link = malloc(size);
        if (link == NULL) {
            return;
        }
        memset(link, 1, size);
        link->next = lists[member];
        lists[member] = link;
        size_t before = atomic_fetch_add(&live, size);
        if (before / MB != (before + size) / MB) {
            report("grow", before + size);
        }
        if (before >= most) {
            return;
        }
    }
}

static void release(size_t member) {
    for (struct link *next, *link = lists[member]; link != NULL; link = next) {
        next = link->next;
        free(link);
    }
}

int main(int argc, char **argv) {
    report_to_option(&argc, &argv);
    most = (size_t)bench_param(argc, argv, 1, 2000) * MB;
    for (size_t i = 0; i < THREADS; i++) {
        rngs[i].state = i;
    }
    crew_start(THREADS);
    report_and_rest("start", 0, REST_MS);
    crew_do(exhaust);
    report_and_rest("full", live, REST_MS);
    report("end", live);
    crew_do(release);
    crew_end();
    return bench_finish(0);
}
