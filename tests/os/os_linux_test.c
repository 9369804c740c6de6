#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/bits.h"
#include "os/os.h"
#include "support/dies.h"

#define MIB ((size_t)1 << 20)

static bool is_zero(const char *memory, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (memory[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Whether the memory may be written, as the kernel finds when it is asked to. */
static bool is_writable(void *address) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "", 1), 1);
    bool ok = syscall(SYS_read, ends[0], address, 1) == 1;
    (void)close(ends[0]);
    (void)close(ends[1]);
    return ok;
}

static void test_page_size(void **state) {
    (void)state;
    assert_true(is_power_of_two(os_page_size()) && os_page_size() >= 4096);
    assert_int_equal(os_page_size(), sysconf(_SC_PAGESIZE));
}

static void test_reserve(void **state) {
    (void)state;
    for (size_t alignment = os_page_size(); alignment <= 64 * MIB; alignment *= 4) {
        char *memory = os_reserve(4 * MIB, alignment);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignment, 0);
        assert_false(is_writable(memory));
        assert_true(os_commit(memory + MIB, MIB));
        assert_true(is_zero(memory + MIB, MIB));
        memset(memory + MIB, 1, MIB);
        assert_false(is_writable(memory + MIB - 1));
        assert_false(is_writable(memory + 2 * MIB));
        os_unreserve(memory, 4 * MIB);
        assert_int_equal(os_resident_bytes(memory + MIB, MIB), 0);
    }
}

/* Nothing that runs beyond it at either end hits another mapping. */
static void test_reserve_guarded(void **state) {
    (void)state;
    size_t page = os_page_size();
    for (size_t alignment = page; alignment <= 64 * MIB; alignment *= 4) {
        char *memory = os_reserve_guarded(4 * MIB, alignment);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignment, 0);
        /* Whatever is mapped next may lie right beside it. */
        char *others[8];
        for (size_t i = 0; i < 8; i++) {
            others[i] = os_map(page);
        }
        assert_true(os_commit(memory, 4 * MIB));
        assert_true(is_writable(memory) && is_writable(memory + 4 * MIB - 1));
        assert_false(is_writable(memory - page) || is_writable(memory - 1));
        assert_false(is_writable(memory + 4 * MIB) || is_writable(memory + 4 * MIB + page - 1));
        os_unreserve_guarded(memory, 4 * MIB);
        for (size_t i = 0; i < 8; i++) {
            os_unreserve(others[i], page);
        }
    }
    assert_null(os_reserve_guarded(SIZE_MAX - 4095, 4096));
}

/* The lines of /proc/self/maps that begin in [from, to), and whether one has the text. */
static size_t mappings_in(const char *from, const char *to, const char *text, bool *has) {
    char line[512];
    size_t count = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    assert_non_null(file);
    *has = false;
    while (fgets(line, sizeof line, file) != NULL) {
        const char *begin = (const char *)(uintptr_t)strtoull(line, NULL, 16);
        if (begin >= from && begin < to) {
            count++;
            *has |= strstr(line, text) != NULL;
        }
    }
    (void)fclose(file);
    return count;
}

/* Where the kernel has no names it says so, and nothing else happens. */
static void test_name(void **state) {
    (void)state;
    char *memory = os_reserve(4 * MIB, MIB);
    assert_non_null(memory);
    errno = EILSEQ;
    bool named = os_name(memory, 4 * MIB, "of a test"), has;
    assert_int_equal(errno, EILSEQ);
    assert_true(os_commit(memory, MIB) && os_commit(memory + MIB, MIB));
    memory[0] = memory[2 * MIB - 1] = 1;
    size_t count = mappings_in(memory, memory + 4 * MIB, "[anon:of a test]", &has);
    assert_true(count <= 2);
    assert_true(!has || named);
    os_unreserve(memory, 4 * MIB);
}

/* Pages that were moved are a mapping of their own; mapped anew they are none, and zero. */
static void test_map_anew(void **state) {
    (void)state;
    char *memory = os_reserve(8 * MIB, MIB);
    bool has;
    assert_non_null(memory);
    assert_true(os_commit(memory, 8 * MIB));
    memset(memory, 3, 8 * MIB);
    if (!os_move_pages(memory, memory + 4 * MIB, MIB)) {
        skip();
    }
    memory[0] = 3;
    assert_int_equal(mappings_in(memory, memory + 8 * MIB, "", &has), 3);
    errno = EILSEQ;
    assert_true(os_map_anew(memory + 4 * MIB, MIB));
    assert_int_equal(errno, EILSEQ);
    assert_int_equal(mappings_in(memory, memory + 8 * MIB, "", &has), 1);
    assert_true(is_zero(memory + 4 * MIB, MIB));
    assert_true(memory[4 * MIB - 1] == 3 && memory[5 * MIB] == 3);
    assert_true(is_writable(memory + 4 * MIB));
    os_unreserve(memory, 8 * MIB);
}

