#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "os/os.h"

/* The kernel's numbers; its headers are not there for every C library. */
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

/* Linux 5.7; older C libraries' headers lack it, older kernels refuse it. */
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

size_t os_page_size(void) {
    /* relaxed: every writer writes the same value, and a reader that sees 0 asks the kernel
     * itself. */
    static _Atomic(size_t) cached;
    size_t size = atomic_load_explicit(&cached, memory_order_relaxed);
    if (size == 0) {
        int saved = errno;
        size = getauxval(AT_PAGESZ);
        errno = saved;
        if (size < 4096) {
            size = 4096;
        }
        atomic_store_explicit(&cached, size, memory_order_relaxed);
    }
    return size;
}

static void *map(size_t size, int protection) {
    int saved = errno;
    /* Not MAP_NORESERVE: inaccessible memory is not charged anyway, and made writable it has to
     * be, or the kernel would refuse no request however absurd. */
    void *address = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    errno = saved;
    return address == MAP_FAILED ? NULL : address;
}

void os_unreserve(void *address, size_t size) {
    int saved = errno;
    (void)munmap(address, size);
    errno = saved;
}

/* With so many bytes kept on each side of it. */
static void *reserve(size_t size, size_t alignment, size_t guard) {
    size_t whole = size + alignment + 2 * guard;
    if (whole < size) {
        return NULL;
    }
    char *address = map(whole, PROT_NONE);
    if (address == NULL) {
        return NULL;
    }
    char *aligned = (char *)round_up((uintptr_t)address + guard, alignment);
    size_t before = (size_t)(aligned - address) - guard;
    if (before != 0) {
        os_unreserve(address, before);
    }
    os_unreserve(aligned + size + guard, alignment - before);
    return aligned;
}

void *os_reserve(size_t size, size_t alignment) {
    return alignment <= os_page_size() ? map(size, PROT_NONE) : reserve(size, alignment, 0);
}

void *os_reserve_guarded(size_t size, size_t alignment) {
    return reserve(size, alignment, os_page_size());
}

void os_unreserve_guarded(void *address, size_t size) {
    size_t page = os_page_size();
    os_unreserve((char *)address - page, size + 2 * page);
}

bool os_commit(void *address, size_t size) {
    int saved = errno;
    int failed = mprotect(address, size, PROT_READ | PROT_WRITE);
    errno = saved;
    return failed == 0;
}

void *os_map(size_t size) {
    void *address = map(size, PROT_READ | PROT_WRITE);
    if (address != NULL) {
        int saved = errno;
        (void)madvise(address, size,
                      MADV_NOHUGEPAGE); /* refused by kernels without huge pages: fine */
        errno = saved;
    }
    return address;
}

/* Linux 5.17; older C libraries' headers lack them. */
#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

bool os_name(void *address, size_t size, const char *name) {
    int saved = errno;
    bool unknown = prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, (unsigned long)address, size,
                         (unsigned long)name) != 0 &&
                   errno == EINVAL;
    errno = saved;
    return !unknown;
}

bool os_purge(void *address, size_t size) {
    int saved = errno;
    int failed = madvise(address, size, MADV_DONTNEED);
    errno = saved;
    return failed == 0;
}

/* Numbers of Linux 6.14 for "this process" and of the call; older kernels refuse either. */
#define PIDFD_SELF_THREAD   (-10000)
#define SYS_PROCESS_MADVISE 440

bool os_purge_ranges(const struct os_range *ranges, size_t count) {
    /* relaxed: a thread that misses it asks once more in vain. */
    static _Atomic(bool) refused;
    enum { MOST = 64 };
    if (count > MOST || atomic_load_explicit(&refused, memory_order_relaxed)) {
        return false;
    }
    struct iovec vector[MOST];
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        vector[i] = (struct iovec){(void *)ranges[i].address, ranges[i].size};
        size += ranges[i].size;
    }
    int saved = errno;
    long done = syscall(SYS_PROCESS_MADVISE, PIDFD_SELF_THREAD, vector, count, MADV_DONTNEED, 0);
    if (done < 0 && (errno == EBADF || errno == ENOSYS || errno == EPERM || errno == EINVAL)) {
        atomic_store_explicit(&refused, true, memory_order_relaxed);
    }
    errno = saved;
    return done >= 0 && (size_t)done == size;
}

