/* The checks of the model, checked: allocators that are each broken in one way, over libc's malloc.
 * The model must name the fault of each, and find none in the one that is not broken. */
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "operations.h"

enum { SLOTS = 200, SHARED = 16, OPERATIONS = 100000, EVERY = 20 };

static unsigned calls;

/* Once in a while, but not at once. */
static bool is_time(void) { return ++calls % EVERY == 0; }

/* --- a heap that is simple enough to be broken at will: it only ever goes up ------------------ */

enum { HEADER = 16 };
static const size_t bump_room = (size_t)4 << 30;
static char *bump_at;
static char *bump_end;

static char *bump(size_t size, size_t alignment) {
    if (bump_at == NULL) {
        bump_at = mmap(NULL, bump_room, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        EXPECT(bump_at != MAP_FAILED);
        bump_end = bump_at + bump_room;
    }
    uintptr_t start = (address(bump_at) + HEADER + alignment - 1) & ~(alignment - 1);
    char *object = bump_at + (start - address(bump_at));
    size = (size + 15) & ~(size_t)15;
    EXPECT(size < (size_t)(bump_end - object));
    memcpy(object - HEADER, &size, sizeof size);
    bump_at = object + size;
    return object;
}

static size_t bump_usable(void *p) {
    size_t size;
    memcpy(&size, (char *)p - HEADER, sizeof size);
    return size;
}

static void *bump_allocate(size_t size) { return bump(size, 16); }

static void *bump_zeroed(size_t count, size_t size) { return bump(count * size, 16); }

static void *bump_aligned(size_t alignment, size_t size) { return bump(size, alignment); }

static void *bump_resize(void *p, size_t size) {
    size_t usable = p == NULL ? 0 : bump_usable(p);
    if (size <= usable) {
        return p;
    }
    char *q = bump(size, 16);
    return usable == 0 ? q : memcpy(q, p, usable);
}

static void bump_release(void *p) { (void)p; }

/* --- overlap ---------------------------------------------------------------------------------- */

static char *given;

static void *same_object_twice(size_t size) {
    if (given != NULL && size <= bump_usable(given) && is_time()) {
        return given;
    }
    return given = bump(size, 16);
}

static void *part_of_an_object(size_t size) {
    if (given != NULL && size <= 16 && bump_usable(given) >= 100 && is_time()) {
        size_t small = 16;
        memcpy(given + 64 - HEADER, &small, sizeof small);
        return given + 64;
    }
    return given = bump(size, 16);
}

static void forget_given(void *p) { given = p == given ? NULL : given; }

static void *resize_and_forget(void *p, size_t size) {
    forget_given(p);
    return bump_resize(p, size);
}

/* 16 bytes for a header and 16 of the object that follows. */
static size_t claims_more(void *p) { return bump_usable(p) + 32; }

/* --- alignment -------------------------------------------------------------------------------- */

static void *eight_bytes_off(size_t size) {
    char *p = malloc(size + 16);
    return is_time() ? p + 8 : p;
}

static void *alignment_ignored(size_t alignment, size_t size) {
    (void)alignment;
    return malloc(size);
}

/* --- content ---------------------------------------------------------------------------------- */

static void *not_zeroed(size_t count, size_t size) {
    char *p = calloc(count, size);
    if (size > 40 && is_time()) {
        p[size - 1] = 1;
    }
    return p;
}

static void *content_lost(void *p, size_t size) {
    size_t usable = p == NULL ? 0 : malloc_usable_size(p);
    if (p != NULL && size <= usable) {
        return p;
    }
    void *q = malloc(size);
    if (p != NULL) {
        size_t kept = usable < size ? usable : size;
        memcpy(q, p, is_time() ? kept / 2 : kept);
        free(p);
    }
    return q;
}

static void *last;

static void *remembered(size_t size) { return last = malloc(size); }

/* A link of a free list, written into an object that is not free. */
static void release_writes_into_last(void *p) {
    if (last != NULL && last != p && malloc_usable_size(last) >= 24 && is_time()) {
        memset(last, 0, 8);
    }
    last = last == p ? NULL : last;
    free(p);
}

/* --- usable size ------------------------------------------------------------------------------ */

static size_t usable_too_small(void *p) {
    size_t usable = malloc_usable_size(p);
    return is_time() ? usable / 2 : usable;
}

static size_t usable_changes(void *p) { return malloc_usable_size(p) - (is_time() ? 8 : 0); }

/* --- failure ---------------------------------------------------------------------------------- */

static void *fails_at_times(size_t size) { return is_time() ? NULL : malloc(size); }

static void *moves_always(void *p, size_t size) {
    void *q = malloc(size);
    if (p != NULL) {
        size_t usable = malloc_usable_size(p);
        memcpy(q, p, usable < size ? usable : size);
        free(p);
    }
    return q;
}

static const struct broken {
    const char *name;
    const char *violation; /* what must be named; NULL: nothing is wrong */
    struct heap_functions heap;
} all_broken[] = {
#define HEAP(a, z, r, m, f, u) \
    { a, z, r, m, f, u, NULL }
    {"is libc's", NULL, HEAP(malloc, calloc, realloc, memalign, free, malloc_usable_size)},
    {"only goes up", NULL,
     HEAP(bump_allocate, bump_zeroed, bump_resize, bump_aligned, bump_release, bump_usable)},
    {"gives an object twice", "no overlap",
     HEAP(same_object_twice, bump_zeroed, resize_and_forget, bump_aligned, forget_given,
          bump_usable)},
    {"gives part of an object", "no overlap",
     HEAP(part_of_an_object, bump_zeroed, resize_and_forget, bump_aligned, forget_given,
          bump_usable)},
    {"claims its neighbour's bytes", "no overlap",
     HEAP(bump_allocate, bump_zeroed, bump_resize, bump_aligned, bump_release, claims_more)},
    {"gives 8-byte alignment", "alignment",
     HEAP(eight_bytes_off, calloc, realloc, memalign, free, malloc_usable_size)},
    {"ignores the alignment", "alignment",
     HEAP(malloc, calloc, realloc, alignment_ignored, free, malloc_usable_size)},
    {"does not clear", "zeroes",
     HEAP(malloc, not_zeroed, realloc, memalign, free, malloc_usable_size)},
    {"copies half", "content kept by realloc",
     HEAP(malloc, calloc, content_lost, memalign, free, malloc_usable_size)},
    {"writes into live objects", "content untouched",
     HEAP(remembered, calloc, realloc, memalign, release_writes_into_last, malloc_usable_size)},
    {"grants too little", "usable size at least the request",
     HEAP(malloc, calloc, realloc, memalign, free, usable_too_small)},
    {"changes its mind", "usable size stable",
     HEAP(malloc, calloc, realloc, memalign, free, usable_changes)},
    {"fails at times", "memory for a modest request",
     HEAP(fails_at_times, calloc, realloc, memalign, free, malloc_usable_size)},
    {"moves without need", "realloc to the usable size stays",
     HEAP(malloc, calloc, moves_always, memalign, free, malloc_usable_size)},
};

static void run_model(const struct heap_functions *heap) {
    static struct object slots[SLOTS];
    static struct shared_slot shared[SHARED];
    struct worker worker = {heap, slots, SLOTS, shared, SHARED};
    uint64_t random = 12345;
    for (unsigned i = 0; i < OPERATIONS; i++) {
        struct operation operation = random_operation(&random);
        operate(&worker, &operation);
    }
    release_all(&worker);
    release_shared(&worker);
    EXPECT(shadow_is_empty());
}

/* What the model says about the heap: the text of its stderr. */
static int examine(const struct heap_functions *heap, char *text, size_t size) {
    static const struct rlimit no_core = {0, 0};
    int ends[2];
    EXPECT(pipe(ends) == 0);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(ends[1], 2);
        alarm(60);
        run_model(heap);
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n = 1; n > 0 && used<size - 1; used += n> 0 ? (size_t)n : 0) {
        n = read(ends[0], text + used, size - 1 - used);
    }
    text[used] = '\0';
    close(ends[0]);
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    return status;
}

static bool is_found(const struct broken *broken) {
    char text[1024];
    char expected[128];
    int status = examine(&broken->heap, text, sizeof text);
    if (broken->violation == NULL) {
        say(1, "%s  an allocator that %s: %s\n", status == 0 ? "sound" : "WRONG", broken->name,
            text);
        return status == 0;
    }
    snprintf(expected, sizeof expected, "violated: %s (", broken->violation);
    bool found = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
                 strncmp(text, expected, strlen(expected)) == 0;
    say(1, "%s  an allocator that %s: %s", found ? "found" : "MISSED", broken->name,
        text[0] != '\0' ? text : "nothing said\n");
    return found;
}

int main(void) {
    unsigned missed = 0;
    for (size_t i = 0; i < sizeof all_broken / sizeof all_broken[0]; i++) {
        missed += is_found(&all_broken[i]) ? 0 : 1;
    }
    say(1, "%u missed\n", missed);
    return missed == 0 ? 0 : 1;
}
