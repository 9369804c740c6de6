/* What the programs of misuse share: each is a family of mistakes, and one run of it makes one.
 *
 *   PROGRAM KIND SIZE           makes the mistake with objects of SIZE bytes
 *   PROGRAM --list              a line for each kind: name, sizes, when it counts as prevented
 *   PROGRAM --malloc            the file that malloc is taken from
 *   PROGRAM --addresses SIZE    of two objects of that size and of a function of libc
 *
 * A run tells on stdout how far it came, a line each: "access" before the program itself reads or
 * writes where it must not, "accessed" behind that; "call" and "called" around a call that is the
 * mistake; and as the last thing "prevented", or
 * "silent: " and what came of the mistake.  A run that says neither was ended by the allocator or
 * by the kernel; tests/misuse/run tells which.  The mistake counts as prevented only by the rule
 * that stands with its kind; a heap that gives out memory twice or has changed another's object is
 * never sound.
 *
 * Nothing here allocates but what the mistake is made with. */
#ifndef CAIRN_TESTS_MISUSE_MISUSE_H
#define CAIRN_TESTS_MISUSE_MISUSE_H

#include <stdbool.h>

#include "support/testkit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sets of sizes of objects. */
enum {
    SIZE_8 = 1,
    SIZE_100 = 2,
    SIZE_4K = 4,
    SIZE_256K = 8,
    SIZE_4M = 16,
    NO_SIZE = 32,
    SMALL_SIZES = SIZE_8 | SIZE_100 | SIZE_4K,
    LARGE_SIZES = SIZE_256K | SIZE_4M,
    BUT_8 = SIZE_100 | SIZE_4K | LARGE_SIZES,
    ALL_SIZES = SMALL_SIZES | LARGE_SIZES
};

struct kind {
    const char *name;
    void (*make)(size_t size, long argument);
    long argument;
    unsigned sizes;
    const char *prevented; /* the rule */
};

/* The rules that most kinds share. */
#define RULE_OTHERS    "no other object is changed, and the heap stays sound"
#define RULE_SOUND     "the heap stays sound: no memory is given out twice"
#define RULE_NULL      "the request fails"
#define RULE_UNIFORM   "what is read is a constant: nothing of an object or of the allocator"
#define RULE_NO_OBJECT "nothing is read that belongs to an object"

int misuse_main(int count, char **arguments, const struct kind *kinds, size_t kind_count);

__attribute__((noreturn)) void prevented(void);
__attribute__((noreturn)) void silent(const char *what);
__attribute__((noreturn)) void not_possible(const char *why);

/* Around an access by the program itself where it must not, and around a call of the allocator that
 * is the mistake. */
void access_begin(void);
void access_end(void);
void call_begin(void);
void call_end(void);

/* free, which is the mistake. */
void wrong_free(void *pointer);

/* --- the objects of the program --------------------------------------------------------------- */

struct span {
    char *start;
    size_t size;
    uint64_t seed; /* of the pattern in it */
};

enum { MOST_SPANS = 8192 };

extern struct span spans[MOST_SPANS];
extern size_t span_count;

/* An object with a pattern of its own; its number. */
size_t take(size_t size);
/* Memory that is no object of the allocator's and must not become one; its number. */
size_t keep_out(void *start, size_t size);
/* Forgets the span, whose memory the caller has given away. */
void forget(size_t number);
/* Frees it. */
void drop(size_t number);

/* As many objects as make neighbours of one size: 64 small ones, fewer large ones. */
size_t neighbours(size_t size);
void take_neighbours(size_t size);

/* Takes objects until one lies where `size` bytes from `start` on were freed; false: none of
 * as many does as an attacker would have patience for. */
bool take_until_reused(const char *start, size_t size);

/* The two spans that lie closest to each other. */
void closest(size_t *lower, size_t *upper);

/* All patterns hold. */
bool untouched(void);
/* No two spans overlap. */
bool disjoint(void);
/* Takes objects of that size and of others, and says whether all are disjoint and stay as they were
 * written; frees them. */
bool heap_is_sound(size_t size);

/* What comes of a write to where another's object may be: all patterns are looked at, all spans are
 * freed, and the heap is tried. */
__attribute__((noreturn)) void judge_others(size_t size);
/* What comes of a wrong call: the heap is tried while all spans stay. */
__attribute__((noreturn)) void judge_sound(size_t size);

/* Writes and reads that no compiler reasons about. */
void store(char *to, size_t count, char byte);
void copy(char *to, const char *from, size_t count);
void load(char *to, const char *from, size_t count);

/* `word`, of eight bytes, is somewhere in it. */
bool contains(const char *bytes, size_t count, const char *word);
/* All bytes are the same. */
bool uniform(const char *bytes, size_t count);
/* As many bytes of it as are looked at. */
size_t looked_at(size_t size);

#ifdef __cplusplus
}
#endif

#endif