static void test_refusals(void **state) {
    (void)state;
    errno = EILSEQ;
    assert_null(os_reserve((size_t)1 << 62, 4096));
    assert_null(os_reserve(SIZE_MAX - 4095, 4096));
    assert_null(os_map((size_t)1 << 62));
    assert_false(os_commit((void *)(os_page_size()), os_page_size()));
    assert_int_equal(errno, EILSEQ);
}

static void test_purge(void **state) {
    (void)state;
    char *memory = os_map(4 * MIB);
    assert_non_null(memory);
    assert_true(is_zero(memory, 4 * MIB));
    memset(memory, 7, 4 * MIB);
    assert_int_equal(os_resident_bytes(memory, 4 * MIB), 4 * MIB);
    errno = EILSEQ;
    assert_true(os_purge(memory + MIB, MIB));
    assert_int_equal(errno, EILSEQ);
    assert_int_equal(os_resident_bytes(memory, 4 * MIB), 3 * MIB);
    static unsigned char present[4 * MIB / 4096];
    assert_true(os_resident_pages(memory, 4 * MIB, present));
    for (size_t i = 0; i < 4 * MIB / os_page_size(); i++) {
        bool is_purged = i * os_page_size() / MIB == 1;
        assert_int_equal(present[i], is_purged ? 0 : 1);
    }
    size_t process = os_process_resident_bytes();
    assert_true(process >= 3 * MIB && process <= os_peak_resident_bytes() + MIB);
    assert_int_equal(errno, EILSEQ);
    assert_true(is_zero(memory + MIB, MIB));
    assert_int_equal(memory[MIB - 1], 7);
    assert_int_equal(memory[2 * MIB], 7);
    os_unreserve(memory, 4 * MIB);
    assert_false(os_resident_pages(memory, 4 * MIB, present));
    assert_int_equal(errno, EILSEQ);
}

static void test_move_pages(void **state) {
    (void)state;
    char *memory = os_map(8 * MIB);
    assert_non_null(memory);
    for (size_t i = 0; i < MIB; i++) {
        memory[i] = (char)(i * 7 / 3);
    }
    if (os_move_pages(memory, memory + 4 * MIB, MIB)) { /* older kernels can't */
        assert_true(is_zero(memory, MIB));
        for (size_t i = 0; i < MIB; i++) {
            assert_int_equal(memory[4 * MIB + i], (char)(i * 7 / 3));
        }
        memset(memory, 1, 8 * MIB); /* all of it can be used */
        assert_true(os_purge(memory, 8 * MIB));
        assert_true(is_zero(memory, 8 * MIB));
    }
    os_unreserve(memory, 8 * MIB);
}

static void test_discard(void **state) {
    (void)state;
    char *memory = os_map(3 * MIB);
    assert_non_null(memory);
    memset(memory, 7, 3 * MIB);
    errno = EILSEQ;
    assert_true(os_discard(memory + MIB, MIB));
    assert_false(os_discard(memory + 1, MIB));
    assert_int_equal(errno, EILSEQ);
    assert_false(is_writable(memory + MIB));
    assert_int_equal(memory[MIB - 1] + memory[2 * MIB], 14);
    assert_true(os_commit(memory + MIB, MIB));
    assert_true(is_zero(memory + MIB, MIB));
    os_unreserve(memory, 3 * MIB);
}

