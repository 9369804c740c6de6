/* What fresh memory tells: former contents, and where the next object will lie. */
#include <sys/mman.h>

#include "front/death/threads.h"

#include "misuse.h"

static const char secret[] = "a password of somebody else's!!";

/* It stands at every so many bytes: throughout a small object, in each page of a large one. */
static size_t step_of(size_t size) { return size > 4 * KIB ? 4 * KIB : 32; }

/* Objects full of the secret, freed again. */
static void *leave_secrets(void *size_of) {
    size_t size = *(size_t *)size_of;
    char *objects[64];
    size_t count = neighbours(size);
    for (size_t i = 0; i < count; i++) {
        objects[i] = opaque(malloc(size));
        EXPECT(objects[i] != NULL);
        for (size_t at = 0; at < size; at += step_of(size)) {
            copy(objects[i] + at, secret, size - at < 32 ? size - at : 32);
        }
    }
    for (size_t i = 0; i < count; i++) {
        free(opaque(objects[i]));
    }
    return NULL;
}

static void look_for_secret(const char *object, size_t from, size_t size) {
    static char seen[sizeof secret];
    size_t step = step_of(size);
    for (size_t at = (from + step - 1) / step * step; at + 8 <= size; at += step) {
        load(seen, object + at, 8);
        if (memcmp(seen, secret, 8) == 0) {
            silent("a former object's content is in it");
        }
    }
}

enum how { BY_MALLOC, BY_CALLOC, BY_ALIGNED, BY_REALLOC };

static void look_into(size_t size, enum how how) {
    char *object = NULL;
    size_t from = 0;
    switch (how) {
    case BY_MALLOC:
        object = malloc(opaque_size(size));
        break;
    case BY_CALLOC:
        object = calloc(1, opaque_size(size));
        break;
    case BY_ALIGNED:
        object = aligned_alloc(64, opaque_size((size + 63) & ~(size_t)63));
        break;
    case BY_REALLOC:
        object = realloc(malloc(opaque_size(size / 4)), opaque_size(size));
        from = size / 4;
        break;
    }
    EXPECT(object != NULL);
    look_for_secret(object, from, size);
    (void)keep_out(object, size);
}

static void see_secret(size_t size, long how) {
    (void)leave_secrets(&size);
    for (size_t i = 2 * neighbours(size); i > 0; i--) {
        look_into(size, (enum how)how);
    }
    judge_sound(size);
}

static void see_secret_of_thread(size_t size, long ended) {
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, leave_secrets, &size) == 0);
    if (ended != 0) {
        EXPECT(pthread_join(thread, NULL) == 0);
    }
    for (size_t i = 4 * neighbours(size); i > 0; i--) {
        look_into(size, BY_MALLOC);
    }
    judge_sound(size);
}

/* What an object has beyond the size asked for. */
static void see_secret_behind(size_t size, long argument) {
    (void)argument;
    size_t larger = size + size / 8;
    (void)leave_secrets(&larger);
    for (size_t i = 2 * neighbours(size); i > 0; i--) {
        char *object = opaque(malloc(opaque_size(size)));
        EXPECT(object != NULL);
        size_t usable = malloc_usable_size(object);
        if (usable >= size + 8) {
            look_for_secret(object, size, usable);
        }
        (void)keep_out(object, size);
    }
    judge_sound(size);
}

/* --- order ------------------------------------------------------------------------------------ */

enum { TRIALS = 64 };

/* Whoever frees an object can tell where the next one will lie. */
static void same_again(size_t size, long argument) {
    (void)argument;
    take_neighbours(size);
    unsigned same = 0;
    for (int i = 0; i < TRIALS; i++) {
        void *freed = opaque(malloc(opaque_size(size)));
        free(freed);
        void *next = opaque(malloc(opaque_size(size)));
        same += next == freed;
        free(next);
    }
    same > TRIALS / 8 ? silent("the next object is where one was freed") : prevented();
}

