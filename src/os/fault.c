#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <ucontext.h>

/* How a handler of ours hands on.  The one that a program installs over ours may hand on to ours,
 * so when ours goes over that it must be another function, or the two would call each other for
 * ever: each generation is one handler of the program, and the one of ours above it. */
struct generation {
    _Atomic(bool) taken;       /* by the thread that fills it in */
    _Atomic(bool) ready;       /* before may be read, and is not written any more */
    _Atomic(bool) once_called; /* a handler with SA_RESETHAND is called once */
    struct sigaction before;
};

enum { GENERATIONS = 8 };

static struct chain {
    struct generation generations[GENERATIONS];
    _Atomic(uintptr_t) handle; /* an os_fault_handler *; never changes once set */
} chains[OS_FAULT_KINDS];

static int signal_of(enum os_fault_kind kind) { return kind == OS_FAULT_BUS ? SIGBUS : SIGSEGV; }

/* Whether the instruction that failed is tried again after the handler's return.  Other signals
 * were sent by a program, or tell of memory that nobody has touched yet. */
static bool is_fault(int number, const siginfo_t *info) {
    if (number == SIGSEGV) {
        return info->si_code > 0; /* SI_KERNEL too: an address that none can have */
    }
    switch (info->si_code) {
    case BUS_ADRALN:
    case BUS_ADRERR:
    case BUS_OBJERR:
    case BUS_MCEERR_AR:
        return true;
    default:
        return false;
    }
}

/* Whether the kernel says at which address it happened. */
static bool has_address(int number, const siginfo_t *info) {
    return is_fault(number, info) &&
           (number == SIGSEGV ? info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR
                              : info->si_code != BUS_ADRALN);
}

static struct os_fault describe(const siginfo_t *info, const void *context) {
    struct os_fault fault = {(uintptr_t)info->si_addr, OS_FAULT_OTHER, 0, 0};
#if defined(__x86_64__)
    /* The processor's error code of a page fault: Intel's manual, volume 3, 4.7. */
    enum { WRITE = 1 << 1, FETCH = 1 << 4 };
    const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;
    if ((registers[REG_ERR] & FETCH) == 0) {
        fault.access = (registers[REG_ERR] & WRITE) != 0 ? OS_FAULT_WRITE : OS_FAULT_READ;
    }
    fault.instruction = (uintptr_t)registers[REG_RIP];
    fault.frame = (uintptr_t)registers[REG_RBP];
#else
    (void)context;
#endif
    return fault;
}

static void end_by_default(int number, const siginfo_t *info) {
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    (void)sigaction(number, &standard, NULL);
    if (!is_fault(number, info)) {
        (void)raise(number); /* a fault comes again by itself, at the right place for a core file */
    }
}

/* Lets the signal reach the calling thread or holds it back; says which it was. */
static bool admit(int number, bool let_in) {
    sigset_t signals;
    sigset_t before;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, number);
    (void)pthread_sigmask(let_in ? SIG_UNBLOCK : SIG_BLOCK, &signals, &before);
    return sigismember(&before, number) == 0;
}

/* Does what the kernel would have done without a handler of ours. */
static void hand_on(struct generation *generation, int number, siginfo_t *info, void *context) {
    const struct sigaction *before = &generation->before;
    bool ignored = before->sa_handler == SIG_IGN;
    bool spent = (before->sa_flags & (int)SA_RESETHAND) != 0 &&
                 atomic_exchange(&generation->once_called, true);
    if (ignored && !is_fault(number, info)) {
        return;
    }
    if (ignored || spent || before->sa_handler == SIG_DFL) {
        end_by_default(number, info);
        return;
    }
    sigset_t mask;
    (void)pthread_sigmask(SIG_BLOCK, &before->sa_mask, &mask);
    if ((before->sa_flags & SA_NODEFER) != 0) {
        (void)admit(number, true);
    }
    if ((before->sa_flags & SA_SIGINFO) != 0) {
        before->sa_sigaction(number, info, context);
    } else {
        before->sa_handler(number);
    }
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static struct chain *chain_of(int number) {
    return &chains[number == SIGBUS ? OS_FAULT_BUS : OS_FAULT_SEGMENT];
}

static void on_signal(size_t number_of_generation, int number, siginfo_t *info, void *context) {
    int saved = errno;
    struct chain *chain = chain_of(number);
    if (has_address(number, info)) {
        /* relaxed: set before any handler of ours was installed. */
        uintptr_t handle = atomic_load_explicit(&chain->handle, memory_order_relaxed);
        struct os_fault fault = describe(info, context);
        ((os_fault_handler *)handle)(&fault);
    }
    hand_on(&chain->generations[number_of_generation], number, info, context);
    errno = saved;
}

#define HANDLER(generation)                                                          \
    static void on_signal_##generation(int number, siginfo_t *info, void *context) { \
        on_signal(generation, number, info, context);                                \
    }
