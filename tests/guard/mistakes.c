/* One mistake after the other with a sampled object, each in a child: the first line on stderr must
 * be the expected one to the letter, and the end the expected signal.  Runs under the library with
 * CAIRN_GUARD_RATE=1 and CAIRN_GUARD_PERCENT=100. */
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "support/testkit.h"

static const size_t sizes[] = {16, 48, 256, 4096, 8192, 65536, 400000};

/* A sampled object of the size that ends, or begins, at a guard page. */
static volatile char *object_at_end(size_t size) {
    for (;;) {
        char *object = malloc(opaque_size(size));
        if ((address(object) + size) % 4096 == 0) {
            return opaque(object);
        }
        free(object);
    }
}

static volatile char *object_at_start(size_t size) {
    for (;;) {
        char *object = malloc(opaque_size(size));
        if (address(object) % 4096 == 0) {
            return opaque(object);
        }
        free(object);
    }
}

static long thread_id(void) { return syscall(SYS_gettid); }

#define EXPECT_FAULT(at, what, size, offset, object)                                           \
    say(1,                                                                                     \
        "cairn: fault(0x%lx): %s an object of %zu bytes, at offset %ld from its start 0x%lx; " \
        "thread %ld\n",                                                                        \
        (unsigned long)address((const void *)(at)), what, size, (long)(offset),                \
        (unsigned long)address((const void *)(object)), thread_id())

#define EXPECT_CALL(function, at, ...)                                                      \
    do {                                                                                    \
        say(1, "cairn: " function "(0x%lx): ", (unsigned long)address((const void *)(at))); \
        say(1, __VA_ARGS__);                                                                \
        say(1, "; thread %ld\n", thread_id());                                              \
    } while (0)

static volatile char sink; /* what is read must be read */

static void write_behind(size_t size) {
    volatile char *object = object_at_end(size);
    EXPECT_FAULT(object + size, "write behind", size, size, object);
    object[size] = 1;
}

static void read_behind(size_t size) {
    volatile char *object = object_at_end(size);
    EXPECT_FAULT(object + size, "read behind", size, size, object);
    sink = object[size];
}

static void write_before(size_t size) {
    volatile char *object = object_at_start(size);
    EXPECT_FAULT(object - 1, "write before", size, -1, object);
    object[-1] = 1;
}

static void read_before(size_t size) {
    volatile char *object = object_at_start(size);
    EXPECT_FAULT(object - 1, "read before", size, -1, object);
    sink = object[-1];
}

static void write_after_free(size_t size) {
    volatile char *object = object_at_end(size);
    free((void *)object);
    EXPECT_FAULT(object, "write after free of", size, 0, object);
    object[0] = 1;
}

static void read_after_free(size_t size) {
    volatile char *object = object_at_start(size);
    free((void *)object);
    EXPECT_FAULT(object + size - 1, "read after free of", size, size - 1, object);
    sink = object[size - 1];
}

static void *freer(void *object) {
    free(object);
    return NULL;
}

static void read_long_after_free(size_t size) {
    volatile char *object = object_at_end(size);
    freer((void *)object);
    for (int i = 0; i < 150; i++) {
        free(malloc(opaque_size(size)));
    }
    EXPECT_FAULT(object, "read after free of", size, 0, object);
    sink = object[0];
}

static void free_twice(size_t size) {
    volatile char *object = object_at_end(size);
    free((void *)object);
    EXPECT_CALL("free", object, "double free of an object of %zu bytes", size);
    free((void *)object);
}

static void realloc_freed(size_t size) {
    volatile char *object = object_at_end(size);
    free((void *)object);
    EXPECT_CALL("realloc", object, "use after free of an object of %zu bytes", size);
    sink = *(char *)realloc((void *)object, size * 2);
}

static void usable_size_of_freed(size_t size) {
    volatile char *object = object_at_end(size);
    free((void *)object);
    EXPECT_CALL("malloc_usable_size", object, "use after free of an object of %zu bytes", size);
    sink = (char)malloc_usable_size((void *)object);
}

static void free_inside(size_t size) {
    volatile char *object = object_at_end(size);
    EXPECT_CALL("free", object + 8,
                "pointer 8 bytes into an object of %zu bytes that starts at 0x%lx", size,
                (unsigned long)address((const void *)object));
    free((void *)(object + 8));
}

