// Statistics against the kernel's own count, in programs of several shapes; called from a signal
// handler; and the forms of the text functions.  Linked with the library.
//     front_stats              tests
//     front_stats json         makes a heap of some variety and prints the text
//     front_stats openmetrics
#include <cairn/cairn.h>
#include <cairn/stats.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "support/kernel_count.h"
#include "support/testkit.h"

// --- what the kernel says ----------------------------------------------------------------------

static struct cairn_heap_stats compare(const char *shape) {
    static struct cairn_heap_stats s;
    (void)ask_kernel(); // so that neither takes more memory when it counts
    cairn_stats(&s, sizeof s);
    cairn_stats(&s, sizeof s);
    struct kernel_count kernel = ask_kernel();
    const char *wrong = wrong_sum(&s);
    if (wrong != NULL || s.transit_bytes != 0) {
        FAIL("%s: the sums do not hold: %s", shape, wrong != NULL ? wrong : "memory in transit");
    }
    if (!is_close(s.heap_resident_bytes, kernel.heap)) {
        FAIL("%s: resident in the heap: %zu here, %zu as the kernel counts", shape,
             (size_t)s.heap_resident_bytes, kernel.heap);
    }
    if (!is_close(s.resident_bytes, kernel.process)) {
        FAIL("%s: resident in all: %zu here, %zu as the kernel counts", shape,
             (size_t)s.resident_bytes, kernel.process);
    }
    return s;
}

// --- shapes ------------------------------------------------------------------------------------

enum { COUNT = 200000 };
static char *object[COUNT];

static void take(size_t i, size_t size, bool touch) {
    object[i] = malloc(size);
    EXPECT(object[i] != NULL);
    if (touch) {
        memset(object[i], 1, size);
    }
}

static void give(size_t i) {
    free(object[i]);
    object[i] = NULL;
}

static size_t mixed_size(uint64_t *random) {
    uint64_t r = random_next(random);
    return (r >> 8) % (r % 64 == 0 ? 60000 : r % 8 == 0 ? 4000 : 300);
}

static void small_objects(void) {
    for (size_t i = 0; i < COUNT; i++) {
        take(i, 48, true);
    }
    struct cairn_heap_stats s = compare("small objects");
    EXPECT(s.live_resident_bytes >= (size_t)COUNT * 48);
    EXPECT(s.fragmentation_bytes + s.cached_bytes < s.live_resident_bytes / 8);
}

static void survivors(void) {
    for (size_t i = 0; i < COUNT; i++) {
        take(i, 200, true);
    }
    for (size_t i = 0; i < COUNT; i++) {
        if (i % 64 != 0) {
            give(i);
        }
    }
    struct cairn_heap_stats s = compare("one survivor in 64");
    EXPECT(s.fragmentation_bytes + s.cached_bytes > 5 * s.live_resident_bytes);
    (void)cairn_purge();
    struct cairn_heap_stats after = compare("one survivor in 64, purged");
    EXPECT(after.heap_resident_bytes < s.heap_resident_bytes);
    EXPECT(after.kept_bytes[CAIRN_HOLE] < 64 * KIB && after.kept_bytes[CAIRN_DIRTY] == 0);
    EXPECT(after.live_objects == s.live_objects);
}

static void mixed_lifetimes(void) {
    uint64_t random = 11;
    for (size_t i = 0; i < 1000000; i++) {
        size_t slot = random_next(&random) % 20000;
        give(slot);
        take(slot, mixed_size(&random), true);
    }
    (void)compare("mixed sizes and lifetimes");
    for (size_t i = 0; i < 20000; i++) {
        give(i);
    }
    struct cairn_heap_stats s = compare("mixed sizes, all freed");
    EXPECT(s.live_bytes < 64 * KIB);
    (void)cairn_purge();
    s = compare("mixed sizes, all freed and purged");
    EXPECT(s.heap_resident_bytes < 1 * MIB);
}

// Half of a page in two is touched, of large objects; of small ones none.
static void untouched(void) {
    char *large = calloc(1, 64 * MIB);
    EXPECT(large != NULL);
    for (size_t at = 0; at < 64 * MIB; at += 8 * KIB) {
        large[at] = 1;
    }
    for (size_t i = 0; i < 10000; i++) {
        take(i, 16000, false);
    }
    struct cairn_heap_stats s = compare("memory that is not touched");
    EXPECT(s.live_bytes >= 64 * MIB + (size_t)10000 * 16000);
    free(large);
}

