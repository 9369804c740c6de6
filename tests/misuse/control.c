/* No mistake at all: what any of these is found guilty of is a false alarm. */
#include "front/death/threads.h"

#include "misuse.h"

static void use(size_t size, long argument) {
    (void)argument;
    take_neighbours(size);
    for (size_t i = 0; i < span_count; i += 2) {
        char *grown = realloc(opaque(spans[i].start), 2 * size);
        EXPECT(grown != NULL);
        forget(i);
        (void)keep_out(grown, 2 * size);
    }
    judge_others(size);
}

static void *free_it(void *object) {
    free(opaque(object));
    return NULL;
}

static void free_elsewhere(size_t size, long argument) {
    static struct prepared_thread thread;
    (void)argument;
    prepare_thread(&thread, free_it);
    take_neighbours(size);
    void *object = spans[span_count / 2].start;
    forget(span_count / 2);
    run_prepared(&thread, object);
    judge_others(size);
}

static void allocate_and_free_many(size_t size, long argument) {
    (void)argument;
    take_neighbours(size);
    for (size_t i = size > 4 * KIB ? 64 : 10000; i > 0; i--) {
        drop(take(size));
        span_count--;
    }
    judge_others(size);
}

static const struct kind kinds[] = {
    {"use", use, 0, ALL_SIZES, RULE_OTHERS},
    {"free-elsewhere", free_elsewhere, 0, ALL_SIZES, RULE_OTHERS},
    {"allocate-and-free-many", allocate_and_free_many, 0, ALL_SIZES, RULE_OTHERS},
};

int main(int count, char **arguments) {
    return misuse_main(count, arguments, kinds, sizeof kinds / sizeof *kinds);
}
