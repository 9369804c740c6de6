/* The debug profile with objects at the edges of their pages: where they lie, what cannot be
 * touched, what is reported; where the kernel marks pages, and where it can't (locked memory). */
#include "guard/edges.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/bits.h"
#include "config/options.h"
#include "core/sampling.h"
#include "guard/debug.h"
#include "guard/leaks.h"
#include "guard/record.h"
#include "guard/slots.h"
#include "os/os.h"
#include "support/dies.h"
#include "support/testkit.h"

struct mode {
    const char *edges;
    bool is_locked;
};
static const struct mode modes[] = {
    {"after", false}, {"before", false}, {"after", true}, {"before", true}};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MODES = 2 }; /* sanitizers do not let memory be locked */
#else
enum { MODES = sizeof modes / sizeof modes[0] };
#endif

/* In a child: each has the profile once. */
static void begin(const struct mode *mode) {
    (void)signal(SIGSEGV, SIG_DFL); /* cmocka's handler would go on with the test */
    (void)signal(SIGABRT, SIG_DFL);
    options.guard_edges = mode->edges;
    options.mismatch = true;
    if (mode->is_locked && mlockall(MCL_FUTURE | MCL_ONFAULT) != 0) {
        _exit(0); /* not allowed here */
    }
    debug_start();
    REQUIRE(!mode->is_locked || slots_bytes() / SLOT_STRIDE <= SLOTS_MAX);
}

static void for_each_mode(int (*function)(void *)) {
    for (size_t i = 0; i < MODES; i++) {
        if (in_child(function, (void *)(uintptr_t)&modes[i]) != 0) {
            fail_msg("%s%s", modes[i].edges, modes[i].is_locked ? ", locked" : "");
        }
    }
}

struct access {
    volatile char *at;
    bool writes;
};

static int access_it(void *argument) {
    const struct access *access = argument;
    (void)close(2); /* the report of it */
    if (access->writes) {
        *access->at = 1;
    } else {
        (void)*access->at;
    }
    return 0;
}

static bool faults(const char *at) {
    struct access read = {(volatile char *)(uintptr_t)at, false};
    struct access write = {(volatile char *)(uintptr_t)at, true};
    int status = in_child(access_it, &read), other = in_child(access_it, &write);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && WIFSIGNALED(other) &&
           WTERMSIG(other) == SIGSEGV;
}

static const size_t sizes[] = {1, 16, 100, 4095, 4097, 40000, 500000};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* --- where they lie --------------------------------------------------------------------------- */

static void require_at_edge(const struct mode *mode, const char *object, size_t size,
                            size_t alignment) {
    size_t page = os_page_size();
    REQUIRE(usable_size("malloc_usable_size", object) == size);
    REQUIRE((uintptr_t)object % alignment == 0);
    const char *end = object + round_up(size, alignment < page ? alignment : page);
    if (strcmp(mode->edges, "after") == 0) {
        REQUIRE(alignment > page || (uintptr_t)end % page == 0);
        REQUIRE(alignment > page || faults(end));
    } else {
        REQUIRE((uintptr_t)object % page == 0);
        REQUIRE(faults(object - 1));
    }
}

static int lie_at_edges(void *argument) {
    begin(argument);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < SIZES; i++) {
            unsigned char *object = take(sizes[i]);
            require_at_edge(argument, (char *)object, sizes[i], GRANULE);
            REQUIRE(object[0] == FILL_FRESH && object[sizes[i] - 1] == FILL_FRESH);
            memset(object, 1, sizes[i]);
            give(object);
            REQUIRE(faults((char *)object) && faults((char *)object + sizes[i] - 1));
            object = take_zeroed(sizes[i]);
            require_at_edge(argument, (char *)object, sizes[i], GRANULE);
            REQUIRE((object[0] | object[sizes[i] / 2] | object[sizes[i] - 1]) == 0);
            object = resize(object, sizes[i] / 2 + 1);
            require_at_edge(argument, (char *)object, sizes[i] / 2 + 1, GRANULE);
            give_remotely(object);
            REQUIRE(faults((char *)object));
        }
        for (size_t alignment = 32; alignment <= 65536; alignment *= 4) {
            char *object = allocate_aligned(alignment, 100);
            require_at_edge(argument, object, 100, alignment);
            give(object);
        }
    }
    struct checker_finding finding;
    REQUIRE(debug_check("test") && checker_run(&finding));
    return 0;
}

static void objects_lie_at_their_edges(void **state) {
    (void)state;
    for_each_mode(lie_at_edges);
}

