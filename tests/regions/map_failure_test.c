/* All that maps do, with the first, the second, ... call to the kernel refused, until it gets
 * through: each refusal must show as an error that names a call, and leave nothing behind. */
#include "support/map.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "os/os.h"
#include "support/files.h"
#include "support/sweep.h"

/* What was refused shows as an error, and an error comes from what was refused. */
static bool fine(struct cairn_map_error error) {
    if (cairn_map_failed(error)) {
        REQUIRE(os_faulty_failures() > 0);
        REQUIRE(error.code == EIO || error.code == ENOMEM);
    }
    return !cairn_map_failed(error);
}

static void use(const struct cairn_map *map, char value) {
    for (size_t i = 0; i < map->size; i += 512) {
        map->data[i] = value;
        REQUIRE(map->data[i] == value);
    }
}

static void use_memory(void) {
    struct cairn_map map;
    if (fine(cairn_map_memory(&map, 10000, CAIRN_MAP_GUARDED | CAIRN_MAP_HUGE))) {
        use(&map, 1);
        REQUIRE(fine(cairn_map_close(&map)));
    }
    REQUIRE(map.data == NULL);
    if (fine(cairn_map_reserve(&map, (size_t)1 << 30, 0))) {
        for (size_t size = 1; size < 100000; size *= 3) {
            size_t before = map.size;
            bool resized = fine(cairn_map_resize(&map, size));
            REQUIRE(map.size == (resized ? size : before));
            use(&map, 2);
        }
        (void)fine(cairn_map_resize(&map, 10));
        use(&map, 3);
        REQUIRE(fine(cairn_map_close(&map)));
    }
    if (fine(cairn_map_ring(&map, 10000))) {
        use(&map, 4);
        REQUIRE(map.data[map.size] == 4);
        REQUIRE(fine(cairn_map_close(&map)));
    }
}

static bool may_shorten_files; /* resizing is not refused, so what failed is undone */

static void require_length(const char *path, size_t length) {
    struct stat status;
    REQUIRE(stat(path, &status) == 0);
    REQUIRE(!may_shorten_files || (size_t)status.st_size == length);
}

static void grow_file(struct cairn_map *map, const char *path) {
    for (size_t size = 1; size < 200000; size *= 3) {
        size_t before = map->size;
        bool resized = fine(cairn_map_resize(map, size));
        REQUIRE(map->size == (resized ? size : before));
        require_length(path, map->size);
        use(map, 5);
    }
    (void)fine(cairn_map_flush(map, 0, map->size));
    (void)fine(cairn_map_advise(map, 0, map->size, CAIRN_MAP_SEQUENTIAL));
    (void)fine(cairn_map_resize(map, 10));
    use(map, 6);
}

static void use_files(void) {
    static const size_t reservations[] = {0, 300000};
    struct cairn_map map;
    char byte;
    for (size_t i = 0; i < 2; i++) {
        const char *path = scratch_path("grown");
        if (fine(cairn_map_file(&map, path, CAIRN_MAP_CREATE, reservations[i]))) {
            grow_file(&map, path);
            (void)fine(cairn_map_read_guarded(&map, 0, &byte, map.size > 0));
            (void)fine(cairn_map_close(&map));
        }
        REQUIRE(map.data == NULL);
        (void)unlink(path);
    }
}

static size_t open_files(void) {
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    REQUIRE(folder != NULL);
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

/* Exit status: whether anything was refused. */
static int run_planned(void *argument) {
    const struct plan *plan = argument;
    (void)mapped_bytes(); /* stdio's own memory comes first */
    size_t files = open_files();
    size_t mapped = mapped_bytes();
    may_shorten_files = (plan->kinds >> OS_CALL_FILE_RESIZE & 1) == 0;
    os_faulty_arm(plan->kinds, plan->n, plan->onwards);
    use_memory();
    use_files();
    size_t failures = os_faulty_failures();
    os_faulty_arm(0, 0, false);
    REQUIRE(open_files() == files);
    REQUIRE(mapped_bytes() <= mapped + ((size_t)1 << 20));
    return failures > 0;
}

static void each_kind_is_refused(void **state) {
    (void)state;
    static const enum os_call kinds[] = {
        OS_CALL_RESERVE,     OS_CALL_COMMIT,   OS_CALL_DISCARD,   OS_CALL_FILE_OPEN,
        OS_CALL_FILE_CLOSE,  OS_CALL_MAP_FILE, OS_CALL_FILE_SIZE, OS_CALL_FILE_RESIZE,
        OS_CALL_MEMORY_FILE, OS_CALL_FLUSH,    OS_CALL_ADVISE,    OS_CALL_BUS_ERROR,
    };
    sweep_each(run_planned, kinds, sizeof kinds / sizeof *kinds);
}

static void all_kinds_are_refused(void **state) {
    (void)state;
    sweep_all(run_planned);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_refused),
        cmocka_unit_test(all_kinds_are_refused),
    };
    (void)scratch_path("."); /* made here, so that it is removed here */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