static void free_of_guard_page(size_t size) {
    volatile char *object = object_at_end(size);
    EXPECT_CALL("free", object + size, "pointer that cairn never allocated");
    free((void *)(object + size));
}

/* Not a multiple of 16: the byte behind it can be accessed, and its change shows in the free. */
static void write_behind_unaligned(size_t size) {
    char *object = opaque(malloc(opaque_size(size - 3)));
    EXPECT_CALL("free", object,
                "1 byte was changed behind an object of %zu bytes, from offset %zu on: "
                "found 00",
                size - 3, size - 3);
    ((volatile char *)object)[size - 3] = 0;
    free(object);
}

static void write_before_at_end(size_t size) {
    size_t odd = size - 16; /* or it would begin a page where it ends one */
    volatile char *object = object_at_end(odd == 0 ? 32 : odd);
    EXPECT_CALL("free", object,
                "2 bytes were changed before an object of %zu bytes, from offset -4 on: "
                "found 41 42",
                odd == 0 ? (size_t)32 : odd);
    object[-4] = 'A';
    object[-3] = 'B';
    free((void *)object);
}

struct mistake {
    const char *name;
    void (*make)(size_t size);
    int signal;
};

static const struct mistake mistakes[] = {
    {"write behind", write_behind, SIGSEGV},
    {"read behind", read_behind, SIGSEGV},
    {"write before", write_before, SIGSEGV},
    {"read before", read_before, SIGSEGV},
    {"write after free", write_after_free, SIGSEGV},
    {"read after free", read_after_free, SIGSEGV},
    {"read long after free", read_long_after_free, SIGSEGV},
    {"double free", free_twice, SIGABRT},
    {"realloc of freed", realloc_freed, SIGABRT},
    {"usable size of freed", usable_size_of_freed, SIGABRT},
    {"free inside", free_inside, SIGABRT},
    {"free of guard page", free_of_guard_page, SIGABRT},
    {"write behind, unaligned", write_behind_unaligned, SIGABRT},
    {"write before, far from the guard page", write_before_at_end, SIGABRT},
};
enum { MISTAKES = sizeof mistakes / sizeof *mistakes, SIZES = sizeof sizes / sizeof *sizes };

struct text {
    char bytes[8192];
    size_t length;
};

static void read_all(int fd, struct text *text) {
    ssize_t n = 1;
    text->length = 0;
    while (n > 0 && text->length < sizeof text->bytes - 1) {
        n = read(fd, text->bytes + text->length, sizeof text->bytes - 1 - text->length);
        text->length += n > 0 ? (size_t)n : 0;
    }
    text->bytes[text->length] = '\0';
    close(fd);
}

static int run(const struct mistake *mistake, size_t size, struct text *expected,
               struct text *report) {
    int out[2], err[2];
    EXPECT(pipe(out) == 0 && pipe(err) == 0);
    pid_t child = fork();
    if (child == 0) {
        static const struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(out[1], 1);
        dup2(err[1], 2);
        close(out[0]);
        close(err[0]);
        mistake->make(size);
        _exit(0);
    }
    close(out[1]);
    close(err[1]);
    read_all(out[0], expected);
    read_all(err[0], report);
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    return status;
}

static bool first_line_is(const struct text *report, const struct text *expected) {
    return expected->length > 0 && strncmp(report->bytes, expected->bytes, expected->length) == 0;
}

int main(void) {
    static struct text expected, report;
    size_t wrong = 0;
    for (size_t m = 0; m < MISTAKES; m++) {
        for (size_t s = 0; s < SIZES; s++) {
            int status = run(&mistakes[m], sizes[s], &expected, &report);
            if (!WIFSIGNALED(status) || WTERMSIG(status) != mistakes[m].signal ||
                !first_line_is(&report, &expected)) {
                say(2, "%s of %zu bytes: status 0x%x\n expected %s found    %s\n", mistakes[m].name,
                    sizes[s], (unsigned)status, expected.bytes, report.bytes);
                wrong++;
            }
        }
    }
    say(1, "%d mistakes of %d sizes, %zu not as expected\n", (int)MISTAKES, (int)SIZES, wrong);
    return wrong == 0 ? 0 : 1;
}
