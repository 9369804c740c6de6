/* The background thread: when it starts, what it lets go, and what makes it hurry. */
#include "core/background.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "core/block.h"
#include "core/slab.h"
#include "core/spare.h"
#include "core/threads.h"
#include "core/trim.h"
#include "os/cgroup.h"
#include "os/os.h"
#include "support/child.h"
#include "support/core.h"

/* How many threads of the process are called as this one is. */
static unsigned threads_now(void) {
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    REQUIRE(tasks != NULL);
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        char path[300], name[16] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file != NULL) {
            count += fgets(name, sizeof name, file) != NULL && strcmp(name, "cairn\n") == 0;
            (void)fclose(file);
        }
    }
    (void)closedir(tasks);
    return count;
}

static bool is_there(void) { return threads_now() == 1; }

static void sleep_ms(unsigned ms) { (void)usleep(ms * 1000); }

static bool comes_true_within(unsigned ms, bool (*is_so)(void)) {
    for (unsigned waited = 0; waited < ms && !is_so(); waited += 20) {
        sleep_ms(20);
    }
    return is_so();
}

/* An allocation that takes the slow path. */
static void allocate_slowly(void) { give(take(100000)); }

static void start_it(void) {
    allocate_slowly();
    sleep_ms(BACKGROUND_START_MS * 3);
    allocate_slowly();
}

static void test_lazily(void **state) {
    (void)state;
    allocate_slowly();
    background_start(true);
    allocate_slowly(); /* too early */
    sleep_ms(BACKGROUND_START_MS * 3);
    assert_int_equal(threads_now(), 0);
    allocate_slowly();
    assert_true(comes_true_within(5000, is_there));
    allocate_slowly();
    sleep_ms(50);
    assert_int_equal(threads_now(), 1);
}

/* --- what it lets go
 * --------------------------------------------------------------------------- */

static pthread_barrier_t barrier;
static _Atomic(struct heap *) idle_heap;

static void *wait_with_spares(void *unused) {
    (void)unused;
    give(take(16));
    uintptr_t chunks[3];
    for (size_t i = 0; i < 3; i++) {
        chunks[i] = chunks_take(1, CHUNK_SIZE).address;
    }
    for (size_t i = 0; i < 3; i++) {
        spare_give(heap_self(), chunks[i]);
    }
    idle_heap = heap_self();
    (void)pthread_barrier_wait(&barrier);
    (void)pthread_barrier_wait(&barrier);
    return NULL;
}

enum { SURVIVORS = 32 };
static char *survivors[SURVIVORS];

/* Ends with one object in each few pages. */
static void *leave_sparse_slabs(void *unused) {
    static char *others[SURVIVORS * 32];
    for (size_t i = 0; i < SURVIVORS * 32; i++) {
        char *object = take(1000);
        memset(object, 1, 1000);
        *(i % 32 == 0 ? &survivors[i / 32] : &others[i]) = object;
    }
    for (size_t i = 0; i < SURVIVORS * 32; i++) {
        if (i % 32 != 0) {
            give(others[i]);
        }
    }
    return unused;
}

static size_t resident_of_slabs(void) {
    size_t bytes = 0;
    for (size_t i = 0; i < SURVIVORS; i++) {
        void *slab = (void *)round_down((uintptr_t)survivors[i], CHUNK_SIZE);
        bytes += os_resident_bytes(slab, CHUNK_SIZE);
    }
    return bytes;
}

static bool spares_are_gone(void) { return spare_count(idle_heap) == 0; }
static bool dirty_is_gone(void) { return block_totals.dirty == 0; }

static void test_lets_go(void **state) {
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    assert_int_equal(pthread_create(&thread, NULL, wait_with_spares, NULL), 0);
    (void)pthread_barrier_wait(&barrier);
    in_thread(leave_sparse_slabs, NULL); /* a heap of its own, as the other one is in use */
    chunks_give(chunks_take(3, CHUNK_SIZE).address, 3, true);
    assert_true(spare_count(idle_heap) >= 3);
    assert_true(block_totals.dirty > 0);
    assert_true(comes_true_within(5000, spares_are_gone));
    assert_true(comes_true_within(10000, dirty_is_gone));
    sleep_ms(100); /* pages of slabs went just before */
    assert_true(resident_of_slabs() <= 2 * SURVIVORS * os_page_size());
    for (size_t i = 0; i < SURVIVORS; i++) {
        assert_int_equal(survivors[i][999], 1);
        give(survivors[i]);
    }
    (void)pthread_barrier_wait(&barrier);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_intact();
}

/* --- pressure
 * ---------------------------------------------------------------------------------- */

static char folder[] = "/tmp/cairn_background_XXXXXX";

static void write_file(const char *name, const char *text) {
    char path[128], fresh[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(fresh, path), 0);
}

static int make_group(void **state) {
    (void)state;
    static char self[128];
    assert_non_null(mkdtemp(folder));
    snprintf(self, sizeof self, "%s/self", folder);
    write_file("self", "0::/\n");
    write_file("memory.events", "low 0\nhigh 3\n");
    os_cgroup_look_at(self, folder);
    return 0;
}

static int remove_group(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static _Atomic(unsigned) hook_calls;
static void count_call(void) { hook_calls++; }
static bool was_called(void) { return hook_calls != 0; }

static void test_pressure(void **state) {
    (void)state;
    static struct trim_hook hook = {.release = count_call};
    trim_add_hook(&hook);
    sleep_ms(2 * BACKGROUND_PERIOD_MS);
    assert_int_equal(hook_calls, 0); /* it trims for pressure only */
    write_file("memory.events", "low 0\nhigh 4\n");
    assert_true(comes_true_within(5 * BACKGROUND_PERIOD_MS, was_called));
    sleep_ms(3 * BACKGROUND_PERIOD_MS);
    assert_int_equal(hook_calls, 1);
}

/* --- fork
 * --------------------------------------------------------------------------------------- */

static int have_one_again(void *unused) {
    (void)unused;
    REQUIRE(threads_now() == 0);
    start_it();
    REQUIRE(comes_true_within(5000, is_there));
    return 0;
}

static void test_fork(void **state) {
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* it forbids threads in a child of one that had several */
#endif
    threads_start();
    assert_int_equal(in_child(have_one_again, NULL), 0);
    allocate_slowly();
    assert_int_equal(threads_now(), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lazily),
        cmocka_unit_test(test_lets_go),
        cmocka_unit_test(test_pressure),
        cmocka_unit_test(test_fork),
    };
    return cmocka_run_group_tests(tests, make_group, remove_group);
}
