#include "os/os_faulty.h"

#include <errno.h>
#include <stdatomic.h>

#include "os/bus_error.h"
#include "os/fault.h"
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
void *__real_os_reserve_guarded(size_t size, size_t alignment);
bool __real_os_commit(void *address, size_t size);
void *__real_os_map(size_t size);
bool __real_os_purge(void *address, size_t size);
bool __real_os_purge_ranges(const struct os_range *ranges, size_t count);
bool __real_os_move_pages(void *from, void *to, size_t size);
bool __real_os_on_thread_exit(void (*at_exit)(void *), void *argument);

void *__wrap_os_reserve(size_t size, size_t alignment);
void *__wrap_os_reserve_guarded(size_t size, size_t alignment);
bool __wrap_os_commit(void *address, size_t size);
void *__wrap_os_map(size_t size);
bool __wrap_os_purge(void *address, size_t size);
bool __wrap_os_purge_ranges(const struct os_range *ranges, size_t count);
bool __wrap_os_move_pages(void *from, void *to, size_t size);
bool __wrap_os_on_thread_exit(void (*at_exit)(void *), void *argument);

void *__wrap_os_reserve(size_t size, size_t alignment) {
    return fails(OS_CALL_RESERVE) ? NULL : __real_os_reserve(size, alignment);
}

void *__wrap_os_reserve_guarded(size_t size, size_t alignment) {
    return fails(OS_CALL_RESERVE) ? NULL : __real_os_reserve_guarded(size, alignment);
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

bool __real_os_map_anew(void *address, size_t size);
bool __wrap_os_map_anew(void *address, size_t size);
bool __wrap_os_map_anew(void *address, size_t size) {
    return !fails(OS_CALL_MAP_ANEW) && __real_os_map_anew(address, size);
}

/* Also where the kernel knows no names: unless told to fail, it counts as done. */
bool __wrap_os_name(void *address, size_t size, const char *name);
bool __wrap_os_name(void *address, size_t size, const char *name) {
    (void)address;
    (void)size;
    (void)name;
    return !fails(OS_CALL_NAME);
}

bool __real_os_slot_write(struct os_slot *slot, void (*at_exit)(void *), void *value);
bool __wrap_os_slot_write(struct os_slot *slot, void (*at_exit)(void *), void *value);
bool __wrap_os_slot_write(struct os_slot *slot, void (*at_exit)(void *), void *value) {
    return !fails(OS_CALL_SLOT_WRITE) && __real_os_slot_write(slot, at_exit, value);
}

bool __real_os_protect(void *address, size_t size, bool touchable);
bool __wrap_os_protect(void *address, size_t size, bool touchable);
bool __wrap_os_protect(void *address, size_t size, bool touchable) {
    return !fails(OS_CALL_PROTECT) && __real_os_protect(address, size, touchable);
}

bool __real_os_discard(void *address, size_t size);
bool __wrap_os_discard(void *address, size_t size);
bool __wrap_os_discard(void *address, size_t size) {
    return !fails(OS_CALL_DISCARD) && __real_os_discard(address, size);
}

/* What returns 0 or an errno: parameters in parentheses, then the arguments handed on. */
#define FAULTY(name, kind, parameters, arguments) \
    int __real_##name parameters;                 \
    int __wrap_##name parameters;                 \
    int __wrap_##name parameters { return fails(kind) ? EIO : __real_##name arguments; }

FAULTY(os_file_open, OS_CALL_FILE_OPEN,
       (const char *path, enum os_access access, bool create, int *fd), (path, access, create, fd))
FAULTY(os_file_size, OS_CALL_FILE_SIZE, (int fd, size_t *size), (fd, size))
FAULTY(os_file_resize, OS_CALL_FILE_RESIZE, (int fd, size_t old_size, size_t size),
       (fd, old_size, size))
FAULTY(os_memory_file, OS_CALL_MEMORY_FILE, (size_t size, int *fd), (size, fd))
FAULTY(os_map_file, OS_CALL_MAP_FILE,
       (void *address, size_t size, int fd, size_t offset, enum os_access access),
       (address, size, fd, offset, access))
FAULTY(os_flush, OS_CALL_FLUSH, (void *address, size_t size), (address, size))
FAULTY(os_advise, OS_CALL_ADVISE, (void *address, size_t size, enum os_advice advice),
       (address, size, advice))
FAULTY(os_on_fault, OS_CALL_FAULT, (enum os_fault_kind kind, os_fault_handler *handle),
       (kind, handle))
FAULTY(os_on_bus_error, OS_CALL_BUS_ERROR, (void (*handle)(uintptr_t address)), (handle))

int __real_os_file_close(int fd);
int __wrap_os_file_close(int fd);
int __wrap_os_file_close(int fd) {
    int code = __real_os_file_close(fd);
    return fails(OS_CALL_FILE_CLOSE) ? EIO : code;
}