/* Linux 5.14. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

void os_populate(void *address, size_t size) {
    static _Atomic(bool) refused; /* relaxed: as above */
    if (atomic_load_explicit(&refused, memory_order_relaxed)) {
        return;
    }
    int saved = errno;
    if (madvise(address, size, MADV_POPULATE_WRITE) != 0 && errno == EINVAL) {
        atomic_store_explicit(&refused, true, memory_order_relaxed);
    }
    errno = saved;
}

/* Linux 4.17; an older kernel takes the address as a hint. */
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* A refused mremap (before Linux 6.17) or mmap at a fixed address may have unmapped its target
 * already: fill the hole, unless it is none. */
static void restore_target(void *to, size_t size, int protection) {
    void *filled =
        mmap(to, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (filled != MAP_FAILED && filled != to) {
        (void)munmap(filled, size);
    }
}

bool os_move_pages(void *from, void *to, size_t size) {
    int saved = errno;
    void *moved = mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to);
    if (moved != to) {
        restore_target(to, size, PROT_READ | PROT_WRITE);
    }
    errno = saved;
    return moved == to;
}

bool os_map_anew(void *address, size_t size) {
    int saved = errno;
    int protection = PROT_READ | PROT_WRITE;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    bool mapped = mmap(address, size, protection, flags, -1, 0) == address;
    if (!mapped) {
        restore_target(address, size, protection);
    }
    errno = saved;
    return mapped;
}

bool os_resident_pages(void *address, size_t size, unsigned char *present) {
    int saved = errno;
    int failed = mincore(address, size, present);
    errno = saved;
    for (size_t i = 0; failed == 0 && i < size / os_page_size(); i++) {
        present[i] &= 1;
    }
    return failed == 0;
}

size_t os_resident_bytes(void *address, size_t size) {
    size_t page = os_page_size();
    size_t resident = 0;
    for (size_t done = 0; done < size;) {
        unsigned char present[512];
        size_t step = size - done;
        if (step > sizeof present * page) {
            step = sizeof present * page;
        }
        if (!os_resident_pages((char *)address + done, step, present)) {
            break;
        }
        for (size_t i = 0; i < step / page; i++) {
            resident += present[i] != 0 ? page : 0;
        }
        done += step;
    }
    return resident;
}

/* The number of kB behind a key in the beginning of a file of /proc, in bytes; 0 if it is not
 * there. */
static size_t bytes_from_proc(const char *path, const char *key) {
    char text[2048];
    ssize_t length = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        length = read(fd, text, sizeof text - 1);
        (void)close(fd);
    }
    text[length > 0 ? length : 0] = '\0';
    const char *at = strstr(text, key);
    return at == NULL ? 0 : strtoull(at + strlen(key), NULL, 10) * 1024;
}

/* From smaps_rollup (Linux 4.14), which is counted when it is read; the other file's number lags
 * behind by some pages for each thread or CPU. */
size_t os_process_resident_bytes(void) {
    int saved = errno;
    size_t bytes = bytes_from_proc("/proc/self/smaps_rollup", "\nRss:");
    if (bytes == 0) {
        bytes = bytes_from_proc("/proc/self/status", "\nVmRSS:");
    }
    errno = saved;
    return bytes;
}

/* From /proc, as that is of this program; getrusage would also count what ran in the process
 * before exec. */
size_t os_peak_resident_bytes(void) {
    int saved = errno;
    size_t bytes = bytes_from_proc("/proc/self/status", "\nVmHWM:");
    struct rusage usage;
    if (bytes == 0 && getrusage(RUSAGE_SELF, &usage) == 0) {
        bytes = (size_t)usage.ru_maxrss * 1024;
    }
    errno = saved;
    return bytes;
}