/* Eight are freed; the next eight come in their order, or in the opposite one. */
static void order_of_reuse(size_t size, long argument) {
    (void)argument;
    enum { FEW = 8 };
    unsigned forwards = 0;
    unsigned backwards = 0;
    take_neighbours(size);
    for (int i = 0; i < TRIALS / 4; i++) {
        void *freed[FEW];
        void *next[FEW];
        for (int k = 0; k < FEW; k++) {
            freed[k] = opaque(malloc(opaque_size(size)));
        }
        for (int k = 0; k < FEW; k++) {
            free(freed[k]);
        }
        for (int k = 0; k < FEW; k++) {
            next[k] = opaque(malloc(opaque_size(size)));
            forwards += next[k] == freed[k];
        }
        for (int k = 0; k < FEW; k++) {
            backwards += next[k] == freed[FEW - 1 - k];
            free(next[k]);
        }
    }
    unsigned most = forwards > backwards ? forwards : backwards;
    most > FEW *TRIALS / 4 / 4 ? silent("the order of reuse is known") : prevented();
}

/* Consecutive objects lie at one and the same distance from each other. */
static void adjacent(size_t size, long argument) {
    (void)argument;
    size_t count = neighbours(size);
    take_neighbours(size);
    size_t most = 0;
    for (size_t i = 1; i < count; i++) {
        size_t alike = 0;
        for (size_t j = 1; j < count; j++) {
            alike += spans[j].start - spans[j - 1].start == spans[i].start - spans[i - 1].start;
        }
        most = alike > most ? alike : most;
    }
    most > count / 2 ? silent("the next object lies at a known distance") : prevented();
}

/* Memory of one size becomes objects of others, so that a dangling pointer is into their middle. */
static void other_size(size_t size, long times) {
    static char *freed[64];
    size_t count = neighbours(size);
    for (size_t i = 0; i < count; i++) {
        freed[i] = opaque(malloc(opaque_size(size)));
        EXPECT(freed[i] != NULL);
    }
    for (size_t i = 0; i < count; i++) {
        free(opaque(freed[i]));
    }
    size_t other = times < 0 ? size / 3 : size * (size_t)times;
    for (size_t i = 4 * neighbours(other); i > 0; i--) {
        char *object = opaque(malloc(opaque_size(other)));
        EXPECT(object != NULL);
        for (size_t k = 0; k < count; k++) {
            if (object < freed[k] + size && freed[k] < object + other) {
                silent("an object of another size lies there");
            }
        }
    }
    prevented();
}

/* Code in an object. */
static void execute(size_t size, long argument) {
    static const unsigned char code[] = {0xc3}; /* returns */
    (void)argument;
#ifndef __x86_64__
    not_possible("the code is x86-64's");
#endif
    take_neighbours(size);
    void (*function)(void) = NULL;
    void *start = spans[0].start;
    copy(start, (const char *)code, sizeof code);
    memcpy(&function, &start, sizeof function);
    access_begin();
    function();
    access_end();
    silent("it was executed");
}

#define SECRET(name, function, argument) \
    { name, function, argument, ALL_SIZES, "nothing of former contents is found in fresh objects" }
#define ORDER(name, function, rule) \
    { name, function, 0, ALL_SIZES, rule }

static const struct kind kinds[] = {
    SECRET("secret-in-malloc", see_secret, BY_MALLOC),
    SECRET("secret-in-calloc", see_secret, BY_CALLOC),
    SECRET("secret-in-aligned", see_secret, BY_ALIGNED),
    SECRET("secret-in-realloc", see_secret, BY_REALLOC),
    SECRET("secret-of-ended-thread", see_secret_of_thread, 1),
    {"secret-behind-the-end", see_secret_behind, 0, BUT_8,
     "nothing of former contents is found in fresh objects"},
    ORDER("next-is-the-freed-one", same_again, "not more often than once in eight"),
    ORDER("order-of-reuse", order_of_reuse, "not more often than once in four"),
    ORDER("order-of-addresses", adjacent, "at most half of the distances are the same"),
    {"reuse-by-smaller-size", other_size, -1, BUT_8, "no object of the other size lies there"},
    {"reuse-by-larger-size", other_size, 3, ALL_SIZES, "no object of the other size lies there"},
    {"execute", execute, 0, ALL_SIZES, "never: the kernel must refuse"},
};

int main(int count, char **arguments) {
    return misuse_main(count, arguments, kinds, sizeof kinds / sizeof *kinds);
}
