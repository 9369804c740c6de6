/* Captured stacks against what the test called, on every kind of stack. */
#include "trace/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

/* Where the calls of deepen() come back to, by the program's own account. */
enum { DEPTH = 10 };
static uintptr_t came_from[DEPTH];

__attribute__((noinline)) static void deepen(unsigned depth, struct stack *stack, unsigned skip) {
    came_from[DEPTH - depth] = (uintptr_t)__builtin_return_address(0);
    if (depth == 1) {
        stack_capture(stack, skip);
    } else {
        deepen(depth - 1, stack, skip);
    }
    __asm__ volatile("" ::: "memory"); /* no tail call */
}

/* The last call's own address is not among came_from: it is in deepen(). */
static void assert_as_called(const struct stack *stack, unsigned skip) {
    assert_true(stack->count >= DEPTH + 1 - skip);
    for (unsigned i = 0; i < DEPTH - (skip == 0 ? 0 : skip - 1); i++) {
        unsigned at = skip == 0 ? i + 1 : i;
        unsigned from_the_innermost = skip == 0 ? i : i + skip - 1;
        assert_int_equal(stack->frame[at], came_from[DEPTH - 1 - from_the_innermost]);
    }
}

static void capture_and_compare(void) {
    struct stack stack;
    for (unsigned skip = 0; skip < 4; skip++) {
        deepen(DEPTH, &stack, skip);
        assert_as_called(&stack, skip);
    }
}

static void test_first_thread(void **state) {
    (void)state;
    capture_and_compare();
    capture_and_compare();
}

static void *in_thread(void *argument) {
    capture_and_compare();
    return argument;
}

static void run_in_thread(const pthread_attr_t *attributes) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, attributes, in_thread, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_threads(void **state) {
    (void)state;
    run_in_thread(NULL);
    run_in_thread(NULL);
}

static void test_own_stack_of_thread(void **state) {
    (void)state;
    enum { SIZE = 1 << 20 };
    pthread_attr_t attributes;
    void *memory = NULL;
    assert_int_equal(posix_memalign(&memory, 4096, SIZE), 0);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, memory, SIZE), 0);
    run_in_thread(&attributes);
    assert_int_equal(pthread_attr_destroy(&attributes), 0);
    free(memory);
}

static void on_signal(int number) {
    (void)number;
    capture_and_compare();
}

static void raise_on_alternate_stack(void) {
    enum { SIZE = 64 << 10 };
    stack_t alternate = {.ss_sp = malloc(SIZE), .ss_size = SIZE};
    stack_t before;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    assert_int_equal(sigaltstack(&alternate, &before), 0);
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    before.ss_flags = SS_DISABLE;
    assert_int_equal(sigaltstack(&before, NULL), 0);
    free(alternate.ss_sp);
}

/* As the first capture of a thread, and as a later one. */
static void *signal_in_thread(void *argument) {
    raise_on_alternate_stack();
    capture_and_compare();
    raise_on_alternate_stack();
    return argument;
}