/* What is larger than a slot has guard pages as ever, and of no bytes as well. */
static int lie_elsewhere(void *argument) {
    begin(argument);
    char *large = take(3 << 20);
    REQUIRE(usable_size("malloc_usable_size", large) == 3 << 20);
    REQUIRE(sampling_source_of((uintptr_t)large) == NULL);
    memset(large, 1, 3 << 20);
    char *nothing = take(0);
    REQUIRE(faults(nothing));
    give(nothing);
    give(large);
    REQUIRE(debug_check("test"));
    return 0;
}

static void others_lie_elsewhere(void **state) {
    (void)state;
    for_each_mode(lie_elsewhere);
}

/* --- slots are used again, and by many -------------------------------------------------------- */

static int use_again(void *argument) {
    const struct mode *mode = argument;
    begin(mode);
    uintptr_t first = 0;
    size_t slots = slots_bytes() / SLOT_STRIDE;
    if (slots <= SLOTS_MAX) {
        return 0; /* those that are not marked: sampled_test.c */
    }
    for (size_t i = 0; i < SLOTS_MARKED_DELAY; i++) {
        char *object = take(100);
        REQUIRE((uintptr_t)object != first);
        first = i == 0 ? (uintptr_t)object : first;
        object[99] = 1;
        give(object);
    }
    char *again = take(100);
    REQUIRE((uintptr_t)again == first);
    REQUIRE((unsigned char)again[99] == FILL_FRESH);
    require_at_edge(mode, again, 100, GRANULE);
    give(again);
    REQUIRE(faults(again));
    return 0;
}

static void slots_are_used_again(void **state) {
    (void)state;
    for_each_mode(use_again);
}

static char *places[500];

static void *work(void *argument) {
    uint64_t random = (uintptr_t)argument;
    for (unsigned i = 0; i < 300; i++) {
        size_t size = 1 + random_next(&random) % (i % 50 == 0 ? 600000 : 300);
        char *object = take(size);
        REQUIRE(object != NULL);
        memset(object, 9, size);
        object = resize(object, size + 40);
        REQUIRE(object[0] == 9 && object[size - 1] == 9);
        memset(object, 9, size + 40);
        give(__atomic_exchange_n(&places[random_next(&random) % 500], object, __ATOMIC_ACQ_REL));
    }
    return NULL;
}

static int use_by_threads(void *argument) {
    begin(argument);
    pthread_t threads[3];
    for (uintptr_t i = 0; i < 3; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, work, (void *)(i + 1)) == 0);
    }
    for (unsigned i = 0; i < 5; i++) {
        REQUIRE(debug_check("test"));
    }
    for (size_t i = 0; i < 3; i++) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    }
    struct checker_finding finding;
    REQUIRE(debug_check("test") && checker_run(&finding));
    return 0;
}

static int work_in_fork(void *argument) {
    work(argument);
    return debug_check("test") ? 0 : 1;
}

static int use_by_threads_and_fork(void *argument) {
    REQUIRE(use_by_threads(argument) == 0);
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, work, (void *)4) == 0);
    REQUIRE(in_child(work_in_fork, (void *)5) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    return debug_check("test") ? 0 : 1;
}

static void threads_free_each_others_objects(void **state) {
    (void)state;
    for_each_mode(use_by_threads_and_fork);
}

/* Sanitizers take all address space there may be. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CAN_LIMIT_ADDRESSES

/* With address space for few slots: others follow when those are live. */
static void use_all_slots(void *argument) {
    static char *objects[5000];
    size_t mapped = status_bytes("VmSize:");
    struct rlimit limit = {mapped + ((size_t)1 << 30), RLIM_INFINITY};
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
    begin(argument);
    size_t count = slots_bytes() / SLOT_STRIDE, beside = 0;
    REQUIRE(count >= 64 && count < 2048);
    for (size_t i = 0; i < 5000; i++) {
        objects[i] = take(100);
        REQUIRE(objects[i] != NULL && usable_size("malloc_usable_size", objects[i]) == 100);
        memset(objects[i], 1, 100);
        beside += sampling_source_of((uintptr_t)objects[i]) != NULL;
    }
    REQUIRE(beside == count && debug_check("test"));
    for (size_t i = 0; i < 5000; i++) {
        give(objects[i]);
    }
    REQUIRE(sampling_source_of((uintptr_t)take(100)) != NULL);
    abort();
}

static void where_slots_end_canaries_begin(void **state) {
    (void)state;
    assert_dies(use_all_slots, (void *)(uintptr_t)&modes[0],
                "cairn: CAIRN_GUARD_EDGES=after: all slots have live objects; other objects have "
                "no guard pages\n");
}

static void start_without_address_space(void *argument) {
    struct rlimit limit = {status_bytes("VmSize:") + (16 << 20), RLIM_INFINITY};
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
    begin(argument);
    REQUIRE(take(100) != NULL);
    abort();
}

