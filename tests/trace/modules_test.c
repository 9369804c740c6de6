/* Modules against what the dynamic linker says of them. */
#include "trace/modules.h"

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/core.h"

static struct module_table table;

/* The linker's view of the file that contains an address. */
struct view {
    uintptr_t address;
    uintptr_t bias;
    bool found;
};

static int compare(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    struct view *view = context;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && view->address - start < segment->p_memsz) {
            view->bias = info->dlpi_addr;
            view->found = true;
        }
    }
    return view->found;
}

static void assert_known(uintptr_t address, uint8_t place, const char *part_of_path) {
    struct view view = {.address = address};
    (void)dl_iterate_phdr(compare, &view);
    assert_true(view.found);
    assert_true(place < table.count);
    assert_int_equal(table.module[place].bias, view.bias);
    assert_non_null(strstr(table.module[place].path, part_of_path));
}

static void test_program_and_libraries(void **state) {
    (void)state;
    void *(*volatile of_libc)(void *, const void *, size_t) = memcpy;
    uintptr_t address[] = {(uintptr_t)compare, (uintptr_t)of_libc, (uintptr_t)&assert_known,
                           (uintptr_t)dlsym(RTLD_DEFAULT, "getpid")};
    enum { COUNT = sizeof address / sizeof address[0] };
    uint8_t place[COUNT];
    errno = EXDEV;
    modules_find(&table, address, place, COUNT);
    assert_int_equal(errno, EXDEV);
    assert_known(address[0], place[0], "trace_modules_test");
    assert_known(address[2], place[2], "trace_modules_test");
    assert_int_equal(place[0], place[2]);
    assert_known(address[3], place[3], "libc");
    assert_int_equal(table.module[place[0]].build_id_size, BUILD_ID_SIZE);
}

static void test_what_is_no_module(void **state) {
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int protection = PROT_READ | PROT_EXEC;
    char *anonymous = mmap(NULL, page, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(anonymous, MAP_FAILED);
    static char data[64];
    uintptr_t address[] = {0, (uintptr_t)data, (uintptr_t)&page, (uintptr_t)anonymous + 8,
                           UINTPTR_MAX};
    enum { COUNT = sizeof address / sizeof address[0] };
    uint8_t place[COUNT];
    modules_find(&table, address, place, COUNT);
    static const uint8_t expected[] = {PLACE_NOWHERE, PLACE_NOWHERE, PLACE_NOWHERE, PLACE_ANONYMOUS,
                                       PLACE_NOWHERE};
    assert_memory_equal(place, expected, COUNT);
    assert_int_equal(table.count, 0);
    assert_int_equal(munmap(anonymous, page), 0);
}

/* A file of code that is no ELF file: its bias is where it begins. */
static void test_file_that_is_no_module(void **state) {
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char name[] = "/tmp/cairn_modules_XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)(2 * page)), 0);
    char *code = mmap(NULL, 2 * page, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    assert_ptr_not_equal(code, MAP_FAILED);
    uintptr_t address = (uintptr_t)code + page + 8;
    uint8_t place;
    modules_find(&table, &address, &place, 1);
    assert_int_equal(place, 0);
    assert_string_equal(table.module[0].path, name);
    assert_int_equal(table.module[0].bias, code);
    assert_int_equal(table.module[0].build_id_size, 0);
    /* Cut short, its pages are mapped and not there. */
    assert_int_equal(ftruncate(fd, 0), 0);
    modules_find(&table, &address, &place, 1);
    assert_int_equal(place, 0);
    assert_int_equal(munmap(code, 2 * page), 0);
    (void)close(fd);
    (void)unlink(name);
}

static void test_more_modules_than_room(void **state) {
    (void)state;
    enum { COUNT = MODULES + 3 };
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t address[COUNT];
    uint8_t place[COUNT];
    char name[] = "/tmp/cairn_modules_XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)page), 0);
    for (int i = 0; i < COUNT; i++) {
        void *code = mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        assert_ptr_not_equal(code, MAP_FAILED);
        address[i] = (uintptr_t)code;
    }
    modules_find(&table, address, place, COUNT);
    int known = 0;
    for (int i = 0; i < COUNT; i++) {
        known += place[i] != PLACE_ANONYMOUS;
        assert_true(place[i] == PLACE_ANONYMOUS || table.module[place[i]].bias == address[i]);
        assert_int_equal(munmap((void *)address[i], page), 0);
    }
    assert_int_equal(known, MODULES);
    (void)close(fd);
    (void)unlink(name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program_and_libraries),
        cmocka_unit_test(test_what_is_no_module),
        cmocka_unit_test(test_file_that_is_no_module),
        cmocka_unit_test(test_more_modules_than_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