static void resized(void) {
    for (size_t size = 1000; size < 50 * MIB; size += size / 2) {
        object[0] = realloc(object[0], size);
        EXPECT(object[0] != NULL);
        memset(object[0], 2, size);
    }
    (void)compare("an array that grew");
    object[0] = realloc(object[0], 20 * MIB + 5);
    (void)compare("an array that shrank");
}

static void *free_every_other(void *argument) {
    for (size_t i = 0; i < COUNT; i += 2) {
        give(i);
    }
    return argument;
}

static void remote_frees(void) {
    for (size_t i = 0; i < COUNT; i++) {
        take(i, 1000, true);
    }
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, free_every_other, NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    struct cairn_heap_stats s = compare("freed by another thread");
    EXPECT(s.remote_frees >= COUNT / 2 && s.unmerged_objects > COUNT / 4);
}

// The kernel fills what nobody asked for: whole huge pages, where it has them.
static void huge_pages(void) {
    take(0, 100, true);
    struct region_span first = region_span(0);
    if (madvise((void *)first.base, first.reserved, MADV_HUGEPAGE) != 0) {
        return;
    }
    for (size_t i = 1; i < 2000; i++) {
        take(i, mixed_size(&(uint64_t){i}), true);
    }
    (void)compare("huge pages");
    char *large = malloc(5 * MIB + 10);
    large[3 * MIB] = 1;
    (void)compare("huge pages in a large object");
    for (size_t i = 1; i < 2000; i += i % 7 == 0 ? 2 : 1) {
        give(i);
    }
    (void)cairn_purge();
    (void)compare("huge pages, purged");
}

static pthread_barrier_t all_hold, all_done;

static void *hold_some(void *argument) {
    uint64_t random = (uintptr_t)argument;
    void *mine[500];
    for (size_t i = 0; i < 500; i++) {
        size_t size = mixed_size(&random);
        mine[i] = malloc(size);
        EXPECT(mine[i] != NULL);
        memset(mine[i], 3, size);
    }
    pthread_barrier_wait(&all_hold);
    pthread_barrier_wait(&all_done);
    for (size_t i = 0; i < 500; i++) {
        free(mine[i]);
    }
    return NULL;
}

static void idle_threads(void) {
    enum { THREADS = 20 };
    pthread_t thread[THREADS];
    pthread_barrier_init(&all_hold, NULL, THREADS + 1);
    pthread_barrier_init(&all_done, NULL, THREADS + 1);
    for (uintptr_t i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&thread[i], NULL, hold_some, (void *)(i + 1)) == 0);
    }
    pthread_barrier_wait(&all_hold);
    struct cairn_heap_stats s = compare("threads that hold some and idle");
    EXPECT(s.active_heaps >= THREADS);
    pthread_barrier_wait(&all_done);
    for (size_t i = 0; i < THREADS; i++) {
        EXPECT(pthread_join(thread[i], NULL) == 0);
    }
    s = compare("threads that have ended");
    EXPECT(s.parked_heaps >= THREADS);
}

// What the program reserves right beside a region is one mapping with it for the kernel.
static void reservations_beside(void) {
    take(0, 100, true);
    struct region_span first = region_span(0);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t beside[] = {first.base - 2 * page, first.base + first.reserved + page};
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
        // Something may be there already, seldom on both sides.
        EXPECT(mmap((void *)beside[i], page, PROT_NONE, flags, -1, 0) != MAP_FAILED ||
               errno == EEXIST);
    }
    (void)compare("a reservation of the program beside a region");
}

static void in_child(void (*shape)(void)) {
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        shape();
        _exit(0);
    }
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// --- from a signal handler -----------------------------------------------------------------------

static volatile sig_atomic_t taken;

// Once, so that a slow machine has time between two.
static void interrupt_soon(void) {
    struct itimerval once = {{0, 0}, {0, 300}};
    EXPECT(setitimer(ITIMER_REAL, &once, NULL) == 0);
}

static void take_stats(int signal) {
    (void)signal;
    static struct cairn_heap_stats s;
    errno = EILSEQ;
    cairn_stats(&s, sizeof s);
    uint64_t kept = s.fragmentation_bytes + s.cached_bytes;
    EXPECT(s.heap_resident_bytes == s.live_resident_bytes + kept);
    EXPECT(s.live_bytes <= s.mapped_bytes && errno == EILSEQ);
    taken++;
    interrupt_soon();
}

