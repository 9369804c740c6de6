/* Mapped memory and files; guarded reading is tested in guarded_map_test.c. */
#include "support/map.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "os/os.h"
#include "support/files.h"

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

static void assert_filled(const char *bytes, size_t size, char value) {
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(bytes[i], value);
    }
}

static int touch(void *address) {
    (void)signal(SIGSEGV, SIG_DFL);
    *(volatile char *)address = 1;
    return 0;
}

static void assert_untouchable(char *address) {
    int status = in_child(touch, address);
    /* address sanitizer makes an exit of it */
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void memory_is_zeroed_and_given_back(void **state) {
    (void)state;
    struct cairn_map map;
    assert_fine(cairn_map_memory(&map, 100000, 0));
    assert_int_equal(map.size, 100000);
    assert_filled(map.data, map.size, 0);
    memset(map.data, 7, map.size);
    char *data = map.data;
    assert_fine(cairn_map_close(&map));
    assert_null(map.data);
    assert_untouchable(data);
    assert_fine(cairn_map_close(&map));
}

static void guards_stand_around_memory(void **state) {
    (void)state;
    struct cairn_map map;
    size_t page = os_page_size();
    assert_fine(cairn_map_memory(&map, 3 * page - 1, CAIRN_MAP_GUARDED));
    memset(map.data, 7, map.size);
    assert_untouchable(map.data - 1);
    assert_untouchable(map.data + 3 * page);
    assert_fine(cairn_map_close(&map));
}

static void huge_pages_are_aligned(void **state) {
    (void)state;
    struct cairn_map map;
    assert_fine(cairn_map_memory(&map, 3 * MIB, CAIRN_MAP_HUGE | CAIRN_MAP_GUARDED));
    assert_int_equal((uintptr_t)map.data % (2 * MIB), 0);
    assert_int_equal(map.size, 4 * MIB);
    memset(map.data, 7, map.size);
    assert_untouchable(map.data - 1);
    assert_untouchable(map.data + map.size);
    assert_fine(cairn_map_close(&map));
}

static void more_than_the_machine_has_is_reserved(void **state) {
    (void)state;
    struct cairn_map map;
    size_t page = os_page_size();
    assert_fine(cairn_map_reserve(&map, 64 * GIB, 0));
    char *data = map.data;
    assert_int_equal(map.size, 0);
    assert_untouchable(data);
    assert_fine(cairn_map_resize(&map, 10));
    assert_fine(cairn_map_resize(&map, 10 * MIB + 1));
    memset(map.data, 7, map.size);
    assert_untouchable(data + 10 * MIB + page);
    memset(map.data + map.size, 7, page - 1); /* the rest of the page can be written */
    assert_fine(cairn_map_resize(&map, 10 * MIB + 2));
    assert_int_equal(map.data[10 * MIB], 7);
    assert_int_equal(map.data[10 * MIB + 1], 0);

    assert_fine(cairn_map_resize(&map, MIB));
    assert_untouchable(data + MIB);
    assert_int_equal(os_resident_bytes(data + MIB, 9 * MIB), 0);
    assert_fine(cairn_map_resize(&map, 2 * MIB));
    assert_ptr_equal(map.data, data);
    assert_filled(data, MIB, 7);
    assert_filled(data + MIB, MIB, 0);
    assert_error(cairn_map_resize(&map, 64 * GIB + 1), "size reserved for the map", ENOMEM);
    assert_int_equal(map.size, 2 * MIB);
    assert_fine(cairn_map_resize(&map, 0));
    assert_fine(cairn_map_close(&map));
}

static void a_ring_meets_itself(void **state) {
    (void)state;
    struct cairn_map map;
    assert_fine(cairn_map_ring(&map, 1));
    assert_int_equal(map.size, os_page_size());
    assert_int_equal(map.reserved, 2 * map.size);
    for (size_t i = 0; i < map.size; i++) {
        map.data[i + (i % 2) * map.size] = (char)(i * 7 / 3);
    }
    for (size_t i = 0; i < 2 * map.size; i++) {
        assert_int_equal(map.data[i], (char)(i % map.size * 7 / 3));
    }
    memcpy(map.data + map.size - 3, "around", 6);
    assert_memory_equal(map.data, "und", 3);
    assert_error(cairn_map_resize(&map, 1), "kind of the map", EINVAL);
    assert_fine(cairn_map_close(&map));
}

/* As sandboxes do. */
static void forbid_memfd_create(void) {
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof program / sizeof *program, program};
    REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
    REQUIRE(syscall(SYS_memfd_create, "", 0) == -1 && errno == ENOSYS);
}

