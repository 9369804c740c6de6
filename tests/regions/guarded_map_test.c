/* Reading files that somebody else cuts short: SIGBUS becomes an error, and what is not ours
 * reaches the program's handler.  Each case of a handler is a process of its own. */
#include "support/map.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "os/bus_error.h"
#include "os/os.h"
#include "support/files.h"

enum { PAGES = 4 };

/* A map of PAGES pages of 'x', of which one is left in the file. */
static void map_cut_file(struct cairn_map *map, const char *name) {
    size_t size = PAGES * os_page_size();
    char *bytes = malloc(size);
    REQUIRE(bytes != NULL);
    memset(bytes, 'x', size);
    const char *path = scratch_file(name, bytes, size);
    free(bytes);
    REQUIRE(!cairn_map_failed(cairn_map_file(map, path, CAIRN_MAP_READ, 0)));
    REQUIRE(truncate(path, (off_t)os_page_size()) == 0);
}

static bool is_gone(struct cairn_map_error error) {
    return cairn_map_failed(error) && strcmp(error.call, "mapped read") == 0 && error.code == EIO;
}

static void what_is_there_is_read(void **state) {
    (void)state;
    struct cairn_map map;
    size_t page = os_page_size();
    char *bytes = malloc(PAGES * page);
    map_cut_file(&map, "cut");
    for (int round = 0; round < 3; round++) {
        memset(bytes, 0, PAGES * page);
        assert_fine(cairn_map_read_guarded(&map, 0, bytes, page));
        assert_int_equal(bytes[page - 1], 'x');
        assert_true(is_gone(cairn_map_read_guarded(&map, 0, bytes, page + 1)));
        assert_true(is_gone(cairn_map_read_guarded(&map, PAGES * page - 1, bytes, 1)));
        assert_fine(cairn_map_read_guarded(&map, PAGES * page, bytes, 0));
    }
    free(bytes);
    assert_fine(cairn_map_close(&map));
}

static void the_signal_mask_is_kept(void **state) {
    (void)state;
    struct cairn_map map;
    char byte;
    sigset_t blocked;
    sigset_t now;
    map_cut_file(&map, "blocked");
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGBUS);
    (void)sigaddset(&blocked, SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
    errno = EILSEQ;
    assert_true(is_gone(cairn_map_read_guarded(&map, map.size - 1, &byte, 1)));
    assert_int_equal(errno, EILSEQ);
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &blocked, &now), 0);
    assert_true(sigismember(&now, SIGBUS) && sigismember(&now, SIGUSR1));
    assert_true(is_gone(cairn_map_read_guarded(&map, map.size - 1, &byte, 1)));
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
    assert_false(sigismember(&now, SIGBUS));
    assert_fine(cairn_map_close(&map));
}

/* --- nested calls ----------------------------------------------------------------------------- */

struct nested {
    struct cairn_map *outer;
    struct cairn_map *inner;
    const volatile char *touched;       /* in the inner call */
    const volatile char *touched_after; /* in the outer one */
    bool inner_gone;
    bool after_inner;
};

static void touch_it(void *argument) { (void)*((struct nested *)argument)->touched; }

static void call_inner(void *argument) {
    struct nested *nested = argument;
    nested->inner_gone = is_gone(cairn_map_call_guarded(nested->inner, touch_it, nested));
    nested->after_inner = true;
    (void)*nested->touched_after;
}

static void the_innermost_call_for_the_map_ends(void **state) {
    (void)state;
    struct cairn_map a;
    struct cairn_map b;
    map_cut_file(&a, "a");
    map_cut_file(&b, "b");
    struct nested nested = {
        .outer = &a, .inner = &b, .touched = b.data + b.size - 1, .touched_after = a.data};
    assert_fine(cairn_map_call_guarded(&a, call_inner, &nested));
    assert_true(nested.inner_gone && nested.after_inner);

    nested = (struct nested){.outer = &a, .inner = &b, .touched = a.data + a.size - 1};
    assert_true(is_gone(cairn_map_call_guarded(&a, call_inner, &nested)));
    assert_false(nested.after_inner);

    nested = (struct nested){.outer = &a,
                             .inner = &a,
                             .touched = a.data + a.size - 1,
                             .touched_after = a.data + a.size - 1};
    assert_true(is_gone(cairn_map_call_guarded(&a, call_inner, &nested)));
    assert_true(nested.inner_gone && nested.after_inner);
    assert_fine(cairn_map_close(&a));
    assert_fine(cairn_map_close(&b));
}

