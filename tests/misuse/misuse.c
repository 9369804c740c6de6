#include "misuse.h"

#include <dlfcn.h>
#include <inttypes.h>

struct span spans[MOST_SPANS];
size_t span_count;

static uint64_t seeds = 1;

static const struct {
    unsigned set;
    size_t size;
} size_sets[] = {{SIZE_8, 8},        {SIZE_100, 100}, {SIZE_4K, 4 * KIB}, {SIZE_256K, 256 * KIB},
                 {SIZE_4M, 4 * MIB}, {NO_SIZE, 0}};

enum { SIZE_SETS = sizeof size_sets / sizeof *size_sets };

/* --- the run ---------------------------------------------------------------------------------- */

static _Noreturn void end(const char *what, const char *more) {
    say(1, "%s%s\n", what, more);
    _exit(0);
}

void prevented(void) { end("prevented", ""); }

void silent(const char *what) { end("silent: ", what); }

void not_possible(const char *why) {
    say(1, "not possible: %s\n", why);
    _exit(TEST_NOT_POSSIBLE);
}

void access_begin(void) { say(1, "access\n"); }

void access_end(void) { say(1, "accessed\n"); }

void call_begin(void) { say(1, "call\n"); }

void call_end(void) { say(1, "called\n"); }

void wrong_free(void *pointer) {
    call_begin();
    free(opaque(pointer));
    call_end();
}

static void list(const struct kind *kinds, size_t kind_count) {
    for (size_t i = 0; i < kind_count; i++) {
        say(1, "%s\t", kinds[i].name);
        const char *between = "";
        for (size_t s = 0; s < SIZE_SETS; s++) {
            if ((kinds[i].sizes & size_sets[s].set) != 0) {
                say(1, "%s%zu", between, size_sets[s].size);
                between = ",";
            }
        }
        say(1, "\t%s\n", kinds[i].prevented);
    }
}

static void tell_malloc(void) {
    Dl_info info;
    void *function = dlsym(RTLD_DEFAULT, "malloc");
    EXPECT(function != NULL && dladdr(function, &info) != 0);
    say(1, "%s\n", info.dli_fname);
}

static void tell_addresses(size_t size) {
    void *first = malloc(opaque_size(size));
    void *second = malloc(opaque_size(size));
    say(1, "%" PRIxPTR " %" PRIxPTR " %" PRIxPTR "\n", address(first), address(second),
        address(dlsym(RTLD_DEFAULT, "fork")));
}

int misuse_main(int count, char **arguments, const struct kind *kinds, size_t kind_count) {
    if (count == 2 && strcmp(arguments[1], "--list") == 0) {
        list(kinds, kind_count);
        return 0;
    }
    if (count == 2 && strcmp(arguments[1], "--malloc") == 0) {
        tell_malloc();
        return 0;
    }
    if (count != 3) {
        FAIL("usage: %s KIND SIZE | --list | --malloc | --addresses SIZE", arguments[0]);
    }
    size_t size = (size_t)strtoull(arguments[2], NULL, 10);
    if (strcmp(arguments[1], "--addresses") == 0) {
        tell_addresses(size);
        return 0;
    }
    for (size_t i = 0; i < kind_count; i++) {
        if (strcmp(arguments[1], kinds[i].name) == 0) {
            kinds[i].make(size, kinds[i].argument);
            FAIL("%s came to no end", kinds[i].name);
        }
    }
    FAIL("there is no kind %s", arguments[1]);
}

/* --- accesses --------------------------------------------------------------------------------- */

__attribute__((noinline)) void store(char *to, size_t count, char byte) {
    volatile char *at = (volatile char *)opaque(to);
    for (size_t i = 0; i < count; i++) {
        at[i] = byte;
    }
}

__attribute__((noinline)) void load(char *to, const char *from, size_t count) {
    const volatile char *at = (const volatile char *)opaque((void *)(uintptr_t)from);
    for (size_t i = 0; i < count; i++) {
        to[i] = at[i];
    }
}

__attribute__((noinline)) void copy(char *to, const char *from, size_t count) {
    memcpy(opaque(to), from, opaque_size(count));
}

bool contains(const char *bytes, size_t count, const char *word) {
    for (size_t at = 0; at + 8 <= count; at++) {
        if (memcmp(bytes + at, word, 8) == 0) {
            return true;
        }
    }
    return false;
}

bool uniform(const char *bytes, size_t count) {
    for (size_t i = 1; i < count; i++) {
        if (bytes[i] != bytes[0]) {
            return false;
        }
    }
    return true;
}