static int ring_without_memfd(void *argument) {
    (void)argument;
    struct cairn_map map;
    forbid_memfd_create();
    REQUIRE(!cairn_map_failed(cairn_map_ring(&map, 10000)));
    strcpy(map.data + map.size, "twice");
    REQUIRE(strcmp(map.data, "twice") == 0);
    REQUIRE(!cairn_map_failed(cairn_map_close(&map)));
    return 0;
}

static void a_ring_needs_no_memfd(void **state) {
    (void)state;
    assert_int_equal(in_child(ring_without_memfd, NULL), 0);
}

static void absurd_sizes_are_refused(void **state) {
    (void)state;
    struct cairn_map map;
    assert_error(cairn_map_memory(&map, 0, 0), "size of a map", EINVAL);
    assert_error(cairn_map_reserve(&map, 0, 0), "size of a map", EINVAL);
    assert_error(cairn_map_ring(&map, 0), "size of a map", EINVAL);
    assert_error(cairn_map_memory(&map, 1, 4), "options of a map", EINVAL);
    assert_error(cairn_map_reserve(&map, 1, 1U << 31), "options of a map", EINVAL);
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4095, SIZE_MAX / 2, PTRDIFF_MAX - 4096,
                                   (size_t)1 << 50};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_error(cairn_map_memory(&map, sizes[i], CAIRN_MAP_HUGE), "mmap", ENOMEM);
        assert_error(cairn_map_reserve(&map, sizes[i], CAIRN_MAP_GUARDED), "mmap", ENOMEM);
        assert_true(cairn_map_failed(cairn_map_ring(&map, sizes[i])));
        assert_null(map.data);
    }
    assert_fine(cairn_map_reserve(&map, 1, 0));
    assert_true(cairn_map_failed(cairn_map_resize(&map, SIZE_MAX)));
    assert_fine(cairn_map_close(&map));
}

/* --- files ------------------------------------------------------------------------------------ */

static void a_file_is_read(void **state) {
    (void)state;
    struct cairn_map map;
    const char *path = scratch_file("read", "some text", 9);
    assert_fine(cairn_map_file(&map, path, CAIRN_MAP_READ, 0));
    assert_int_equal(map.size, 9);
    assert_memory_equal(map.data, "some text\0\0\0", 12);
    assert_untouchable(map.data);
    assert_error(cairn_map_resize(&map, 100), "kind of the map", EINVAL);
    assert_fine(cairn_map_advise(&map, 0, 9, CAIRN_MAP_DONE_WITH));
    assert_memory_equal(map.data, "some text", 9);
    assert_fine(cairn_map_close(&map));
}

static void an_empty_file_is_an_empty_map(void **state) {
    (void)state;
    struct cairn_map map;
    const char *path = scratch_file("empty", "", 0);
    assert_fine(cairn_map_file(&map, path, CAIRN_MAP_READ, 0));
    assert_non_null(map.data);
    assert_int_equal(map.size, 0);
    assert_fine(cairn_map_advise(&map, 0, 0, CAIRN_MAP_WILL_NEED));
    assert_fine(cairn_map_flush(&map, 0, 0));
    assert_fine(cairn_map_close(&map));
}

static void what_is_no_file_is_refused(void **state) {
    (void)state;
    struct cairn_map map;
    char text[100];
    const char *pipe_path = scratch_path("pipe");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    struct cairn_map_error error = cairn_map_file(&map, scratch_path("none"), CAIRN_MAP_WRITE, 0);
    assert_error(error, "open", ENOENT);
    assert_string_equal(cairn_map_explain(error, text, sizeof text),
                        "open: No such file or directory");
    assert_string_equal(cairn_map_explain(error, text, 6), "open:");
    assert_null(map.data);
    assert_error(cairn_map_file(&map, "/tmp", CAIRN_MAP_READ, 0), "fstat", ENODEV);
    assert_error(cairn_map_file(&map, pipe_path, CAIRN_MAP_READ, 0), "fstat", ENODEV);
    assert_error(cairn_map_file(&map, "/tmp", CAIRN_MAP_CREATE, 0), "open", EISDIR);
    assert_error(cairn_map_file(&map, "/tmp", (enum cairn_map_mode)17, 0), "mode of a map", EINVAL);
    assert_error(cairn_map_file(&map, scratch_file("x", "x", 1), CAIRN_MAP_READ, SIZE_MAX), "mmap",
                 ENOMEM);
}