// Wherever malloc, free and the rest are interrupted, also with their locks held.
static void signals(void) {
    struct sigaction action = {.sa_handler = take_stats};
    struct itimerval never = {{0, 0}, {0, 0}};
    EXPECT(sigaction(SIGALRM, &action, NULL) == 0);
    interrupt_soon();
    uint64_t random = 5;
    for (size_t i = 0; taken < 500 || i < 100000; i++) {
        size_t slot = random_next(&random) % 500;
        give(slot);
        take(slot, mixed_size(&random), i % 16 == 0);
    }
    EXPECT(setitimer(ITIMER_REAL, &never, NULL) == 0);
    (void)compare("after signals");
}

// --- forms -------------------------------------------------------------------------------------

static void a_shorter_or_longer_structure(void) {
    static struct {
        struct cairn_heap_stats stats;
        uint64_t more[10];
    } newer;
    memset(&newer, 0xff, sizeof newer);
    cairn_stats(&newer.stats, sizeof newer);
    EXPECT(newer.stats.version == CAIRN_STATS_VERSION && newer.stats.class_count == 63);
    EXPECT(all_zero(newer.more, sizeof newer.more));
    memset(&newer, 0xff, sizeof newer);
    size_t older = offsetof(struct cairn_heap_stats, classes);
    cairn_stats(&newer.stats, older);
    EXPECT(newer.stats.mapped_bytes > 0 && newer.stats.mapped_bytes < GIB);
    EXPECT(newer.stats.classes[0].object_bytes == UINT64_MAX);
    cairn_stats(&newer.stats, 0);
}

static void texts_are_cut_off_as_by_snprintf(size_t (*format)(char *, size_t), const char *end) {
    static char text[256 * KIB];
    memset(text, 'g', sizeof text);
    size_t length = format(NULL, 0);
    EXPECT(length > KIB && length < sizeof text - KIB);
    (void)format(text, 100);
    EXPECT(strlen(text) == 99 && text[100] == 'g');
    length = format(text, sizeof text);
    EXPECT(strlen(text) == length && strcmp(text + length - strlen(end), end) == 0);
    EXPECT(format(text, 1) > 1 && text[0] == '\0');
}

static void writing_says_what_went_wrong(void) {
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full >= 0) {
        EXPECT(cairn_stats_write_json(full) == ENOSPC);
        EXPECT(cairn_stats_write_openmetrics(full) == ENOSPC);
        close(full);
    }
    EXPECT(cairn_stats_write_json(-1) == EBADF);
}

static void every_reason_has_a_sentence(void) {
    for (int reason = 0; reason < CAIRN_REASON_COUNT; reason++) {
        EXPECT(strlen(cairn_reason_sentence((enum cairn_reason)reason)) > 20);
    }
    EXPECT(cairn_reason_sentence((enum cairn_reason)CAIRN_REASON_COUNT) == NULL);
    EXPECT(cairn_external_fragmentation(0, 0) == 0.0);
    EXPECT(cairn_external_fragmentation(1, 4) == 0.75);
}

static void make_variety(void) {
    uint64_t random = 7;
    for (size_t i = 0; i < 20000; i++) {
        take(i, mixed_size(&random), true);
    }
    for (size_t i = 0; i < 20000; i += 3) {
        give(i);
    }
}

int main(int count, char **arguments) {
    if (count > 1) {
        make_variety();
        return strcmp(arguments[1], "json") == 0 ? cairn_stats_write_json(1)
                                                 : cairn_stats_write_openmetrics(1);
    }
    void (*shapes[])(void) = {small_objects, survivors,    mixed_lifetimes, untouched,
                              resized,       remote_frees, idle_threads,    reservations_beside,
                              huge_pages,    signals};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        in_child(shapes[i]);
    }
    take(0, 100, true);
    a_shorter_or_longer_structure();
    texts_are_cut_off_as_by_snprintf(cairn_stats_json, "\n}\n");
    texts_are_cut_off_as_by_snprintf(cairn_stats_openmetrics, "# EOF\n");
    writing_says_what_went_wrong();
    every_reason_has_a_sentence();
    return 0;
}