/* --- patterns: the whole of a small object, both ends of a large one -------------------------- */

enum { END_SIZE = 4096 };

size_t looked_at(size_t size) { return size < END_SIZE ? size : END_SIZE; }

static bool in_one_piece(const struct span *span) { return span->size < 2 * (size_t)END_SIZE; }

static void stamp(const struct span *span) {
    if (in_one_piece(span)) {
        pattern_fill(span->start, span->size, span->seed);
        return;
    }
    pattern_fill(span->start, END_SIZE, span->seed);
    pattern_fill(span->start + span->size - END_SIZE, END_SIZE, span->seed);
}

static bool holds(const struct span *span) {
    if (in_one_piece(span)) {
        return pattern_holds(span->start, span->size, span->seed) != 0;
    }
    return pattern_holds(span->start, END_SIZE, span->seed) != 0 &&
           pattern_holds(span->start + span->size - END_SIZE, END_SIZE, span->seed) != 0;
}

/* --- spans ------------------------------------------------------------------------------------ */

static size_t add(void *start, size_t size) {
    EXPECT(span_count < MOST_SPANS);
    spans[span_count] = (struct span){(char *)start, size, seeds++ << 32};
    stamp(&spans[span_count]);
    return span_count++;
}

size_t take(size_t size) {
    void *object = malloc(opaque_size(size));
    EXPECT(object != NULL);
    return add(opaque(object), size);
}

size_t keep_out(void *start, size_t size) { return add(opaque(start), size); }

void forget(size_t number) { spans[number].start = NULL; }

void drop(size_t number) {
    void *object = spans[number].start;
    forget(number);
    free(opaque(object));
}

size_t neighbours(size_t size) {
    if (size > MIB) {
        return 4;
    }
    return size > 4 * KIB ? 8 : 64;
}

void take_neighbours(size_t size) {
    for (size_t i = neighbours(size); i > 0; i--) {
        (void)take(size);
    }
}

bool take_until_reused(const char *start, size_t size) {
    for (size_t i = size > 4 * KIB ? 4 * neighbours(size) : 4096; i > 0; i--) {
        const struct span *span = &spans[take(size)];
        if (span->start < start + size && start < span->start + size) {
            return true;
        }
    }
    return false;
}

void closest(size_t *lower, size_t *upper) {
    uintptr_t least = UINTPTR_MAX;
    for (size_t i = 0; i < span_count; i++) {
        for (size_t j = 0; j < span_count; j++) {
            uintptr_t distance = address(spans[j].start) - address(spans[i].start);
            if (i != j && address(spans[j].start) > address(spans[i].start) && distance < least) {
                least = distance;
                *lower = i;
                *upper = j;
            }
        }
    }
}

bool untouched(void) {
    for (size_t i = 0; i < span_count; i++) {
        if (spans[i].start != NULL && !holds(&spans[i])) {
            return false;
        }
    }
    return true;
}

static bool overlap(const struct span *a, const struct span *b) {
    return a->start != NULL && b->start != NULL && a->start < b->start + b->size &&
           b->start < a->start + a->size;
}

bool disjoint(void) {
    for (size_t i = 0; i < span_count; i++) {
        for (size_t j = i + 1; j < span_count; j++) {
            if (overlap(&spans[i], &spans[j])) {
                return false;
            }
        }
    }
    return true;
}

bool heap_is_sound(size_t size) {
    static const size_t others[] = {16, 48, 500, 3000, 20 * KIB, 600 * KIB};
    bool sound = true;
    for (int round = 0; round < 2; round++) {
        size_t first = span_count;
        for (size_t i = neighbours(size); i > 0; i--) {
            (void)take(size);
        }
        for (size_t i = 0; i < 3 * sizeof others / sizeof *others; i++) {
            (void)take(others[i % (sizeof others / sizeof *others)]);
        }
        sound = sound && disjoint() && untouched();
        while (span_count > first) {
            drop(--span_count);
        }
    }
    return sound;
}

void judge_others(size_t size) {
    bool changed = !untouched();
    for (size_t i = 0; i < span_count; i++) {
        if (spans[i].start != NULL) {
            drop(i);
        }
    }
    bool sound = heap_is_sound(size);
    if (changed) {
        silent("another object was changed");
    }
    if (!sound) {
        silent("memory is given out twice");
    }
    prevented();
}

void judge_sound(size_t size) {
    if (!untouched()) {
        silent("another object was changed");
    }
    if (!heap_is_sound(size)) {
        silent("memory is given out twice");
    }
    prevented();
}
