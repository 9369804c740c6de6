/* The program's own handler of SIGSEGV and sampled guards get on with each other: a report comes
 * first, then the handler is called as the kernel would have called it; other faults are the
 * program's alone.  Runs under the library with CAIRN_GUARD_RATE=1 and CAIRN_GUARD_PERCENT=100. */
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "support/testkit.h"

static sigjmp_buf back;
static volatile int calls;
static void *volatile seen;
static volatile char *volatile protected_page;

static void jump(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)context;
    calls++;
    seen = info->si_addr;
    siglongjmp(back, 1);
}

static void repair(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)info;
    (void)context;
    calls++;
    EXPECT(mprotect((void *)protected_page, 4096, PROT_READ | PROT_WRITE) == 0);
}

static void install(void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigemptyset(&action.sa_mask);
    EXPECT(sigaction(SIGSEGV, &action, NULL) == 0);
}

/* Sends stderr into a pipe until it is read. */
static int kept_stderr, report_pipe;

static void catch_report(void) {
    int ends[2];
    EXPECT(pipe(ends) == 0);
    kept_stderr = dup(2);
    dup2(ends[1], 2);
    close(ends[1]);
    report_pipe = ends[0];
}

static const char *caught_report(void) {
    static char text[8192];
    dup2(kept_stderr, 2);
    close(kept_stderr);
    ssize_t n = read(report_pipe, text, sizeof text - 1);
    close(report_pipe);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static volatile char *freed_object(void) {
    volatile char *object = opaque(malloc(opaque_size(64)));
    free((void *)object);
    return opaque((void *)object);
}

static bool has(const char *text, const char *part) { return strstr(text, part) != NULL; }

/* A handler that was installed after the library's. */
static void test_later_handler(void) {
    install(jump, SA_NODEFER);
    volatile char *object = freed_object();
    calls = 0;
    catch_report();
    if (sigsetjmp(back, 1) == 0) {
        object[3] = 1;
        FAIL("the write went through");
    }
    EXPECT(has(caught_report(), "write after free of an object of 64 bytes, at offset 3 "));
    EXPECT(calls == 1 && seen == (void *)(object + 3));
    free(opaque(malloc(opaque_size(100)))); /* the heap goes on */
}

/* The same fault again says nothing more. */
static void test_second_fault(void) {
    install(jump, SA_NODEFER);
    volatile char *object = freed_object();
    calls = 0;
    for (int i = 0; i < 2; i++) {
        catch_report();
        if (sigsetjmp(back, 1) == 0) {
            object[0] = 1;
        }
        EXPECT(has(caught_report(), "after free") == (i == 0));
    }
    EXPECT(calls == 2);
}

/* Faults elsewhere, which the handler repairs. */
static void test_other_faults(void) {
    protected_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    install(repair, 0);
    (void)freed_object();
    calls = 0;
    catch_report();
    protected_page[0] = 1;
    EXPECT(caught_report()[0] == '\0');
    EXPECT(calls == 1 && protected_page[0] == 1);
}

/* Installed once, for one call, then the default. */
static void test_reset_handler(void) {
    install(jump, (int)SA_RESETHAND | SA_NODEFER);
    (void)freed_object();
    calls = 0;
    if (sigsetjmp(back, 1) == 0) {
        *(volatile char *)opaque(NULL) = 1;
    }
    EXPECT(calls == 1);
    *(volatile char *)opaque(NULL) = 1; /* ends the process */
}

static void test_default(void) {
    signal(SIGSEGV, SIG_DFL);
    freed_object()[0] = 1;
}

static void test_ignored(void) {
    signal(SIGSEGV, SIG_IGN);
    (void)freed_object();
    raise(SIGSEGV); /* sent: ignored */
    freed_object()[0] = 1;
}

/* On a stack of its own. */
static void test_stack_overflow_handler(void) {
    static char stack[32 * 1024];
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    EXPECT(sigaltstack(&own, NULL) == 0);
    install(jump, SA_ONSTACK | SA_NODEFER);
    volatile char *object = freed_object();
    calls = 0;
    catch_report();
    if (sigsetjmp(back, 1) == 0) {
        object[0] = 1;
    }
    EXPECT(has(caught_report(), "write after free"));
    EXPECT(calls == 1);
}

static void in_child(const char *name, void (*test)(void), int signal_expected) {
    pid_t child = fork();
    if (child == 0) {
        static const struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        test();
        _exit(0);
    }
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    int ended_by = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (ended_by != signal_expected || (signal_expected == 0 && WEXITSTATUS(status) != 0)) {
        FAIL("%s: status 0x%x", name, (unsigned)status);
    }
}

int main(void) {
    in_child("later handler", test_later_handler, 0);
    in_child("second fault", test_second_fault, 0);
    in_child("other faults", test_other_faults, 0);
    in_child("reset handler", test_reset_handler, SIGSEGV);
    in_child("default", test_default, SIGSEGV);
    in_child("ignored", test_ignored, SIGSEGV);
    in_child("own stack", test_stack_overflow_handler, 0);
    return 0;
}
