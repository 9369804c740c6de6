/* What the process sees of itself: memory that may not be there, mappings, files to append to. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/os.h"
#include "support/core.h"

static void test_read_memory(void **state) {
    (void)state;
    size_t page = os_page_size();
    char *memory = os_map(2 * page);
    char copy[16] = "";
    strcpy(memory + page - 8, "seven..");
    errno = EXDEV;
    assert_true(os_read_memory((uintptr_t)memory + page - 8, copy, sizeof copy));
    assert_string_equal(copy, "seven..");
    assert_true(os_discard(memory + page, page));
    assert_false(os_read_memory((uintptr_t)memory + page - 8, copy, sizeof copy));
    assert_true(os_read_memory((uintptr_t)memory + page - 8, copy, 8));
    assert_false(os_read_memory(0, copy, 1));
    assert_false(os_read_memory(UINTPTR_MAX - 7, copy, 8));
    assert_int_equal(errno, EXDEV);
    os_unreserve(memory, 2 * page);
}

/* The mapping that contains an address, and whether mappings ascend. */
struct search {
    uintptr_t address;
    struct os_mapping found;
    char path[512];
    uintptr_t end;
    unsigned count, most;
};

static bool look(const struct os_mapping *mapping, void *context) {
    struct search *search = context;
    assert_true(mapping->low < mapping->high && mapping->low >= search->end);
    search->end = mapping->high;
    if (mapping->low <= search->address && search->address < mapping->high) {
        search->found = *mapping;
        strcpy(search->path, mapping->path);
    }
    return ++search->count != search->most;
}

static struct search search_for(uintptr_t address) {
    struct search search = {.address = address};
    errno = EXDEV;
    assert_true(os_each_mapping(look, &search));
    assert_int_equal(errno, EXDEV);
    return search;
}

static void test_mappings(void **state) {
    (void)state;
    char program[PATH_MAX] = "";
    assert_true(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    struct search code = search_for((uintptr_t)look);
    assert_true(code.found.executable && code.found.readable && !code.found.writable);
    assert_string_equal(code.path, program);
    int local = 0;
    struct search stack = search_for((uintptr_t)&local);
    assert_true(stack.found.writable && !stack.found.executable);
    assert_string_equal(stack.path, "[stack]");
    assert_in_range(os_first_stack_end(), (uintptr_t)&local, stack.found.high);
    size_t page = os_page_size();
    char *reserved = os_reserve(page, page);
    struct search none = search_for((uintptr_t)reserved);
    assert_true(none.found.high != 0 && !none.found.readable);
    assert_string_equal(none.path, "");
    os_unreserve(reserved, page);
    struct search three = {.most = 3};
    assert_true(os_each_mapping(look, &three));
    assert_int_equal(three.count, 3);
}

/* A mapping of a file whose path has blanks and is longer than what is read at once. */
static void test_mapping_of_file(void **state) {
    (void)state;
    size_t page = os_page_size();
    char folder[] = "/tmp/cairn_inspect_XXXXXX";
    char name[600];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(name, sizeof name, "%s/%0200d a b (c)", folder, 7);
    int fd = open(name, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)(3 * page)), 0);
    char *mapped = mmap(NULL, 2 * page, PROT_READ, MAP_PRIVATE, fd, (off_t)page);
    assert_ptr_not_equal(mapped, MAP_FAILED);
    struct search file = search_for((uintptr_t)mapped + page);
    assert_string_equal(file.path, name);
    assert_int_equal(file.found.low, mapped);
    assert_int_equal(file.found.high, mapped + 2 * page);
    assert_int_equal(file.found.offset, page);
    assert_int_equal(munmap(mapped, 2 * page), 0);
    (void)close(fd);
    (void)unlink(name);
    (void)rmdir(folder);
}

static void test_appending(void **state) {
    (void)state;
    char folder[] = "/tmp/cairn_inspect_XXXXXX";
    static char path[OS_PATH_SIZE];
    static char expected[OS_PATH_SIZE + 8];
    int fd;
    char text[8] = "";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_true(os_absolute_path("log", path));
    (void)snprintf(expected, sizeof expected, "%s/log", folder);
    assert_string_equal(path, expected);
    assert_true(os_absolute_path("/log", path));
    assert_string_equal(path, "/log");
    assert_int_equal(chdir("/"), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(os_append_open(expected, &fd), 0);
        assert_int_equal(write(fd, i == 0 ? "one" : "two", 3), 3);
        assert_int_equal(os_file_close(fd), 0);
    }
    assert_int_equal(os_file_open(expected, OS_READ, false, &fd), 0);
    assert_int_equal(read(fd, text, sizeof text), 6);
    assert_string_equal(text, "onetwo");
    assert_int_equal(os_file_close(fd), 0);
    assert_int_equal(os_append_open(folder, &fd), EISDIR);
    (void)unlink(expected);
    (void)rmdir(folder);
}

static void test_descriptors(void **state) {
    (void)state;
    struct os_file_identity first;
    struct os_file_identity other;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(os_file_identity(ends[0], &first), 0);
    assert_int_equal(os_file_identity(ends[1], &other), 0);
    assert_memory_equal(&first, &other, sizeof first); /* one pipe */
    assert_int_equal(os_file_identity(0, &other), 0);
    assert_memory_not_equal(&first, &other, sizeof first);
    assert_true(os_is_writable(ends[1]));
    (void)close(ends[0]);
    assert_false(os_is_writable(ends[1]));
    (void)close(ends[1]);
    assert_false(os_is_writable(ends[1]));
    assert_int_equal(os_file_identity(ends[1], &other), EBADF);
}

static void test_pause(void **state) {
    (void)state;
    uint64_t before = os_clock_ms();
    os_pause_ms(50);
    assert_true(os_clock_ms() - before >= 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_memory),     cmocka_unit_test(test_mappings),
        cmocka_unit_test(test_mapping_of_file), cmocka_unit_test(test_appending),
        cmocka_unit_test(test_descriptors),     cmocka_unit_test(test_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