HANDLER(0)
HANDLER(1)
HANDLER(2)
HANDLER(3)
HANDLER(4)
HANDLER(5)
HANDLER(6)
HANDLER(7)

static void (*const handlers[GENERATIONS])(int, siginfo_t *, void *) = {
    on_signal_0, on_signal_1, on_signal_2, on_signal_3,
    on_signal_4, on_signal_5, on_signal_6, on_signal_7,
};

static bool is_ours(const struct sigaction *action) {
    for (size_t i = 0; i < GENERATIONS; i++) {
        if ((action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == handlers[i]) {
            return true;
        }
    }
    return false;
}

/* Not memcmp: a C library need not fill what the kernel does not know of a mask. */
static bool is_same(const struct sigaction *a, const struct sigaction *b) {
    enum { SIGNALS = 64 };
    for (int i = 1; i <= SIGNALS; i++) {
        if (sigismember(&a->sa_mask, i) != sigismember(&b->sa_mask, i)) {
            return false;
        }
    }
    return a->sa_handler == b->sa_handler && a->sa_flags == b->sa_flags;
}

/* The generation above a handler; two threads at once may make two, which does no harm.  Its
 * number, or GENERATIONS if none is left.  A handler that comes back gets the generation it had, as
 * test frameworks install theirs again and again; one that comes back and by then hands on to that
 * very generation would go round in circles, which is asked too much. */
static size_t generation_above(struct chain *chain, const struct sigaction *before) {
    for (size_t i = 0; i < GENERATIONS; i++) {
        struct generation *generation = &chain->generations[i];
        if (atomic_load_explicit(&generation->ready, memory_order_acquire) &&
            is_same(&generation->before, before)) {
            atomic_store(&generation->once_called, false);
            return i;
        }
    }
    for (size_t i = 0; i < GENERATIONS; i++) {
        struct generation *generation = &chain->generations[i];
        if (!atomic_exchange(&generation->taken, true)) {
            generation->before = *before;
            atomic_store_explicit(&generation->ready, true, memory_order_release);
            return i;
        }
    }
    return GENERATIONS;
}

static int install(enum os_fault_kind kind) {
    struct chain *chain = &chains[kind];
    int signal = signal_of(kind);
    struct sigaction before;
    if (sigaction(signal, NULL, &before) != 0) {
        return errno;
    }
    if (is_ours(&before)) {
        return 0;
    }
    size_t number = generation_above(chain, &before);
    if (number == GENERATIONS) {
        return EAGAIN;
    }
    struct sigaction ours = {.sa_sigaction = handlers[number],
                             .sa_flags = SA_SIGINFO | SA_ONSTACK | (before.sa_flags & SA_RESTART)};
    (void)sigemptyset(&ours.sa_mask);
    return sigaction(signal, &ours, NULL) == 0 ? 0 : errno;
}

int os_on_fault(enum os_fault_kind kind, os_fault_handler *handle) {
    int saved = errno;
    atomic_store_explicit(&chains[kind].handle, (uintptr_t)handle, memory_order_relaxed);
    int code = install(kind);
    errno = saved;
    return code;
}

bool os_admit_faults(enum os_fault_kind kind, bool let_in) {
    return admit(signal_of(kind), let_in);
}