static void too_little_address_space_is_told(void **state) {
    (void)state;
    assert_dies(start_without_address_space, (void *)(uintptr_t)&modes[0],
                "cairn: CAIRN_GUARD_EDGES=after is ignored: there is no address space for slots of "
                "512 KiB\n");
}
#endif

static void use_nonsense(void *unused) {
    (void)unused;
    begin(&(struct mode){"behind", false});
    REQUIRE(sampling_source_of((uintptr_t)take(100)) == NULL);
    abort();
}

static void nonsense_is_told(void **state) {
    (void)state;
    assert_dies(use_nonsense, NULL,
                "cairn: CAIRN_GUARD_EDGES=behind is ignored: it must be after or before\n");
}

/* --- what is reported ------------------------------------------------------------------------- */

static void free_twice(void *argument) {
    begin(argument);
    void *object = take(100);
    give(object);
    give(object);
}

static void free_inside(void *argument) {
    begin(argument);
    char *object = take(100);
    give(object + 16);
}

static void write_in_margin(void *argument) {
    begin(argument);
    char *object = take(100);
    object[100] = 0;
    give(object);
}

static void write_and_check(void *argument) {
    begin(argument);
    char *object = take(5000);
    object[5001] = 7;
    (void)debug_check("cairn_check");
}

static void resize_after_writing(void *argument) {
    begin(argument);
    char *object = take(100);
    object[100] = 0;
    (void)resize(object, 200);
}

static void free_as_new(void *argument) {
    begin(argument);
    free_claimed("delete", take(100), FORM_NEW, 100, CLAIM_NONE);
}

static void free_as_smaller(void *argument) {
    begin(argument);
    free_claimed("free_sized", take(100), FORM_MALLOC, 90, CLAIM_NONE);
}

static void mistakes_are_reported(void **state) {
    (void)state;
    static const struct {
        void (*function)(void *);
        const char *text;
    } rows[] = {
        {free_twice, "double free of an object of 100 bytes; thread "},
        {free_twice, "\n  freed by thread "},
        {free_inside, "pointer 16 bytes into an object of 100 bytes that starts at "},
        {write_in_margin, "free(0x"},
        {write_in_margin, "1 byte was changed behind an object of 100 bytes, from offset 100 on: "
                          "found 00; thread "},
        {write_and_check, "1 byte was changed behind an object of 5000 bytes, from offset 5001 "
                          "on: found 07; thread "},
        {resize_after_writing, "cairn: realloc(0x"},
        {resize_after_writing, "1 byte was changed behind an object of 100 bytes"},
        {free_as_new, "an object of 100 bytes was allocated by malloc or its kin; free it by free"},
        {free_as_smaller, "an object of 100 bytes was called one of 90; give"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_dies(rows[i].function, (void *)(uintptr_t)&modes[0], rows[i].text);
        assert_dies(rows[i].function, (void *)(uintptr_t)&modes[1], rows[i].text);
    }
}

/* --- leaks ------------------------------------------------------------------------------------ */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FINDS_LEAKS
static void *kept_here;

__attribute__((noinline)) static void lose(void) {
    for (volatile unsigned i = 0; i < 30; i++) {
        char *volatile object = take(77);
        object[0] = 1;
        object = NULL;
    }
}

static void leak_and_report(void *argument) {
    begin(argument);
    kept_here = take(1000);
    *(void **)kept_here = take(2000);
    lose();
    volatile char stack[8192];
    for (size_t i = 0; i < sizeof stack; i++) {
        stack[i] = 0;
    }
    leaks_report();
    abort();
}

static void leaks_are_told_apart(void **state) {
    (void)state;
    for (size_t i = 0; i < MODES; i++) {
        void *mode = (void *)(uintptr_t)&modes[i];
        if (!modes[i].is_locked) {
            assert_dies(leak_and_report, mode, " objects that nothing points to\n  ");
            assert_dies(leak_and_report, mode, "1000 bytes in 1 object, allocated at:");
            assert_dies(leak_and_report, mode, "2000 bytes in 1 object, allocated at:");
        }
    }
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_lie_at_their_edges),
        cmocka_unit_test(others_lie_elsewhere),
        cmocka_unit_test(slots_are_used_again),
        cmocka_unit_test(threads_free_each_others_objects),
#ifdef CAN_LIMIT_ADDRESSES
        cmocka_unit_test(where_slots_end_canaries_begin),
        cmocka_unit_test(too_little_address_space_is_told),
#endif
        cmocka_unit_test(nonsense_is_told),
        cmocka_unit_test(mistakes_are_reported),
#ifdef FINDS_LEAKS
        cmocka_unit_test(leaks_are_told_apart),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