/* --- threads ---------------------------------------------------------------------------------- */

enum { THREADS = 200, ROUNDS = 20 };

static struct {
    struct cairn_map map;
    pthread_barrier_t all_inside;
    _Atomic(int) gone;
} shared;

/* All threads are in their calls at once: more than one table of slots holds. */
static void wait_and_touch(void *argument) {
    (void)argument;
    (void)pthread_barrier_wait(&shared.all_inside);
    (void)*(const volatile char *)(shared.map.data + shared.map.size - 1);
}

static void *read_again_and_again(void *argument) {
    for (int i = 0; i < ROUNDS; i++) {
        shared.gone += is_gone(cairn_map_call_guarded(&shared.map, wait_and_touch, argument));
    }
    return NULL;
}

static void many_threads_fail_at_once(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    map_cut_file(&shared.map, "shared");
    assert_int_equal(pthread_barrier_init(&shared.all_inside, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_again_and_again, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(shared.gone, THREADS * ROUNDS);
    assert_fine(cairn_map_close(&shared.map));
}

/* --- the program's own handler ---------------------------------------------------------------- */

static struct {
    struct cairn_map guarded;
    struct cairn_map other;
} maps;
static sigjmp_buf rescue;
static volatile sig_atomic_t handled;
static volatile sig_atomic_t usr1_blocked;
static const volatile char *volatile expected;

static void note_mask(void) {
    sigset_t now;
    (void)pthread_sigmask(SIG_BLOCK, NULL, &now);
    usr1_blocked = sigismember(&now, SIGUSR1);
    handled++;
}

static void plain_handler(int number) {
    REQUIRE(number == SIGBUS);
    note_mask();
    siglongjmp(rescue, 1);
}

static void full_handler(int number, siginfo_t *info, void *context) {
    REQUIRE(number == SIGBUS && context != NULL);
    REQUIRE(expected == NULL || info->si_addr == (const volatile void *)expected);
    note_mask();
    if (expected != NULL) {
        siglongjmp(rescue, 1);
    }
}

static void touch_other(void *argument) {
    (void)argument;
    expected = maps.other.data + maps.other.size - 1;
    (void)*expected;
}

static void install_before(void *handler, int flags) {
    struct sigaction action = {.sa_flags = flags};
    *(void **)&action.sa_handler = handler; /* either kind; it is one union */
    (void)sigaddset(&action.sa_mask, SIGUSR1);
    REQUIRE(sigaction(SIGBUS, &action, NULL) == 0);
    map_cut_file(&maps.guarded, "guarded");
    map_cut_file(&maps.other, "other");
    char byte;
    REQUIRE(is_gone(cairn_map_read_guarded(&maps.guarded, maps.guarded.size - 1, &byte, 1)));
    REQUIRE(handled == 0);
}

/* A fault outside of what is guarded, in a guarded call and out of any. */
static int require_handed_on(void) {
    volatile bool inside = false;
    if (sigsetjmp(rescue, 1) == 0) {
        touch_other(NULL);
    }
    REQUIRE(handled == 1 && usr1_blocked);
    if (sigsetjmp(rescue, 1) == 0) {
        inside = true;
        (void)cairn_map_failed(cairn_map_call_guarded(&maps.guarded, touch_other, NULL));
    }
    REQUIRE(handled == 2 && inside);
    return 0;
}

static int with_plain_handler(void *argument) {
    (void)argument;
    install_before((void *)(uintptr_t)plain_handler, 0);
    return require_handed_on();
}

static int with_full_handler(void *argument) {
    (void)argument;
    install_before((void *)(uintptr_t)full_handler, SA_SIGINFO | SA_NODEFER);
    require_handed_on();
    expected = NULL;
    REQUIRE(raise(SIGBUS) == 0); /* sent, no fault: handled, and the program goes on */
    REQUIRE(handled == 3);
    return 0;
}

static int with_handler_for_once(void *argument) {
    (void)argument;
    install_before((void *)(uintptr_t)plain_handler, (int)SA_RESETHAND);
    if (sigsetjmp(rescue, 1) == 0) {
        touch_other(NULL);
    }
    REQUIRE(handled == 1);
    touch_other(NULL); /* ends the process */
    return 0;
}

static int fault_with(void *argument) {
    install_before(argument, 0);
    touch_other(NULL);
    return 0;
}

static int send_with(void *argument) {
    install_before(argument, 0);
    REQUIRE(raise(SIGBUS) == 0);
    return 0;
}

static void assert_killed(int status) {
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

static void the_programs_handler_is_called(void **state) {
    (void)state;
    assert_int_equal(in_child(with_plain_handler, NULL), 0);
    assert_int_equal(in_child(with_full_handler, NULL), 0);
}

static void without_a_handler_the_process_ends(void **state) {
    (void)state;
    assert_killed(in_child(with_handler_for_once, NULL));
    assert_killed(in_child(fault_with, (void *)(uintptr_t)SIG_DFL));
    assert_killed(in_child(send_with, (void *)(uintptr_t)SIG_DFL));
    assert_killed(in_child(fault_with, (void *)(uintptr_t)SIG_IGN));
    assert_int_equal(in_child(send_with, (void *)(uintptr_t)SIG_IGN), 0);
}

/* The program's handler of a later day, which hands on to the one it found: ours. */
static struct sigaction found;
static volatile sig_atomic_t later_handled;

static void later_handler(int number, siginfo_t *info, void *context) {
    later_handled++;
    found.sa_sigaction(number, info, context);
}

static int with_later_handler(void *argument) {
    char byte;
    install_before((void *)(uintptr_t)plain_handler, 0);
    struct sigaction later = {.sa_flags = SA_SIGINFO};
    later.sa_sigaction = later_handler;
    REQUIRE(sigaction(SIGBUS, &later, &found) == 0);
    REQUIRE(is_gone(cairn_map_read_guarded(&maps.guarded, maps.guarded.size - 1, &byte, 1)));
    REQUIRE(later_handled == 0);
    require_handed_on(); /* from ours to the later one to ours to the first one */
    REQUIRE(later_handled == 2);
    return argument != NULL;
}

static int with_many_handlers(void *argument) {
    char byte;
    struct sigaction action = {.sa_handler = plain_handler};
    map_cut_file(&maps.guarded, "guarded");
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 8; i++) { /* the same eight each time */
            (void)sigemptyset(&action.sa_mask);
            (void)sigaddset(&action.sa_mask, SIGUSR1 + i);
            REQUIRE(sigaction(SIGBUS, &action, NULL) == 0);
            REQUIRE(
                is_gone(cairn_map_read_guarded(&maps.guarded, maps.guarded.size - 1, &byte, 1)));
        }
    }
    (void)sigaddset(&action.sa_mask, SIGUSR1);
    REQUIRE(sigaction(SIGBUS, &action, NULL) == 0);
    REQUIRE(cairn_map_read_guarded(&maps.guarded, 0, &byte, 1).code == EAGAIN);
    return argument != NULL;
}

static void handlers_may_come_later(void **state) {
    (void)state;
    assert_int_equal(in_child(with_later_handler, NULL), 0);
    assert_int_equal(in_child(with_many_handlers, NULL), 0);
}

/* A child of fork is in the guarded call too. */
static void fork_and_touch(void *argument) {
    *(pid_t *)argument = fork();
    (void)*(const volatile char *)(maps.guarded.data + maps.guarded.size - 1);
}

static int fork_inside(void *argument) {
    (void)argument;
    static pid_t child;
    map_cut_file(&maps.guarded, "forked");
    REQUIRE(is_gone(cairn_map_call_guarded(&maps.guarded, fork_and_touch, &child)));
    int status = 0;
    REQUIRE(child == 0 || (waitpid(child, &status, 0) == child && status == 0));
    return 0;
}

static void a_fork_in_a_call_is_guarded(void **state) {
    (void)state;
    assert_int_equal(in_child(fork_inside, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_programs_handler_is_called),
        cmocka_unit_test(without_a_handler_the_process_ends),
        cmocka_unit_test(handlers_may_come_later),
        cmocka_unit_test(a_fork_in_a_call_is_guarded),
        cmocka_unit_test(what_is_there_is_read),
        cmocka_unit_test(the_signal_mask_is_kept),
        cmocka_unit_test(the_innermost_call_for_the_map_ends),
        cmocka_unit_test(many_threads_fail_at_once),
    };
    (void)scratch_path("."); /* made here, so that it is removed here */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
