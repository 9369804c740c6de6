/* Accesses beyond the end or before the start of an object.  The object is the one that lies
 * closest to another of the program's, so that there is something to be hit if anything can be. */
#include "misuse.h"

enum {
    AMOUNT = 0xffff, /* bytes beyond the object */
    UNDER = 1 << 16, /* before its start instead of behind its end */
    COPY = 1 << 17,  /* by memcpy, which starts inside */
    ZERO = 1 << 18   /* zero bytes, as the end of a string is */
};

static void wrong_write(size_t size, long argument) {
    static char source[64 + AMOUNT];
    take_neighbours(size);
    size_t lower;
    size_t upper;
    closest(&lower, &upper);
    size_t victim = (argument & UNDER) != 0 ? upper : lower;
    char *start = spans[victim].start;
    size_t amount = (size_t)(argument & AMOUNT);
    size_t inside = size < 64 ? size : 64;
    char byte = (argument & ZERO) != 0 ? '\0' : 'A';
    memset(source, byte, sizeof source);
    access_begin();
    if ((argument & UNDER) != 0) {
        (argument & COPY) != 0 ? copy(start - amount, source, amount + inside)
                               : store(start - amount, amount, byte);
    } else {
        (argument & COPY) != 0 ? copy(start + size - inside, source, inside + amount)
                               : store(start + size, amount, byte);
    }
    access_end();
    drop(victim);
    judge_others(size);
}

/* Over everything that lies between, into the middle of the next object. */
static void jump(size_t size, long argument) {
    (void)argument;
    take_neighbours(size);
    size_t lower;
    size_t upper;
    closest(&lower, &upper);
    size_t distance = (size_t)(spans[upper].start - spans[lower].start);
    /* Where an index that is wrong by one in each of two dimensions leads. */
    if (distance > 4 * size + 64) {
        prevented();
    }
    access_begin();
    store(spans[lower].start + distance, 4, 'A');
    access_end();
    drop(lower);
    judge_others(size);
}

static void wrong_read(size_t size, long argument) {
    static char seen[AMOUNT];
    take_neighbours(size);
    size_t lower;
    size_t upper;
    closest(&lower, &upper);
    size_t victim = (argument & UNDER) != 0 ? upper : lower;
    char *start = spans[victim].start;
    size_t amount = (size_t)(argument & AMOUNT);
    access_begin();
    load(seen, (argument & UNDER) != 0 ? start - amount : start + size, amount);
    access_end();
    for (size_t i = 0; i < span_count; i++) {
        if (i != victim && (contains(seen, amount, spans[i].start) ||
                            contains(seen, amount, spans[i].start + size - 8))) {
            silent("another object was read");
        }
    }
    judge_others(size);
}

/* The room of the object grows where it is, or it moves; either looks at what is around it. */
static void write_then_realloc(size_t size, long argument) {
    take_neighbours(size);
    size_t lower;
    size_t upper;
    closest(&lower, &upper);
    access_begin();
    store(spans[lower].start + size, (size_t)argument, 'A');
    access_end();
    void *moved = realloc(opaque(spans[lower].start), 3 * size);
    EXPECT(moved != NULL);
    forget(lower);
    free(opaque(moved));
    judge_others(size);
}

#define WRITES(name, argument) \
    { name, wrong_write, argument, ALL_SIZES, RULE_OTHERS }

static const struct kind kinds[] = {
    WRITES("overflow-1-store", 1),
    WRITES("overflow-32-store", 32),
    WRITES("overflow-4096-store", 4096),
    WRITES("overflow-1-memcpy", 1 | COPY),
    WRITES("overflow-32-memcpy", 32 | COPY),
    WRITES("overflow-4096-memcpy", 4096 | COPY),
    WRITES("overflow-1-zero", 1 | ZERO),
    WRITES("underflow-1-store", 1 | UNDER),
    WRITES("underflow-32-store", 32 | UNDER),
    WRITES("underflow-4096-store", 4096 | UNDER),
    WRITES("underflow-1-memcpy", 1 | UNDER | COPY),
    WRITES("underflow-32-memcpy", 32 | UNDER | COPY),
    WRITES("underflow-4096-memcpy", 4096 | UNDER | COPY),
    {"overflow-jump", jump, 0, ALL_SIZES, RULE_OTHERS},
    {"overflow-32-then-realloc", write_then_realloc, 32, ALL_SIZES, RULE_OTHERS},
    {"overread-32", wrong_read, 32, ALL_SIZES, RULE_NO_OBJECT},
    {"overread-4096", wrong_read, 4096, ALL_SIZES, RULE_NO_OBJECT},
    {"underread-32", wrong_read, 32 | UNDER, ALL_SIZES, RULE_NO_OBJECT},
};

int main(int count, char **arguments) {
    return misuse_main(count, arguments, kinds, sizeof kinds / sizeof *kinds);
}
