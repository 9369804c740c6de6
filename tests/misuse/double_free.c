/* Objects that are freed twice, or given to realloc or malloc_usable_size after they were freed. */
#include "front/death/threads.h"

#include "misuse.h"

static void *free_it(void *object) {
    free(opaque(object));
    return NULL;
}

static void *free_it_wrongly(void *object) {
    wrong_free(object);
    return NULL;
}

static void *free_it_twice(void *object) {
    free(opaque(object));
    wrong_free(object);
    return NULL;
}

/* An object in the middle of others that stay; it is the caller's to free. */
static char *one_of_many(size_t size) {
    take_neighbours(size);
    size_t victim = span_count / 2;
    char *start = spans[victim].start;
    forget(victim);
    return start;
}

/* `between` objects of the same size, taken before, are freed between the two; fewer large ones. */
static void twice(size_t size, long between) {
    char *object = one_of_many(size);
    between = size > 4 * KIB ? between / 8 : between;
    size_t first = span_count;
    for (long i = 0; i < between; i++) {
        (void)take(size);
    }
    free(opaque(object));
    for (size_t i = first; i < span_count; i++) {
        drop(i);
    }
    wrong_free(object);
    judge_sound(size);
}

static void interleaved(size_t size, long argument) {
    (void)argument;
    char *a = one_of_many(size);
    void *b = malloc(opaque_size(size));
    free(opaque(a));
    free(opaque(b));
    wrong_free(a);
    judge_sound(size);
}

/* The memory belongs to another object by then, which the second free would end. */
static void after_reuse(size_t size, long many) {
    char *object = one_of_many(size);
    free(opaque(object));
    for (long i = 0; i < many; i++) {
        drop(take(size));
        span_count--;
    }
    (void)take_until_reused(object, size);
    wrong_free(object);
    judge_sound(size);
}

static void by_threads(size_t size, long argument) {
    static struct prepared_thread thread;
    void *(*const work[])(void *) = {free_it, free_it_wrongly, free_it_twice};
    prepare_thread(&thread, work[argument]);
    char *object = one_of_many(size);
    if (argument == 1) { /* the second one is the thread's */
        free(opaque(object));
        run_prepared(&thread, object);
    } else {
        run_prepared(&thread, object);
        if (argument == 0) {
            wrong_free(object);
        }
    }
    judge_sound(size);
}

/* What belonged to a thread that has ended. */
static void *take_one(void *size) { return malloc(*(size_t *)size); }

static void of_ended_thread(size_t size, long argument) {
    (void)argument;
    pthread_t thread;
    void *object = NULL;
    EXPECT(pthread_create(&thread, NULL, take_one, &size) == 0);
    EXPECT(pthread_join(thread, &object) == 0);
    free(opaque(object));
    wrong_free(object);
    judge_sound(size);
}

/* All objects of the size are freed, and what can be goes back to the kernel. */
static void all_released(size_t size, long argument) {
    (void)argument;
    char *object = one_of_many(size);
    free(opaque(object));
    for (size_t i = 0; i < span_count; i++) {
        if (spans[i].start != NULL) {
            drop(i);
        }
    }
    (void)malloc_trim(0);
    wrong_free(object);
    judge_sound(size);
}

static void aligned(size_t size, long argument) {
    take_neighbours(size);
    void *object = NULL;
    EXPECT(posix_memalign(&object, (size_t)argument, opaque_size(size)) == 0);
    free(opaque(object));
    wrong_free(object);
    judge_sound(size);
}

static void after_realloc_moved(size_t size, long argument) {
    (void)argument;
    char *object = one_of_many(size);
    void *moved = realloc(opaque(object), 5 * size);
    EXPECT(moved != NULL);
    if (moved == object) {
        not_possible("realloc grew it in place");
    }
    (void)keep_out(moved, 5 * size);
    wrong_free(object);
    judge_sound(size);
}

static void after_realloc_to_zero(size_t size, long argument) {
    (void)argument;
    char *object = one_of_many(size);
    void *left = realloc(opaque(object), opaque_size(0));
    if (left == object) {
        not_possible("realloc to zero bytes keeps the object");
    }
    wrong_free(object);
    judge_sound(size);
}

/* Reviving a freed object: who gets an address believes that it is its own. */
static void resized(size_t size, long times) {
    char *object = one_of_many(size);
    free(opaque(object));
    call_begin();
    void *revived = realloc(opaque(object), size * (size_t)times);
    call_end();
    if (revived != NULL) {
        silent("realloc revives it");
    }
    judge_sound(size);
}

static void resized_as_array(size_t size, long argument) {
    (void)argument;
    char *object = one_of_many(size);
    free(opaque(object));
    call_begin();
    void *revived = reallocarray(opaque(object), 3, size);
    call_end();
    if (revived != NULL) {
        silent("reallocarray revives it");
    }
    judge_sound(size);
}

static void asked_for_size(size_t size, long argument) {
    (void)argument;
    char *object = one_of_many(size);
    free(opaque(object));
    call_begin();
    size_t usable = malloc_usable_size(opaque(object));
    call_end();
    if (usable != 0) {
        silent("it has usable bytes");
    }
    judge_sound(size);
}

#define TWICE(name, function, argument) \
    { name, function, argument, ALL_SIZES, RULE_SOUND }
#define NULL_AND_SOUND "NULL or 0 comes back, and the heap stays sound"

static const struct kind kinds[] = {
    TWICE("at-once", twice, 0),
    TWICE("after-some-others", twice, 8),
    TWICE("after-many-others", twice, 500),
    TWICE("interleaved", interleaved, 0),
    TWICE("after-reuse", after_reuse, 0),
    TWICE("after-reuse-and-many", after_reuse, 1000),
    TWICE("by-thread-then-owner", by_threads, 0),
    TWICE("by-owner-then-thread", by_threads, 1),
    TWICE("by-thread-twice", by_threads, 2),
    TWICE("of-ended-thread", of_ended_thread, 0),
    TWICE("after-all-are-released", all_released, 0),
    TWICE("aligned-to-64", aligned, 64),
    TWICE("aligned-to-a-page", aligned, 4096),
    TWICE("after-realloc-moved-it", after_realloc_moved, 0),
    TWICE("after-realloc-to-zero", after_realloc_to_zero, 0),
    {"realloc-of-freed", resized, 1, ALL_SIZES, NULL_AND_SOUND},
    {"realloc-of-freed-to-more", resized, 3, ALL_SIZES, NULL_AND_SOUND},
    {"reallocarray-of-freed", resized_as_array, 0, ALL_SIZES, NULL_AND_SOUND},
    {"usable-size-of-freed", asked_for_size, 0, ALL_SIZES, NULL_AND_SOUND},
};

int main(int count, char **arguments) {
    return misuse_main(count, arguments, kinds, sizeof kinds / sizeof *kinds);
}