static void test_files(void **state) {
    (void)state;
    int fd = -1;
    size_t size = 1;
    size_t page = os_page_size();
    errno = EILSEQ;
    assert_int_equal(os_file_open("/proc/no such file", OS_READ, false, &fd), ENOENT);
    assert_int_equal(os_file_close(-1), EBADF);
    assert_int_equal(os_file_size(-1, &size), EBADF);
    assert_int_equal(os_file_resize(-1, 0, 1), EBADF);
    assert_int_equal(os_file_resize(-1, 0, SIZE_MAX), EFBIG);
    assert_int_equal(os_file_open("/", OS_READ, false, &fd), 0);
    assert_int_equal(os_file_size(fd, &size), ENODEV);
    assert_int_equal(os_file_close(fd), 0);

    char *memory = os_reserve(2 * page, page);
    assert_int_equal(os_memory_file(page, &fd), 0);
    assert_int_equal(os_file_size(fd, &size), 0);
    assert_int_equal(size, page);
    assert_int_equal(os_map_file(memory, page, fd, 1, OS_READ), EINVAL);
    assert_int_equal(errno, EILSEQ);
    assert_false(is_writable(memory));
    errno = EILSEQ;
    assert_int_equal(os_map_file(memory, page, fd, 0, OS_READ_WRITE), 0);
    assert_int_equal(os_map_file(memory + page, page, fd, 0, OS_COPY_ON_WRITE), 0);
    memory[0] = 7;
    assert_int_equal(memory[page], 7);
    memory[page] = 8;
    assert_int_equal(memory[0], 7);
    assert_int_equal(os_flush(memory, page), 0);
    assert_int_equal(os_flush(memory + 1, page), EINVAL);
    assert_int_equal(os_advise(memory, page, OS_SEQUENTIAL), 0);
    assert_int_equal(os_advise(memory + 1, page, OS_RANDOM), EINVAL);
    assert_int_equal(os_file_resize(fd, page, 3 * page), 0);
    assert_int_equal(os_file_resize(fd, 3 * page, 2), 0);
    assert_int_equal(os_file_size(fd, &size), 0);
    assert_int_equal(size, 2);
    assert_int_equal(os_file_close(fd), 0);
    os_unreserve(memory, 2 * page);
    assert_int_equal(errno, EILSEQ);
}

static void *thread_handle(void *result) {
    *(uintptr_t *)result = os_thread_handle();
    return NULL;
}

static int has_handle(void *handle) { return os_thread_handle() == *(uintptr_t *)handle; }

static void test_handles(void **state) {
    (void)state;
    uintptr_t mine = os_thread_handle();
    uintptr_t other = mine;
    in_thread(thread_handle, &other);
    assert_true(mine != 0 && mine != other);
    assert_int_equal(WEXITSTATUS(in_child(has_handle, &mine)), 1);
}

struct futex {
    _Atomic(uint32_t) word;
};

static void *wake(void *argument) {
    struct futex *futex = argument;
    (void)usleep(2000);
    futex->word = 1;
    os_wake_one(&futex->word);
    return NULL;
}

