/* Reports of misuse: one line on stderr that says what, where and who, then abort().
 *
 * Async-signal-safe; allocates nothing; takes no lock. */
#ifndef CAIRN_CORE_REPORT_H
#define CAIRN_CORE_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum found {
    FOUND_LIVE,       /* the first byte of a live object: nothing to report */
    FOUND_FREE,       /* an object that is free */
    FOUND_INTERIOR,   /* inside an object of a slab */
    FOUND_TAIL,       /* behind a slab's last object */
    FOUND_LARGE_BODY, /* inside a large object */
    FOUND_RELEASED,   /* a chunk that was used once and is not any more */
    FOUND_FOREIGN     /* never given out */
};

struct finding {
    enum found what;
    uintptr_t address;
    uintptr_t object; /* where the object that contains address starts, if one does */
    size_t size;      /* of the object: its class's, or the large object's usable bytes */
};

/* The frame of a report, for whoever finds a mistake of a kind of its own:
 *
 *   cairn: FUNCTION(0xADDRESS): ... what the caller adds ...; thread ID
 *
 * `function` is what the program called: "free", "realloc", ... */
void report_begin(struct text *text, const char *function, uintptr_t address);
_Noreturn void report_end(struct text *text);

_Noreturn void report_bad_pointer(const char *function, const struct finding *finding);

/* A live object of `usable` bytes of which the program says that it has `size`, which is more. */
_Noreturn void report_wrong_size(const char *function, uintptr_t object, size_t usable,
                                 size_t size);

/* Any other mistake: `function` was called with `argument`, and `what` says what is wrong with it
 * and what to do. */
_Noreturn void report_misuse(const char *function, const void *argument, const char *what);

#endif
