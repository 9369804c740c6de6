/* free, realloc and malloc_usable_size with what was never an object. */
#include <alloca.h>
#include <malloc.h>
#include <sys/mman.h>

#include "misuse.h"

enum function { FREE, REALLOC, USABLE_SIZE };

/* The call, and what comes of it. */
static _Noreturn void give(enum function function, void *pointer, size_t size) {
    void *moved = NULL;
    size_t usable = 0;
    call_begin();
    switch (function) {
    case FREE:
        free(opaque(pointer));
        break;
    case REALLOC:
        moved = realloc(opaque(pointer), opaque_size(size == 0 ? 100 : 2 * size));
        break;
    case USABLE_SIZE:
        usable = malloc_usable_size(opaque(pointer));
        break;
    }
    call_end();
    if (moved != NULL) {
        silent("realloc took it for an object");
    }
    if (usable != 0) {
        silent("it has usable bytes");
    }
    judge_sound(size == 0 ? 100 : size);
}

/* --- into an object --------------------------------------------------------------------------- */

enum { FUNCTION = 3, HALF = 1 << 16, LAST = 1 << 17, BEHIND = 1 << 18 };

/* Right behind the last of objects that follow each other. */
static char *behind(size_t size) {
    size_t room = (size + 15) & ~(size_t)15;
    for (size_t i = 0; i < span_count; i++) {
        size_t j = 0;
        while (j < span_count && spans[j].start != spans[i].start + room) {
            j++;
        }
        if (j == span_count) {
            return spans[i].start + room;
        }
    }
    not_possible("behind each object is another");
}

static void interior(size_t size, long argument) {
    take_neighbours(size);
    char *start = spans[span_count / 2].start;
    size_t offset = (size_t)(argument & 0xffff) >> 2;
    if ((argument & HALF) != 0) {
        offset = size / 2 & ~(size_t)15;
    } else if ((argument & LAST) != 0) {
        offset = size - 1;
    }
    give((enum function)(argument & FUNCTION),
         (argument & BEHIND) != 0 ? behind(size) : start + offset, size);
}

/* --- into no object --------------------------------------------------------------------------- */

static void on_stack(size_t size, long function) {
    char memory[256] __attribute__((aligned(64)));
    (void)keep_out(memory, sizeof memory);
    give((enum function)function, memory + 64, size);
}

static void on_stack_by_alloca(size_t size, long function) {
    char *memory = alloca(opaque_size(512));
    memory += -address(memory) & 63;
    (void)keep_out(memory, 256);
    give((enum function)function, memory + 64, size);
}

static void is_static(size_t size, long function) {
    static char memory[256] __attribute__((aligned(64)));
    (void)keep_out(memory, sizeof memory);
    give((enum function)function, memory + 64, size);
}

static void is_code(size_t size, long function) {
    give((enum function)function, (void *)(address((void *)(uintptr_t)misuse_main) & ~15ul), size);
}

/* A mapping of the program's own, `offset` into it. */
static void *mapping(size_t offset) {
    char *memory = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(memory != MAP_FAILED);
    (void)keep_out(memory, 4 * MIB);
    return memory + offset;
}

static void is_mapping(size_t size, long function) {
    give((enum function)function, mapping(0), size);
}

static void in_mapping(size_t size, long function) {
    give((enum function)function, mapping(MIB + 16), size);
}

/* Where nothing is mapped any more. */
static void is_unmapped(size_t size, long function) {
    void *memory = mmap(NULL, 4 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(memory != MAP_FAILED && munmap(memory, 4 * MIB) == 0);
    give((enum function)function, memory, size);
}

static void is_number(size_t size, long argument) {
    static const uintptr_t numbers[] = {
        0x10,                         /* in the page at zero */
        0x100000000000,               /* far away */
        0x8000000000000000 + 0x10000, /* no address at all */
        UINTPTR_MAX & ~(uintptr_t)15, /* the kernel's */
        UINTPTR_MAX                   /* what many a call that failed returns */
    };
    give((enum function)(argument & FUNCTION), (void *)numbers[argument >> 2], size);
}

static void is_break(size_t size, long function) {
    char *top = sbrk(4 * 4096);
    EXPECT(top != (void *)-1);
    (void)keep_out(top, 4 * 4096);
    give((enum function)function, top + 4096, size);
}

#define RULE "0 or NULL comes back or nothing happens, and the heap stays sound"

#define INTERIOR(prefix, function)                                                 \
    {prefix "-interior-1", interior, (function) | 1 << 2, ALL_SIZES, RULE},        \
        {prefix "-interior-8", interior, (function) | 8 << 2, BUT_8, RULE},        \
        {prefix "-interior-16", interior, (function) | 16 << 2, BUT_8, RULE},      \
        {prefix "-interior-half", interior, (function) | HALF, BUT_8, RULE},       \
        {prefix "-interior-last", interior, (function) | LAST, ALL_SIZES, RULE}, { \
        prefix "-behind", interior, (function) | BEHIND, ALL_SIZES, RULE           \
    }

#define FOREIGN(prefix, function)                                                \
    {prefix "-stack", on_stack, function, NO_SIZE, RULE},                        \
        {prefix "-alloca", on_stack_by_alloca, function, NO_SIZE, RULE},         \
        {prefix "-static", is_static, function, NO_SIZE, RULE},                  \
        {prefix "-code", is_code, function, NO_SIZE, RULE},                      \
        {prefix "-mapping", is_mapping, function, NO_SIZE, RULE},                \
        {prefix "-inside-mapping", in_mapping, function, NO_SIZE, RULE},         \
        {prefix "-unmapped", is_unmapped, function, NO_SIZE, RULE},              \
        {prefix "-break", is_break, function, NO_SIZE, RULE},                    \
        {prefix "-null-page", is_number, (function) | 0 << 2, NO_SIZE, RULE},    \
        {prefix "-far", is_number, (function) | 1 << 2, NO_SIZE, RULE},          \
        {prefix "-noncanonical", is_number, (function) | 2 << 2, NO_SIZE, RULE}, \
        {prefix "-kernel", is_number, (function) | 3 << 2, NO_SIZE, RULE}, {     \
        prefix "-minus-one", is_number, (function) | 4 << 2, NO_SIZE, RULE       \
    }

static const struct kind kinds[] = {
    INTERIOR("free", FREE),      FOREIGN("free", FREE),           INTERIOR("realloc", REALLOC),
    FOREIGN("realloc", REALLOC), INTERIOR("usable", USABLE_SIZE), FOREIGN("usable", USABLE_SIZE),
};

int main(int count, char **arguments) {
    return misuse_main(count, arguments, kinds, sizeof kinds / sizeof *kinds);
}