static void test_waiting(void **state) {
    (void)state;
    struct futex futex = {0};
    os_wait(&futex.word, 1); /* another value: returns at once */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake, &futex), 0);
    while (futex.word == 0) {
        os_wait(&futex.word, 0);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void *thread_id(void *result) {
    *(uint32_t *)result = os_thread_id();
    return NULL;
}

static void test_ids(void **state) {
    (void)state;
    uint32_t other = 0;
    in_thread(thread_id, &other);
    assert_int_equal(os_process_id(), getpid());
    assert_int_equal(os_thread_id(), getpid());
    assert_true(other != 0 && other != os_thread_id());
}

static void test_clock(void **state) {
    (void)state;
    uint64_t before = os_clock_ms();
    (void)usleep(30000);
    uint64_t passed = os_clock_ms() - before;
    assert_true(passed >= 15 && passed < 60000);
}

/* --- ends of threads
 * ------------------------------------------------------------------------------ */

enum { AGAIN = 2 };
static int rounds;

static void at_exit_of(void *argument) {
    assert_ptr_equal(argument, &rounds);
    if (++rounds <= AGAIN) {
        assert_true(os_on_thread_exit(at_exit_of, argument));
    }
}

static void *announce(void *argument) {
    errno = EILSEQ;
    assert_true(os_on_thread_exit(at_exit_of, argument));
    assert_int_equal(errno, EILSEQ);
    return NULL;
}

static void test_thread_exit(void **state) {
    (void)state;
    in_thread(announce, &rounds);
    assert_int_equal(rounds, AGAIN + 1);
}

/* --- fork
 * -------------------------------------------------------------------------------------------- */

static char order[16];

static void prepare(void) { strcat(order, "p"); }
static void in_parent(void) { strcat(order, "P"); }
static void in_the_child(void) { strcat(order, "C"); }

static int compare_order(void *argument) { return strcmp(order, argument); }

static void test_fork(void **state) {
    (void)state;
    os_on_fork(prepare, in_parent, in_the_child);
    assert_int_equal(in_child(compare_order, "pC"), 0);
    assert_string_equal(order, "pP");
}

static void test_option(void **state) {
    (void)state;
    assert_int_equal(setenv("CAIRN_TEST_OPTION", "value", 1), 0);
    assert_string_equal(os_option("CAIRN_TEST_OPTION"), "value");
    assert_null(os_option("CAIRN_TEST_OPTION_THAT_IS_NOT_SET"));
}

/* Several ranges at once: all, or whoever asks has to ask singly. */
static void test_purge_ranges(void **state) {
    (void)state;
    enum { RANGES = 64 };
    size_t page = os_page_size();
    char *memory = os_map(2 * RANGES * page);
    struct os_range range[RANGES];
    memset(memory, 1, 2 * RANGES * page);
    for (size_t i = 0; i < RANGES; i++) {
        range[i] = (struct os_range){(uintptr_t)memory + 2 * i * page, page};
    }
    errno = EILSEQ;
    bool done = os_purge_ranges(range, RANGES);
    assert_int_equal(errno, EILSEQ);
    for (size_t i = 0; i < RANGES; i++) {
        assert_true(!done || is_zero(memory + 2 * i * page, page));
        assert_int_equal(memory[(2 * i + 1) * page], 1);
    }
    os_unreserve(memory, 2 * RANGES * page);
}

static void test_populate(void **state) {
    (void)state;
    size_t size = 16 * os_page_size();
    char *memory = os_map(size);
    errno = EILSEQ;
    os_populate(memory, size);
    assert_int_equal(errno, EILSEQ);
    size_t resident = os_resident_bytes(memory, size);
    assert_true(resident == size || resident == 0); /* 0: an older kernel */
    assert_true(is_zero(memory, size));
    os_unreserve(memory, size);
}

/* Of memory of which something is resident, and of untouched memory; both stay one mapping with
 * their neighbours, which stay as they are. */
static void test_make_huge(void **state) {
    (void)state;
    char *memory = os_reserve(8 * MIB, 2 * MIB);
    os_keep_small(memory, 8 * MIB);
    assert_true(os_commit(memory, 8 * MIB));
    memory[5] = 7;
    errno = EILSEQ;
    bool done = os_make_huge(memory, 2 * MIB, NULL);
    assert_int_equal(errno, EILSEQ);
    assert_int_equal(memory[5], 7);
    assert_true(!done || os_resident_bytes(memory, 2 * MIB) == 2 * MIB);
    memory[5] = 0;
    assert_true(is_zero(memory, 2 * MIB));
    bool fresh = os_make_huge(memory + 4 * MIB, 2 * MIB, memory + 5 * MIB);
    assert_int_equal(errno, EILSEQ);
    assert_true(!fresh || os_resident_bytes(memory + 4 * MIB, 2 * MIB) == 2 * MIB);
    assert_true(is_zero(memory + 4 * MIB, 2 * MIB));
    assert_int_equal(os_resident_bytes(memory + 2 * MIB, 2 * MIB), 0);
    assert_int_equal(os_resident_bytes(memory + 6 * MIB, 2 * MIB), 0);
    bool has;
    assert_true(mappings_in(memory, memory + 8 * MIB, "", &has) <= 1);
    os_unreserve(memory, 8 * MIB);
}

/* Where a guard page is there can be no huge page; elsewhere there can, as before. */
static void test_make_huge_beside_guard(void **state) {
    (void)state;
    char *memory = os_reserve(6 * MIB, 2 * MIB);
    os_keep_small(memory, 6 * MIB);
    assert_true(os_commit(memory, 6 * MIB));
    bool can = os_make_huge(memory, 2 * MIB, memory);
    if (!can || !os_guard(memory + 3 * MIB, os_page_size())) {
        os_unreserve(memory, 6 * MIB);
        skip(); /* this kernel has no huge pages, or no guard pages */
    }
    assert_false(os_make_huge(memory + 2 * MIB, 2 * MIB, memory + 2 * MIB));
    assert_true(os_make_huge(memory + 4 * MIB, 2 * MIB, memory + 4 * MIB));
    os_unreserve(memory, 6 * MIB);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_size),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_map_anew),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_purge),
        cmocka_unit_test(test_move_pages),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_thread_exit),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_option),
        cmocka_unit_test(test_discard),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_handles),
        cmocka_unit_test(test_populate),
        cmocka_unit_test(test_purge_ranges),
        cmocka_unit_test(test_make_huge),
        cmocka_unit_test(test_make_huge_beside_guard),
        cmocka_unit_test(test_reserve_guarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