bool os_discard(void *address, size_t size) {
    int saved = errno;
    void *mapped = mmap(address, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    errno = saved;
    return mapped != MAP_FAILED;
}

/* --- files ------------------------------------------------------------------------------------ */

/* The errno of a call that returned `result`, and errno as it was before. */
static int outcome(long result, int saved) {
    int code = result == -1 ? errno : 0;
    errno = saved;
    return code;
}

int os_file_open(const char *path, enum os_access access, bool create, int *fd) {
    int saved = errno;
    int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK; /* the last for pipes; files know no waiting */
    flags |= access == OS_READ_WRITE ? O_RDWR : O_RDONLY;
    do {
        *fd = open(path, create ? flags | O_CREAT : flags, 0666);
    } while (*fd == -1 && errno == EINTR);
    return outcome(*fd, saved);
}

int os_append_open(const char *path, int *fd) {
    int saved = errno;
    *fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
    return outcome(*fd, saved);
}

int os_file_identity(int fd, struct os_file_identity *identity) {
    struct stat status;
    int saved = errno;
    int code = outcome(fstat(fd, &status), saved);
    if (code == 0) {
        *identity = (struct os_file_identity){status.st_dev, status.st_ino};
    }
    return code;
}

bool os_file_is(int fd, const struct os_file_identity *identity) {
    struct os_file_identity now;
    return os_file_identity(fd, &now) == 0 && now.device == identity->device &&
           now.number == identity->number;
}

bool os_is_writable(int fd) {
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    int saved = errno;
    bool broken = poll(&wait, 1, 0) > 0 && (wait.revents & (POLLERR | POLLNVAL)) != 0;
    errno = saved;
    return !broken;
}

bool os_absolute_path(const char *path, char absolute[OS_PATH_SIZE]) {
    size_t length = 0;
    int saved = errno;
    if (path[0] != '/' && getcwd(absolute, OS_PATH_SIZE / 2) != NULL) {
        length = strlen(absolute);
        absolute[length++] = '/';
    }
    errno = saved;
    if (strlen(path) >= OS_PATH_SIZE - length) {
        return false;
    }
    memcpy(absolute + length, path, strlen(path) + 1);
    return true;
}

int os_file_close(int fd) {
    int saved = errno;
    return outcome(close(fd), saved);
}

int os_file_size(int fd, size_t *size) {
    struct stat status;
    int saved = errno;
    int code = outcome(fstat(fd, &status), saved);
    if (code == 0 && !S_ISREG(status.st_mode)) {
        code = ENODEV;
    }
    if (code == 0) {
        *size = (size_t)status.st_size;
    }
    return code;
}

int os_file_resize(int fd, size_t old_size, size_t size) {
    int saved = errno;
    int result;
    if (size > PTRDIFF_MAX) {
        return EFBIG;
    }
    if (size > old_size) {
        do {
            result = fallocate(fd, 0, (off_t)old_size, (off_t)(size - old_size));
        } while (result == -1 && errno == EINTR);
        if (result == 0 || (errno != EOPNOTSUPP && errno != ENOSYS)) {
            return outcome(result, saved);
        }
    }
    do {
        result = ftruncate(fd, (off_t)size);
    } while (result == -1 && errno == EINTR);
    return outcome(result, saved);
}

/* memfd_create is of Linux 3.17, and sandboxes forbid it; what shm_open would do needs a name. */
static int open_memory_file(void) {
    int fd = -1;
#ifdef SYS_memfd_create
    enum { CLOSE_ON_EXEC = 1 }; /* MFD_CLOEXEC, which older headers lack */
    fd = (int)syscall(SYS_memfd_create, "cairn", CLOSE_ON_EXEC);
#endif
    return fd != -1 ? fd : open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
}

int os_memory_file(size_t size, int *fd) {
    int saved = errno;
    *fd = open_memory_file();
    int code = outcome(*fd, saved);
    if (code == 0) {
        code = os_file_resize(*fd, 0, size);
        if (code != 0) {
            (void)os_file_close(*fd);
        }
    }
    return code;
}

int os_map_file(void *address, size_t size, int fd, size_t offset, enum os_access access) {
    int saved = errno;
    int protection = access == OS_READ ? PROT_READ : PROT_READ | PROT_WRITE;
    int sharing = access == OS_COPY_ON_WRITE ? MAP_PRIVATE : MAP_SHARED;
    void *mapped = mmap(address, size, protection, sharing | MAP_FIXED, fd, (off_t)offset);
    int code = outcome(mapped == MAP_FAILED ? -1 : 0, saved);
    if (code != 0) {
        restore_target(address, size, PROT_NONE);
        errno = saved;
    }
    return code;
}

int os_flush(void *address, size_t size) {
    int saved = errno;
    return outcome(msync(address, size, MS_SYNC), saved);
}

int os_advise(void *address, size_t size, enum os_advice advice) {
    static const int advices[] = {
        [OS_NORMAL] = MADV_NORMAL,      [OS_SEQUENTIAL] = MADV_SEQUENTIAL,
        [OS_RANDOM] = MADV_RANDOM,      [OS_WILL_NEED] = MADV_WILLNEED,
        [OS_DONE_WITH] = MADV_DONTNEED, [OS_HUGE_PAGES] = MADV_HUGEPAGE,
    };
    int saved = errno;
    return outcome(madvise(address, size, advices[advice]), saved);
}

/* ---------------------------------------------------------------------------------------------- */

static void wait_on(_Atomic(uint32_t) *word, uint32_t expected, const struct timespec *at_most) {
    int saved = errno;
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, at_most, NULL, 0);
    errno = saved;
}

