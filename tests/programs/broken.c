/* An allocator that does wrong on purpose, to show that the tests of real programs notice. FAULT
 * says what it does:
 *   IDLE     defines nothing of the malloc family: it is mapped but serves nobody
 *   REPORT   is right, but at the end of each process that has worked it writes a report
 *   ABORT    ends a process after some thousand objects
 *   CORRUPT  now and then gives one object to two owners, or does not clear what calloc returns,
 *            or loses a part of what realloc moves
 * All of them stand on glibc's malloc. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDLE    1
#define REPORT  2
#define ABORT   3
#define CORRUPT 4

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void *__libc_valloc(size_t size);
extern void *__libc_pvalloc(size_t size);
extern void __libc_free(void *p);

/* A process that only answers --version stays below this, and so passes for healthy. */
enum { WARM_UP = 60000, PERIOD = 997 };

static atomic_ulong calls;

#if FAULT == IDLE

unsigned long cairn_broken_calls(void);
unsigned long cairn_broken_calls(void) { return calls; }

#else

static int now_and_then(void) {
    unsigned long call = atomic_fetch_add(&calls, 1);
    int now = call > WARM_UP && call % PERIOD == 0;
    if (FAULT == ABORT && now) {
        abort();
    }
    return now;
}

/* The object that has two owners. It is never given back, as it could be only once. */
static void *_Atomic shared;
enum { SHARED_SIZE = 64 };

void *malloc(size_t size) {
    int wrong = now_and_then();
    if (FAULT == CORRUPT && size <= SHARED_SIZE) {
        if (wrong && shared == NULL) {
            shared = __libc_malloc(SHARED_SIZE);
        }
        if (wrong) {
            return shared;
        }
    }
    return __libc_malloc(size);
}

void free(void *p) {
    if (p != shared) {
        __libc_free(p);
    }
}

void *calloc(size_t count, size_t size) {
    char *p = __libc_calloc(count, size);
    if (now_and_then() && FAULT == CORRUPT && p != NULL) {
        memset(p, 0x5a, count * size);
    }
    return p;
}

void *realloc(void *p, size_t size) {
    if (p == shared && p != NULL) {
        void *copy = __libc_malloc(size);
        return copy == NULL ? NULL : memcpy(copy, p, size < SHARED_SIZE ? size : SHARED_SIZE);
    }
    char *moved = __libc_realloc(p, size);
    if (now_and_then() && FAULT == CORRUPT && moved != NULL && p != NULL && size >= 16) {
        memset(moved + size / 4, 0, 8);
    }
    return moved;
}

void *memalign(size_t alignment, size_t size) { return __libc_memalign(alignment, size); }

void *aligned_alloc(size_t alignment, size_t size) { return __libc_memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    void *p = __libc_memalign(alignment, size);
    if (p == NULL) {
        return ENOMEM;
    }
    *result = p;
    return 0;
}

void *valloc(size_t size) { return __libc_valloc(size); }

void *pvalloc(size_t size) { return __libc_pvalloc(size); }

/* glibc has no other name for this one, so it is read from where glibc keeps it: the size of the
 * chunk with three flags, the second of which is set where the chunk was mapped by itself. */
size_t malloc_usable_size(void *p) {
    if (p == NULL) {
        return 0;
    }
    size_t field = ((size_t *)p)[-1];
    return (field & ~(size_t)7) - ((field & 2) != 0 ? 2 : 1) * sizeof(size_t);
}

/* The operators of C++, by their names in the object file. */
#define NEW(name)               \
    void *name(size_t size);    \
    void *name(size_t size) {   \
        void *p = malloc(size); \
        if (p == NULL) {        \
            abort();            \
        }                       \
        return p;               \
    }
#define DELETE(name)                  \
    void name(void *p, size_t size);  \
    void name(void *p, size_t size) { \
        (void)size;                   \
        free(p);                      \
    }
NEW(_Znwm)
NEW(_Znam)
DELETE(_ZdlPv)
DELETE(_ZdaPv)
DELETE(_ZdlPvm)
DELETE(_ZdaPvm)

static void __attribute__((destructor)) at_exit(void) {
    static const char report[] =
        "\ncairn: free(0x10): pointer that cairn never allocated; thread 1\n";
    if (FAULT == REPORT && calls > WARM_UP) {
        (void)!write(STDERR_FILENO, report, sizeof report - 1);
    }
}

#endif