static void a_private_map_leaves_the_file(void **state) {
    (void)state;
    struct cairn_map map;
    char content[9];
    const char *path = scratch_file("private", "some text", 9);
    assert_fine(cairn_map_file(&map, path, CAIRN_MAP_PRIVATE, 0));
    memcpy(map.data, "SOME", 4);
    assert_fine(cairn_map_flush(&map, 0, 9));
    assert_int_equal(scratch_read(path, content, 9), 9);
    assert_memory_equal(content, "some text", 9);
    assert_memory_equal(map.data, "SOME text", 9);
    assert_error(cairn_map_resize(&map, 100), "kind of the map", EINVAL);
    assert_fine(cairn_map_advise(&map, 0, 9, CAIRN_MAP_DONE_WITH));
    assert_memory_equal(map.data, "some text", 9);
    assert_fine(cairn_map_close(&map));
}

static void what_is_written_is_shared(void **state) {
    (void)state;
    struct cairn_map map;
    struct cairn_map other;
    const char *path = scratch_file("shared", "some text", 9);
    assert_fine(cairn_map_file(&map, path, CAIRN_MAP_WRITE, 0));
    assert_fine(cairn_map_file(&other, path, CAIRN_MAP_READ, 0));
    memcpy(map.data, "SOME", 4);
    assert_memory_equal(other.data, "SOME text", 9);
    assert_fine(cairn_map_flush(&map, 3, 2));
    assert_fine(cairn_map_close(&map));
    assert_memory_equal(other.data, "SOME text", 9);
    assert_fine(cairn_map_close(&other));
}

/* Appends numbers until the file has 4 MiB. */
static void write_numbers(struct cairn_map *map) {
    size_t used = 0;
    for (uint32_t number = 0; used < 4 * MIB; number++) {
        if (map->size < used + sizeof number) {
            assert_fine(cairn_map_resize(map, map->size + map->size / 2 + 10));
        }
        memcpy(map->data + used, &number, sizeof number);
        used += sizeof number;
    }
    assert_fine(cairn_map_resize(map, used));
}

static void assert_numbers(const char *path) {
    struct cairn_map map;
    assert_fine(cairn_map_file(&map, path, CAIRN_MAP_READ, 0));
    assert_int_equal(map.size, 4 * MIB);
    for (uint32_t number = 0; number < MIB; number++) {
        assert_memory_equal(map.data + number * sizeof number, &number, sizeof number);
    }
    assert_fine(cairn_map_close(&map));
}

static void a_file_grows(void **state) {
    (void)state;
    struct cairn_map map;
    const char *path = scratch_path("growing");
    assert_fine(cairn_map_file(&map, path, CAIRN_MAP_CREATE, 0));
    write_numbers(&map);
    assert_fine(cairn_map_close(&map));
    assert_numbers(path);
}

static void a_file_grows_in_its_place(void **state) {
    (void)state;
    struct cairn_map map;
    const char *path = scratch_path("in_place");
    assert_fine(cairn_map_file(&map, path, CAIRN_MAP_CREATE, 8 * MIB));
    char *data = map.data;
    write_numbers(&map);
    assert_ptr_equal(map.data, data);
    assert_error(cairn_map_resize(&map, 8 * MIB + 1), "size reserved for the map", ENOMEM);
    assert_error(cairn_map_resize(&map, SIZE_MAX), "ftruncate", EFBIG);
    assert_fine(cairn_map_close(&map));
    assert_numbers(path);
}

static void shrink_file(const char *path) {
    struct cairn_map map;
    char content[3];
    size_t page = os_page_size();
    assert_fine(cairn_map_file(&map, path, CAIRN_MAP_CREATE, 0));
    assert_fine(cairn_map_resize(&map, 3 * page));
    memset(map.data, 'x', 3 * page);
    assert_fine(cairn_map_resize(&map, 2));
    assert_untouchable(map.data + page);
    assert_int_equal(scratch_read(path, content, 3), 2);
    map.data[2] = map.data[page - 1] = 'y'; /* behind the file's end */
    assert_fine(cairn_map_resize(&map, 3 * page));
    assert_memory_equal(map.data, "xx", 2);
    assert_filled(map.data + 2, 3 * page - 2, 0);
    assert_fine(cairn_map_resize(&map, 0));
    assert_int_equal(scratch_read(path, content, 3), 0);
    assert_fine(cairn_map_close(&map));
    assert_int_equal(unlink(path), 0);
}

/* In memory too: on a disk the kernel itself clears what was written behind the end. */
static void a_file_shrinks(void **state) {
    (void)state;
    char path[64];
    shrink_file(scratch_path("shrinking"));
    (void)snprintf(path, sizeof path, "/dev/shm/cairn-test-%d", (int)getpid());
    if (access("/dev/shm", W_OK) == 0) {
        shrink_file(path);
    }
}

static bool write_to(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    (void)close(fd);
    return written;
}

/* Makes the process root in a world of its own, if it may. */
static bool become_root(void) {
    char users[40];
    char groups[40];
    (void)snprintf(users, sizeof users, "0 %u 1", (unsigned)getuid());
    (void)snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getgid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_to("/proc/self/uid_map", users) &&
           write_to("/proc/self/setgroups", "deny") && write_to("/proc/self/gid_map", groups);
}

