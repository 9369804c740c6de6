/* Control groups, read from a tree of files such as the kernel shows. */
#include "os/cgroup.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/cairn_cgroup_XXXXXX";
static char self[64];

static void write_file(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make_folder(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int make_tree(void **state) {
    (void)state;
    assert_non_null(mkdtemp(root));
    make_folder("a");
    make_folder("a/b");
    make_folder("a/b/c");
    snprintf(self, sizeof self, "%s/self", root);
    os_cgroup_look_at(self, root);
    return 0;
}

static int remove_tree(void **state) {
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

static struct os_cgroup_memory memory(void) {
    struct os_cgroup_memory found;
    errno = EILSEQ;
    os_cgroup_memory(&found);
    assert_int_equal(errno, EILSEQ);
    return found;
}

static void test_nothing_there(void **state) {
    (void)state;
    assert_true(memory().max == SIZE_MAX && memory().high == SIZE_MAX);
    write_file("self", "4:memory:/a\n1:name=systemd:/\n");
    assert_true(memory().max == SIZE_MAX && memory().high == SIZE_MAX);
    write_file("self", "0::/not/there\n");
    assert_true(memory().max == SIZE_MAX && memory().high == SIZE_MAX);
    assert_int_equal(os_cgroup_high_events(), 0);
    assert_true(os_cpus(true) >= 1);
}

/* The least of the group and all above it. */
static void test_memory(void **state) {
    (void)state;
    write_file("self", "4:memory:/x\n0::/a/b/c\n");
    write_file("a/memory.max", "1000000000\n");
    write_file("a/b/memory.max", "max\n");
    write_file("a/b/c/memory.max", "2000000000\n");
    write_file("a/b/memory.high", "500000\n");
    write_file("a/b/c/memory.high", "max\n");
    assert_int_equal(memory().max, 1000000000);
    assert_int_equal(memory().high, 500000);
    write_file("self", "0::/a\n");
    assert_int_equal(memory().max, 1000000000);
    assert_true(memory().high == SIZE_MAX);
    write_file("self",
               "0::/\n"); /* as within a namespace of its own: the tree's root is the group */
    assert_true(memory().max == SIZE_MAX);
    write_file("memory.max", "4096\n");
    assert_int_equal(memory().max, 4096);
    write_file("self", "0::/../elsewhere\n"); /* the group is outside of what is shown */
    assert_int_equal(memory().max, 4096);
}

static void test_events(void **state) {
    (void)state;
    write_file("self", "0::/a/b\n");
    write_file("a/b/memory.events", "low 3\nhigh 12\nmax 4\noom 0\n");
    assert_int_equal(os_cgroup_high_events(), 12);
    write_file("a/b/memory.events", "high 13\n");
    assert_int_equal(os_cgroup_high_events(), 13);
}

static void test_cpus(void **state) {
    (void)state;
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    unsigned by_affinity = (unsigned)CPU_COUNT(&set);
    write_file("self", "0::/a/b\n");
    assert_int_equal(os_cpus(true), by_affinity);
    write_file("a/b/cpu.max", "max 100000\n");
    assert_int_equal(os_cpus(true), by_affinity);
    write_file("a/cpu.max", "100000 100000\n");
    assert_int_equal(os_cpus(true), 1);
    write_file("a/cpu.max", "110000 100000\n");
    assert_int_equal(os_cpus(true), by_affinity < 2 ? 1 : 2);
    write_file("a/cpu.max", "1000 100000\n");
    assert_int_equal(os_cpus(true), 1);
    assert_int_equal(os_cpus(false), by_affinity);
    write_file("a/cpu.max", "nonsense\n");
    assert_int_equal(os_cpus(true), by_affinity);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (size_t i = 0; CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &set)) {
            CPU_SET(i, &one);
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(os_cpus(true), 1);
    assert_int_equal(sched_setaffinity(0, sizeof set, &set), 0);
}

/* A path that is longer than any, and the real files. */
static void test_odd(void **state) {
    (void)state;
    static char line[8000] = "0::/";
    memset(line + 4, 'x', sizeof line - 5);
    write_file("self", line);
    (void)memory();
    os_cgroup_look_at(NULL, NULL);
    (void)memory();
    assert_true(os_cpus(true) >= 1 && os_cpus(false) >= 1);
    os_cgroup_look_at(self, root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_there), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_events),        cmocka_unit_test(test_cpus),
        cmocka_unit_test(test_odd),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
