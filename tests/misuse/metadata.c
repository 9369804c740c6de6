/* Attacks: overflows and writes to freed memory that are aimed at what an allocator may keep there,
 * links and headers, to have it give out an address of the attacker's choice or memory in use.
 *
 * They are written from the descriptions of the known ones against heaps with headers and free
 * lists (fast bins, unlink, the last chunk, mapped chunks); the layouts are those of glibc's
 * malloc, of free lists with and without links that are mangled with the address, and of metadata
 * at the start of an aligned area.  Where an allocator keeps nothing there, nothing comes
 * of them. */
#include <malloc.h>

#include "misuse.h"

/* Where the attacker wants an object to be. */
static struct { size_t words[64]; } target __attribute__((aligned(64)));

enum { PREVIOUS_IN_USE = 1, MAPPED = 2, CHUNK_WORDS = 2 };

/* The size of glibc's chunk for a request. */
static size_t chunk_size(size_t size) {
    size_t chunk = (size + 8 + 15) & ~(size_t)15;
    return chunk < 32 ? 32 : chunk;
}

/* A target that looks like a chunk in use, and behind it another. */
static void dress_target(size_t size) {
    size_t chunk = chunk_size(size);
    target.words[1] = chunk | PREVIOUS_IN_USE;
    if (chunk / sizeof(size_t) + 1 < sizeof target / sizeof(size_t)) {
        target.words[chunk / sizeof(size_t) + 1] = chunk | PREVIOUS_IN_USE;
    }
}

static bool in_target(const char *object) {
    return object >= (const char *)&target && object < (const char *)&target + sizeof target;
}

/* The attacker takes objects and sees whether one is where it should never be. */
static void take_until_target(size_t size) {
    for (size_t i = 2 * neighbours(size); i > 0; i--) {
        char *object = opaque(malloc(opaque_size(size)));
        if (object == NULL || in_target(object)) {
            silent(object == NULL ? "malloc fails" : "malloc gives out the attacker's address");
        }
        (void)keep_out(object, size);
    }
}

/* After an attack all must be as if nothing had been written. */
static _Noreturn void judge(size_t size) {
    if (!disjoint()) {
        silent("memory is given out twice");
    }
    judge_sound(size);
}

static void write_word(char *to, size_t word) { copy(to, (const char *)&word, sizeof word); }

/* --- links in freed memory -------------------------------------------------------------------- */

enum link { PLAIN, MANGLED, TO_ITSELF, LOW_BYTE, BOTH_WORDS, ALL_WORDS };

static void write_link(char *freed, size_t size, enum link link) {
    size_t goal = address(&target.words[CHUNK_WORDS]);
    switch (link) {
    case PLAIN:
        write_word(freed, goal);
        break;
    case MANGLED: /* as glibc does since 2.32: with the address of the link itself */
        write_word(freed, goal ^ (address(freed) >> 12));
        break;
    case TO_ITSELF:
        write_word(freed, address(freed) ^ (address(freed) >> 12));
        break;
    case LOW_BYTE:
        store(freed, 1, '\x40');
        break;
    case BOTH_WORDS: /* the links of a doubly linked list */
        write_word(freed, address(target.words));
        if (size >= 16) {
            write_word(freed + 8, address(target.words));
        }
        break;
    case ALL_WORDS:
        for (size_t at = 0; at + 8 <= looked_at(size); at += 8) {
            write_word(freed + at, goal);
        }
        break;
    }
}

static void poison_links(size_t size, long link) {
    dress_target(size);
    take_neighbours(size);
    size_t first = span_count / 2;
    char *freed = spans[first].start;
    char *other = spans[first + 1].start;
    drop(first + 1);
    drop(first);
    access_begin();
    write_link(freed, size, (enum link)link);
    write_link(other, size, (enum link)link);
    access_end();
    take_until_target(size);
    judge(size);
}

/* The same object freed twice with another between, so that a live object is on the list too. */
static void poison_after_double_free(size_t size, long link) {
    dress_target(size);
    take_neighbours(size);
    char *a = spans[span_count / 2].start;
    char *b = spans[span_count / 2 + 1].start;
    forget(span_count / 2);
    forget(span_count / 2 + 1);
    free(opaque(a));
    free(opaque(b));
    wrong_free(a);
    char *again = opaque(malloc(opaque_size(size)));
    EXPECT(again != NULL);
    write_link(again, size, (enum link)link);
    take_until_target(size);
    judge(size);
}

/* --- false objects ---------------------------------------------------------------------------- */

static void free_false_object(size_t size, long mapped) {
    dress_target(size);
    if (mapped != 0) {
        target.words[1] = 4096 | MAPPED;
    }
    wrong_free(&target.words[CHUNK_WORDS]);
    take_until_target(size);
    judge(size);
}

/* A false object inside a real one, freed to be given out again while that is in use. */
static void free_false_object_inside(size_t size, long argument) {
    (void)argument;
    take_neighbours(512);
    char *inside = spans[span_count / 2].start + 64;
    write_word(inside - 8, chunk_size(size) | PREVIOUS_IN_USE);
    write_word(inside - 8 + chunk_size(size), chunk_size(size) | PREVIOUS_IN_USE);
    wrong_free(inside);
    for (size_t i = 2 * neighbours(size); i > 0; i--) {
        (void)keep_out(malloc(opaque_size(size)), size);
    }
    judge(size);
}

/* --- headers of neighbours -------------------------------------------------------------------- */

enum header { LARGER, SMALLER, FREE_BEFORE, MAPPED_LARGER, ZERO_BYTE, ALL_ONES };