/* A file system of four pages. */
static int fill_disk(void *argument) {
    char options[40];
    struct cairn_map map;
    size_t page = os_page_size();
    (void)argument;
    (void)snprintf(options, sizeof options, "size=%zu", 4 * page);
    if (!become_root() || mount("none", scratch_path("."), "tmpfs", 0, options) != 0) {
        return 77;
    }
    REQUIRE(chdir(scratch_path(".")) == 0); /* below the mount */
    REQUIRE(!cairn_map_failed(cairn_map_file(&map, "full", CAIRN_MAP_CREATE, 0)));
    REQUIRE(!cairn_map_failed(cairn_map_resize(&map, 2 * page)));
    struct cairn_map_error error = cairn_map_resize(&map, 5 * page);
    REQUIRE(error.code == ENOSPC && strcmp(error.call, "ftruncate") == 0);
    REQUIRE(map.size == 2 * page);
    memset(map.data, 7, map.size);
    return 0;
}

static void a_full_disk_is_an_error(void **state) {
    (void)state;
    int status = in_child(fill_disk, NULL);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        skip(); /* no rights to mount a file system */
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- ranges ----------------------------------------------------------------------------------- */

static void ranges_are_checked(void **state) {
    (void)state;
    struct cairn_map map;
    char byte;
    assert_fine(cairn_map_memory(&map, 100, 0));
    assert_fine(cairn_map_advise(&map, 100, 0, CAIRN_MAP_RANDOM));
    assert_error(cairn_map_advise(&map, 0, 101, CAIRN_MAP_RANDOM), "range of the map", ERANGE);
    assert_error(cairn_map_advise(&map, 101, 0, CAIRN_MAP_RANDOM), "range of the map", ERANGE);
    assert_error(cairn_map_flush(&map, 1, SIZE_MAX), "range of the map", ERANGE);
    assert_error(cairn_map_read_guarded(&map, 100, &byte, 1), "range of the map", ERANGE);
    assert_error(cairn_map_advise(&map, 0, 1, (enum cairn_map_advice)9), "advice", EINVAL);
    assert_fine(cairn_map_close(&map));

    assert_error(cairn_map_advise(&map, 0, 0, CAIRN_MAP_NORMAL), "closed map", EBADF);
    assert_error(cairn_map_flush(&map, 0, 0), "closed map", EBADF);
    assert_error(cairn_map_resize(&map, 1), "closed map", EBADF);
    assert_error(cairn_map_read_guarded(&map, 0, &byte, 1), "closed map", EBADF);
}

static void done_with_takes_whole_pages(void **state) {
    (void)state;
    struct cairn_map map;
    size_t page = os_page_size();
    assert_fine(cairn_map_memory(&map, 3 * page + 1, 0));
    memset(map.data, 7, map.size);
    for (enum cairn_map_advice advice = CAIRN_MAP_NORMAL; advice <= CAIRN_MAP_WILL_NEED; advice++) {
        assert_fine(cairn_map_advise(&map, 1, 2 * page, advice));
    }
    assert_fine(cairn_map_advise(&map, 1, page - 1, CAIRN_MAP_DONE_WITH));
    assert_filled(map.data, map.size, 7);
    assert_fine(cairn_map_advise(&map, 1, 2 * page, CAIRN_MAP_DONE_WITH));
    assert_filled(map.data, page, 7);
    assert_filled(map.data + page, page, 0);
    assert_filled(map.data + 2 * page, page + 1, 7);
    assert_fine(cairn_map_advise(&map, 2 * page, page + 1, CAIRN_MAP_DONE_WITH));
    assert_filled(map.data + 2 * page, page + 1, 0); /* the end of the map is that of a page */
    assert_fine(cairn_map_close(&map));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_given_back),
        cmocka_unit_test(guards_stand_around_memory),
        cmocka_unit_test(huge_pages_are_aligned),
        cmocka_unit_test(more_than_the_machine_has_is_reserved),
        cmocka_unit_test(a_ring_meets_itself),
        cmocka_unit_test(a_ring_needs_no_memfd),
        cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(a_file_is_read),
        cmocka_unit_test(an_empty_file_is_an_empty_map),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(a_private_map_leaves_the_file),
        cmocka_unit_test(what_is_written_is_shared),
        cmocka_unit_test(a_file_grows),
        cmocka_unit_test(a_file_grows_in_its_place),
        cmocka_unit_test(a_file_shrinks),
        cmocka_unit_test(a_full_disk_is_an_error),
        cmocka_unit_test(ranges_are_checked),
        cmocka_unit_test(done_with_takes_whole_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
