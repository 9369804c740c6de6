/* Call sites in C; reports_text.py reads what is said: sites MODE. */
#include "support/testkit.h"

#define CAIRN_CALL_SITES
#include <cairn/debug.h>

#include "site_mistakes.h"

static void leak(void) {
    for (volatile int i = 0; i < 30; i++) {
        memset(opaque(calloc(opaque_size(10), 33)), 1, 330); /* LINE lost */
    }
}

/* Whatever there is no room for is not known, and that is all. */
static void many(void) {
    char file[400];
    memset(file, 'x', sizeof file);
    file[sizeof file - 1] = '\0';
    for (unsigned i = 0; i < 40000; i++) {
        cairn_free_at(cairn_malloc_at(100, file, i), "short.c", i / 2);
    }
    char *object = cairn_malloc_at(100, "late.c", 1);
    cairn_free_at(object, NULL, 7);
    EXPECT(cairn_check());
    double_free();
}

/* More places than the report of leaks keeps apart; what is lost is allocated after that. */
static void leak_after_many(void) {
    enum { PLACES = 6000 };
    static void *kept[PLACES];
    for (unsigned i = 0; i < PLACES; i++) {
        kept[i] = cairn_malloc_at(24, "kept.c", i);
    }
    opaque(kept);
    leak();
}

int main(int count, char **arguments) {
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {{"double_free", double_free},
                 {"overflow", overflow},
                 {"foreign", foreign},
                 {"all", all},
                 {"leak", leak},
                 {"leak_after_many", leak_after_many},
                 {"many", many}};
    for (size_t i = 0; count == 2 && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(arguments[1], modes[i].name) == 0) {
            modes[i].run();
            return 0;
        }
    }
    FAIL("usage: sites MODE");
}
