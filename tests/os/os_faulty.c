#include "os/os_faulty.h"

#include <stdatomic.h>

#include "os/os.h"

/* Written while the program has one thread. */
static struct {
    unsigned kinds;
    size_t n;
    bool onwards;
} plan;

static _Atomic(size_t) calls[OS_CALLS];
static _Atomic(size_t) chosen;
static _Atomic(size_t) failures;

void os_faulty_arm(unsigned kinds, size_t n, bool onwards) {
    plan.kinds = kinds;
    plan.n = n;
    plan.onwards = onwards;
    for (size_t i = 0; i < OS_CALLS; i++) {
        calls[i] = 0;
    }
    chosen = 0;
    failures = 0;
}

size_t os_faulty_calls(enum os_call kind) { return calls[kind]; }
size_t os_faulty_failures(void) { return failures; }

static bool fails(enum os_call kind) {
    calls[kind]++;
    if ((plan.kinds >> kind & 1) == 0) {
        return false;
    }
    size_t number = ++chosen;
    bool now = plan.n != 0 && (plan.onwards ? number >= plan.n : number == plan.n);
    failures += now;
    return now;
}

void *__real_os_reserve(size_t size, size_t alignment);
bool __real_os_commit(void *address, size_t size);
void *__real_os_map(size_t size);
bool __real_os_purge(void *address, size_t size);
bool __real_os_purge_ranges(const struct os_range *ranges, size_t count);
bool __real_os_move_pages(void *from, void *to, size_t size);
bool __real_os_on_thread_exit(void (*at_exit)(void *), void *argument);

void *__wrap_os_reserve(size_t size, size_t alignment);
bool __wrap_os_commit(void *address, size_t size);
void *__wrap_os_map(size_t size);
bool __wrap_os_purge(void *address, size_t size);
bool __wrap_os_purge_ranges(const struct os_range *ranges, size_t count);
bool __wrap_os_move_pages(void *from, void *to, size_t size);
bool __wrap_os_on_thread_exit(void (*at_exit)(void *), void *argument);

void *__wrap_os_reserve(size_t size, size_t alignment) {
    return fails(OS_CALL_RESERVE) ? NULL : __real_os_reserve(size, alignment);
}

bool __wrap_os_commit(void *address, size_t size) {
    return !fails(OS_CALL_COMMIT) && __real_os_commit(address, size);
}

void *__wrap_os_map(size_t size) { return fails(OS_CALL_MAP) ? NULL : __real_os_map(size); }

bool __wrap_os_purge(void *address, size_t size) {
    return !fails(OS_CALL_PURGE) && __real_os_purge(address, size);
}

bool __wrap_os_purge_ranges(const struct os_range *ranges, size_t count) {
    return !fails(OS_CALL_PURGE) && __real_os_purge_ranges(ranges, count);
}

bool __wrap_os_move_pages(void *from, void *to, size_t size) {
    return !fails(OS_CALL_MOVE) && __real_os_move_pages(from, to, size);
}

bool __wrap_os_on_thread_exit(void (*at_exit)(void *), void *argument) {
    return !fails(OS_CALL_THREAD_EXIT) && __real_os_on_thread_exit(at_exit, argument);
}