static void test_alternate_signal_stack(void **state) {
    (void)state;
    pthread_t thread;
    (void)signal_in_thread(NULL);
    assert_int_equal(pthread_create(&thread, NULL, signal_in_thread, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_coroutine(void **state) {
    (void)state;
    enum { SIZE = 256 << 10 };
    ucontext_t here;
    ucontext_t there;
    char *memory = malloc(SIZE);
    assert_int_equal(getcontext(&there), 0);
    there.uc_stack.ss_sp = memory;
    there.uc_stack.ss_size = SIZE;
    there.uc_link = &here;
    makecontext(&there, capture_and_compare, 0);
    assert_int_equal(swapcontext(&here, &there), 0);
    free(memory);
    capture_and_compare();
}

/* Frame records that lie: what stands before the lie is kept, and nothing is touched beyond it. */
struct frame_record {
    uintptr_t caller;
    uintptr_t return_address;
};

__attribute__((noinline)) static void lie(uintptr_t caller) {
    struct stack stack;
    struct frame_record *mine = __builtin_frame_address(0);
    uintptr_t saved = mine->caller;
    mine->caller = caller;
    stack_capture(&stack, 0);
    mine->caller = saved;
    assert_int_equal(stack.count, 2);
    assert_int_equal(stack.frame[1], mine->return_address);
}

static void *lie_in_many_ways(void *argument) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    const uintptr_t lies[] = {
        0,
        1,
        8,
        here - 4096, /* downwards */
        here + 1,    /* not aligned */
        UINTPTR_MAX - 7,
        UINTPTR_MAX - 15,
        (uintptr_t)1 << 47,
        (uintptr_t)1 << 63,
        (uintptr_t)lie & ~(uintptr_t)7, /* readable, but no stack */
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        lie(lies[i]);
    }
    return argument;
}

static void test_lying_frames(void **state) {
    (void)state;
    pthread_t thread;
    (void)lie_in_many_ways(NULL);
    assert_int_equal(pthread_create(&thread, NULL, lie_in_many_ways, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

__attribute__((noinline)) static void recurse(unsigned depth, struct stack *stack) {
    if (depth == 0) {
        stack_capture(stack, 0);
    } else {
        recurse(depth - 1, stack);
    }
    __asm__ volatile("" ::: "memory"); /* no tail call */
}

static void test_deep_stack_is_cut(void **state) {
    (void)state;
    struct stack stack;
    recurse(3 * STACK_FRAMES, &stack);
    assert_int_equal(stack.count, STACK_FRAMES);
    for (uint32_t i = 2; i < stack.count; i++) {
        assert_int_equal(stack.frame[i], stack.frame[1]);
    }
}

/* A signal handler that looks at what it interrupted. */
static struct stack interrupted;

static void look_at_interrupted(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    const ucontext_t *state = context;
#if defined(__x86_64__)
    uintptr_t address = (uintptr_t)state->uc_mcontext.gregs[REG_RIP];
    uintptr_t frame = (uintptr_t)state->uc_mcontext.gregs[REG_RBP];
#else
    uintptr_t address = (uintptr_t)state->uc_mcontext.pc;
    uintptr_t frame = (uintptr_t)state->uc_mcontext.regs[29];
#endif
    stack_capture_at(&interrupted, address, frame);
}

/* The instruction that traps stands in a function with a frame of its own. */
__attribute__((noinline)) static uintptr_t trap(unsigned depth) {
    uintptr_t came = (uintptr_t)__builtin_return_address(0);
    if (depth > 0) {
        (void)trap(depth - 1);
    } else {
        (void)raise(SIGUSR2);
    }
    __asm__ volatile("" ::: "memory");
    return came;
}

static void test_what_a_signal_interrupted(void **state) {
    (void)state;
    enum { SIZE = 64 << 10, DEEP = 5 };
    stack_t alternate = {.ss_sp = malloc(SIZE), .ss_size = SIZE};
    struct sigaction action = {.sa_sigaction = look_at_interrupted,
                               .sa_flags = SA_ONSTACK | SA_SIGINFO};
    assert_int_equal(sigaltstack(&alternate, NULL), 0);
    assert_int_equal(sigaction(SIGUSR2, &action, NULL), 0);
    uintptr_t came = trap(DEEP);
    bool found = false;
    for (uint32_t i = 1; i < interrupted.count; i++) {
        found = found || interrupted.frame[i] == came;
    }
    assert_true(found && interrupted.count > DEEP);
    alternate.ss_flags = SS_DISABLE;
    assert_int_equal(sigaltstack(&alternate, NULL), 0);
    free(alternate.ss_sp);
}

static void test_any_two_numbers_will_do(void **state) {
    (void)state;
    const uintptr_t numbers[] = {0, 1, 8, 4096, (uintptr_t)trap, UINTPTR_MAX - 7, UINTPTR_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct stack stack;
        stack_capture_at(&stack, numbers[i], numbers[i]);
        assert_true(stack.count >= 1 && stack.frame[0] == numbers[i]);
    }
}

static void test_errno_is_kept(void **state) {
    (void)state;
    struct stack stack;
    errno = EXDEV;
    stack_capture(&stack, 0);
    assert_int_equal(errno, EXDEV);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_thread),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_own_stack_of_thread),
        cmocka_unit_test(test_alternate_signal_stack),
        cmocka_unit_test(test_coroutine),
        cmocka_unit_test(test_lying_frames),
        cmocka_unit_test(test_deep_stack_is_cut),
        cmocka_unit_test(test_errno_is_kept),
        cmocka_unit_test(test_what_a_signal_interrupted),
        cmocka_unit_test(test_any_two_numbers_will_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