/* What the attacker writes behind the lower one of two neighbours, over the upper one's header. */
static void forge(char *lower, char *upper, size_t size, enum header header) {
    size_t chunk = chunk_size(size);
    size_t behind = (size_t)(upper - 16 - lower);
    switch (header) {
    case LARGER:
        write_word(upper - 8, (2 * chunk) | PREVIOUS_IN_USE);
        break;
    case SMALLER:
        write_word(upper - 8, 32 | PREVIOUS_IN_USE);
        break;
    case FREE_BEFORE: /* a free chunk of our making ends there, whose links lead to itself */
        write_word(lower + 8, behind);
        write_word(lower + 16, address(lower));
        write_word(lower + 24, address(lower));
        write_word(upper - 16, behind);
        write_word(upper - 8, chunk & ~(size_t)PREVIOUS_IN_USE);
        break;
    case MAPPED_LARGER:
        write_word(upper - 16, 0);
        write_word(upper - 8, ((2 * size + 4095) & ~(size_t)4095) | MAPPED);
        break;
    case ZERO_BYTE:
        store(upper - 8, 1, '\0');
        break;
    case ALL_ONES:
        store(upper - 16, 16, '\xff');
        break;
    }
}

static void forge_header(size_t size, long header) {
    take_neighbours(size);
    size_t lower = 0;
    size_t upper = 0;
    closest(&lower, &upper);
    if (spans[upper].start - spans[lower].start > (ptrdiff_t)(2 * size + 4096)) {
        prevented();
    }
    uint64_t lower_content = spans[lower].seed;
    access_begin();
    forge(spans[lower].start, spans[upper].start, size, (enum header)header);
    access_end();
    /* Its own content the attacker may change; nobody else's. */
    pattern_fill(spans[lower].start, size < 8192 ? size : 4096, lower_content);
    if (size >= 8192) {
        pattern_fill(spans[lower].start + size - 4096, 4096, lower_content);
    }
    drop(upper);
    for (size_t i = neighbours(size); i > 0; i--) {
        (void)take(size);
        (void)take(2 * size);
    }
    judge(size);
}

/* The last chunk is made endless, so that a request of the distance leads to the target. */
static void endless_last(size_t size, long argument) {
    (void)argument;
    (void)take(size);
    char *last = spans[0].start;
    access_begin();
    store(last + malloc_usable_size(last), 16, '\xff');
    access_end();
    size_t distance = address(&target) - address(last) - size - 64;
    char *moved = malloc(opaque_size(distance));
    if (moved != NULL) {
        take_until_target(64);
        silent("a request of nearly all memory is served");
    }
    judge(size);
}

/* --- what lies at the start of an aligned area ------------------------------------------------ */

/* An underflow that runs down to where metadata are found by masking the address. */
static void below(size_t size, long shift) {
    take_neighbours(size);
    char *victim = spans[0].start;
    for (size_t i = 1; i < span_count; i++) {
        victim = spans[i].start < victim ? spans[i].start : victim;
    }
    uintptr_t start = address(victim) & ~(((uintptr_t)1 << shift) - 1);
    size_t distance = address(victim) - start;
    if (distance == 0) {
        prevented();
    }
    access_begin();
    store((char *)start, distance < 512 ? distance : 512, 'A');
    access_end();
    judge_others(size);
}

#define SOUND_AND_FAR \
    "no object lies at the attacker's address, no other is changed, the heap stays sound"
#define LINKS(name, link) \
    { name, poison_links, link, ALL_SIZES, SOUND_AND_FAR }
#define HEADERS(name, header) \
    { name, forge_header, header, BUT_8, SOUND_AND_FAR }

static const struct kind kinds[] = {
    LINKS("link-to-target", PLAIN),
    LINKS("mangled-link-to-target", MANGLED),
    LINKS("link-to-itself", TO_ITSELF),
    LINKS("low-byte-of-link", LOW_BYTE),
    LINKS("two-links-to-target", BOTH_WORDS),
    LINKS("links-everywhere", ALL_WORDS),
    {"double-free-then-link", poison_after_double_free, PLAIN, ALL_SIZES, SOUND_AND_FAR},
    {"double-free-then-mangled-link", poison_after_double_free, MANGLED, ALL_SIZES, SOUND_AND_FAR},
    {"false-object", free_false_object, 0, SIZE_8 | SIZE_100, SOUND_AND_FAR},
    {"false-mapped-object", free_false_object, 1, SIZE_8 | SIZE_100, SOUND_AND_FAR},
    {"false-object-inside", free_false_object_inside, 0, SIZE_8 | SIZE_100, SOUND_AND_FAR},
    HEADERS("header-of-larger", LARGER),
    HEADERS("header-of-smaller", SMALLER),
    HEADERS("header-of-free-before", FREE_BEFORE),
    HEADERS("header-of-mapped", MAPPED_LARGER),
    HEADERS("header-zero-byte", ZERO_BYTE),
    HEADERS("header-all-ones", ALL_ONES),
    {"last-chunk-endless", endless_last, 0, SIZE_100, SOUND_AND_FAR},
    {"underflow-to-4-kib", below, 12, ALL_SIZES, RULE_OTHERS},
    {"underflow-to-64-kib", below, 16, ALL_SIZES, RULE_OTHERS},
    {"underflow-to-4-mib", below, 22, ALL_SIZES, RULE_OTHERS},
};

int main(int count, char **arguments) {
    return misuse_main(count, arguments, kinds, sizeof kinds / sizeof *kinds);
}
