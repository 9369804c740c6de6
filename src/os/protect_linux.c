/* Pages that nobody may touch, and seeds: what the profiles with guards ask of the kernel. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/os.h"

/* Linux 6.13; older C libraries' headers lack them, older kernels refuse them. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

/* EINTR, EAGAIN: the kernel was interrupted half-way, and goes on when asked again. */
static bool advise(void *address, size_t size, int advice) {
    int saved = errno, failed;
    do {
        failed = madvise(address, size, advice);
    } while (failed != 0 && (errno == EINTR || errno == EAGAIN));
    errno = saved;
    return failed == 0;
}

bool os_guard(void *address, size_t size) { return advise(address, size, MADV_GUARD_INSTALL); }

bool os_unguard(void *address, size_t size) { return advise(address, size, MADV_GUARD_REMOVE); }

bool os_protect(void *address, size_t size, bool touchable) {
    int saved = errno;
    int failed = mprotect(address, size, touchable ? PROT_READ | PROT_WRITE : PROT_NONE);
    errno = saved;
    return failed == 0;
}

/* Not from a kernel that is still short of entropy: 16 bytes that it gave the process are as good,
 * told apart by an address. */
void os_random(void *bytes, size_t size) {
    enum { NONBLOCK = 1 };
    int saved = errno;
    long got = syscall(SYS_getrandom, bytes, size, NONBLOCK);
    if (got != (long)size) {
        const unsigned char *given = (const unsigned char *)getauxval(AT_RANDOM);
        uint64_t here = (uintptr_t)bytes * UINT64_C(0x9e3779b97f4a7c15) + os_clock_ms();
        for (size_t i = 0; i < size; i++) {
            unsigned char own = (unsigned char)(here >> i % 8 * 8);
            ((unsigned char *)bytes)[i] = given == NULL ? own : given[i % 16] ^ own;
        }
    }
    errno = saved;
}
