/* The part of os.h that is about huge pages. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/os.h"

/* Linux 6.1. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* What the administrator chose. */
enum mode { UNKNOWN, NEVER, ON_REQUEST, ALWAYS };

/* It is in brackets: "always [madvise] never". */
static enum mode read_mode(void) {
    char text[64] = "";
    int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t length = read(fd, text, sizeof text - 1);
        text[length > 0 ? length : 0] = '\0';
        (void)close(fd);
    }
    return strstr(text, "[madvise]") != NULL  ? ON_REQUEST
           : strstr(text, "[always]") != NULL ? ALWAYS
                                              : NEVER;
}

/* relaxed: who misses it reads the file once more. */
static _Atomic(enum mode) mode;

static enum mode known_mode(void) {
    enum mode now = atomic_load_explicit(&mode, memory_order_relaxed);
    if (now == UNKNOWN) {
        now = read_mode();
        atomic_store_explicit(&mode, now, memory_order_relaxed);
    }
    return now;
}

void os_keep_small(void *address, size_t size) {
    int saved = errno;
    if (known_mode() == ON_REQUEST) {
        (void)madvise(address, size, MADV_NOHUGEPAGE);
    }
    errno = saved;
}

/* A page fault where nothing is resident yet is given a huge page at once: a third of the time of
 * a collapse, which waits for all processors to see to their lists of pages. */
static bool fault_in(char *address, size_t size, char *touch) {
    if (touch == NULL) {
        return false;
    }
    *(volatile char *)touch = 0;
    return os_resident_bytes(address, size) == size;
}

static bool collapse(void *address, size_t size) {
    return madvise(address, size, MADV_COLLAPSE) == 0;
}

/* relaxed: as `mode`. */
static _Atomic(bool) has_worked;

bool os_make_huge(void *address, size_t size, void *touch) {
    int saved = errno;
    enum mode now = known_mode();
    bool done = now == ALWAYS || (now == ON_REQUEST && madvise(address, size, MADV_HUGEPAGE) == 0);
    if (done) {
        done = fault_in(address, size, touch) || collapse(address, size);
        if (done) {
            atomic_store_explicit(&has_worked, true, memory_order_relaxed);
        } else if (errno == EINVAL && !atomic_load_explicit(&has_worked, memory_order_relaxed)) {
            /* An older kernel, or huge pages are off for this process.  (Once they have worked, it
             * is something about this range.) */
            atomic_store_explicit(&mode, NEVER, memory_order_relaxed);
        }
    }
    if (now == ON_REQUEST) {
        (void)madvise(address, size, MADV_NOHUGEPAGE);
    }
    errno = saved;
    return done;
}