void os_wait(_Atomic(uint32_t) *word, uint32_t expected) { wait_on(word, expected, NULL); }

void os_wait_at_most(_Atomic(uint32_t) *word, uint32_t expected, unsigned ms) {
    const struct timespec at_most = {.tv_nsec = (long)ms * 1000000};
    wait_on(word, expected, &at_most);
}

void os_wake_one(_Atomic(uint32_t) *word) {
    int saved = errno;
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved;
}

void os_pause_ms(unsigned ms) {
    int saved = errno;
    (void)poll(NULL, 0, (int)ms);
    errno = saved;
}

uint32_t os_thread_id(void) { return (uint32_t)syscall(SYS_gettid); }

uint32_t os_process_id(void) { return (uint32_t)syscall(SYS_getpid); }

uintptr_t os_thread_handle(void) { return (uintptr_t)pthread_self(); }

uint64_t os_clock_ms(void) {
    struct timespec now = {0};
    int saved = errno;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    errno = saved;
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t os_clock_ns(void) {
    struct timespec now = {0};
    int saved = errno;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    errno = saved;
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void *os_slot_read(const struct os_slot *slot) {
    /* acquire/release: who sees the key may use it. */
    uint32_t known = atomic_load_explicit(&slot->key_plus_one, memory_order_acquire);
    return known == 0 ? NULL : pthread_getspecific(known - 1);
}

bool os_slot_write(struct os_slot *slot, void (*at_exit)(void *), void *value) {
    int saved = errno;
    uint32_t known = atomic_load_explicit(&slot->key_plus_one, memory_order_acquire);
    if (known == 0) {
        pthread_key_t fresh;
        if (pthread_key_create(&fresh, at_exit) != 0) {
            errno = saved;
            return false;
        }
        if (atomic_compare_exchange_strong_explicit(&slot->key_plus_one, &known, fresh + 1,
                                                    memory_order_acq_rel, memory_order_acquire)) {
            known = fresh + 1;
        } else {
            (void)pthread_key_delete(fresh);
        }
    }
    int failed = pthread_setspecific(known - 1, value);
    errno = saved;
    return failed == 0;
}

bool os_on_thread_exit(void (*at_exit)(void *), void *argument) {
    static struct os_slot slot;
    return os_slot_write(&slot, at_exit, argument);
}

void os_on_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void)) {
    int saved = errno;
    (void)pthread_atfork(prepare, parent, child);
    errno = saved;
}

const char *os_option(const char *name) {
    int saved = errno;
    bool privileged = getauxval(AT_SECURE) != 0;
    errno = saved;
    return privileged ? NULL : getenv(name);
}
