/* Reports of misuse: a line that says what, where and who; then how the program came there and what
 * is known of the object (details.h); then abort(), unless CAIRN_ON_FINDING (policy.h) or the
 * program itself (<cairn/report.h>) chose otherwise.
 *
 * Async-signal-safe; allocates nothing; keeps errno.  Two threads do not report at once: one waits
 * for the other, two seconds at most.  What is found while a report is being made, by the same
 * thread, is told in one line. */
#ifndef CAIRN_CORE_REPORT_H
#define CAIRN_CORE_REPORT_H

#include <cairn/report.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/output.h"
#include "base/text.h"
#include "trace/stack.h"

enum found {
    FOUND_LIVE,       /* the first byte of a live object: nothing to report */
    FOUND_FREE,       /* an object that is free */
    FOUND_INTERIOR,   /* inside an object of a slab */
    FOUND_TAIL,       /* behind a slab's last object */
    FOUND_LARGE_BODY, /* inside a large object */
    FOUND_RELEASED,   /* a chunk that was used once and is not any more */
    FOUND_FOREIGN,    /* never given out */
    /* What layers above find: */
    FOUND_OVERFLOW,         /* bytes behind the object were changed */
    FOUND_UNDERFLOW,        /* bytes before it */
    FOUND_WRITE_AFTER_FREE, /* bytes of it, after its free */
    FOUND_FAULT,            /* an access to memory that is kept from the program around or of it */
    FOUND_MISMATCH,         /* allocated by one family of functions, freed by another */
    FOUND_WRONG_SIZE        /* freed as one of another size */
};
enum { FOUND_COUNT = FOUND_WRONG_SIZE + 1 };

/* A place in the program's source; file NULL: not known. */
struct site {
    const char *file;
    uint32_t line;
};

/* What is known of an object's life; 0: not known. */
struct life {
    size_t asked;                            /* bytes the program asked for */
    uint32_t allocated_stack, freed_stack;   /* numbers of the stack depot */
    uint32_t allocated_thread, freed_thread; /* ids of the kernel */
    uint64_t allocated_ms, freed_ms;         /* of os_clock_ms() */
    struct site allocated_site, freed_site;
};

struct finding {
    enum found what;
    uintptr_t address;
    uintptr_t object;          /* where the object that contains address starts, if one does */
    size_t size;               /* of the object: its class's, or the large object's usable bytes */
    const struct life *life;   /* or NULL: whoever keeps such histories is asked */
    const struct stack *stack; /* where it was found, or NULL: right here */
    /* Of some kinds only: */
    ptrdiff_t offset; /* OVERFLOW, UNDERFLOW, WRITE_AFTER_FREE: of the first changed byte from the
                         object's start */
    size_t bytes;     /* the same: how many were changed, as far as known; WRONG_SIZE: the size that
                         the program said */
    const unsigned char *found; /* the same: what the first min(bytes, 8) of them are, or NULL */
    const char *allocated_by;   /* MISMATCH: "malloc", "operator new", "operator new[]" ... */
    size_t alignment, claimed_alignment; /* MISMATCH: where the families match these do not; 0: no
                                            alignment was asked for, or is claimed */
    bool is_write;                       /* FAULT */
    bool was_freed;                      /* FAULT: the object is not live any more */
};

/* Reads the options of reports; before, and without it, they have their defaults. */
void report_start(void);

/* The frame of a report, for whoever finds a mistake of a kind of its own:
 *
 *   cairn: FUNCTION(0xADDRESS): ... what the caller adds ...; thread ID
 *
 * `function` is what the program called: "free", "realloc", ... */
void report_begin(struct text *text, const char *function, uintptr_t address);
_Noreturn void report_end(struct text *text);

_Noreturn void report_bad_pointer(const char *function, const struct finding *finding);

/* The same for any kind of finding.  Returns only where the program asked for that; the caller then
 * leaves everything as it is. */
void report_finding(const char *function, const struct finding *finding);

/* A FAULT in the handler of its signal: says what it was and returns, as the signal itself ends the
 * process, or the program's handler of it does what it will. */
void report_fault(const struct finding *finding);

/* What the program wants to be asked; see cairn_on_finding(). */
void report_set_handler(cairn_finding_handler *handler, void *context);

/* Where a report goes: to stderr if what was chosen does not work any more. */
struct report_target {
    int fd;
    bool is_file; /* opened for this report, whose first line goes to stderr too */
    bool as_json;
};
struct report_target report_open_target(void);
void report_close_target(const struct report_target *target);

/* Begins a report's JSON: {"message":...,"function":...,"thread":... */
void report_begin_json(struct output *output, const char *message, const char *function);

/* What is to follow leaks that were told of, of which this is the first line: by the program's
 * handler, or else by policy_of_leaks(). */
enum cairn_action report_ask_of_leaks(const char *message);

/* From now on `history` is asked about the object at `address`, its first byte, of each finding
 * that comes without a life.  It fills in *life or returns false; it is async-signal-safe, and
 * called with any lock held or none.  NULL: nobody is. */
typedef bool report_history(uintptr_t address, struct life *life);
void report_set_history(report_history *history);

/* From now on `find` is asked with each report where in the source the thread called, under the
 * same conditions.  NULL: nobody is. */
typedef struct site report_site(void);
void report_set_site(report_site *find);

/* A live object of `usable` bytes of which the program says that it has `size`, which is more. */
_Noreturn void report_wrong_size(const char *function, uintptr_t object, size_t usable,
                                 size_t size);

/* Any other mistake: `function` was called with `argument`, and `what` says what is wrong with it
 * and what to do. */
_Noreturn void report_misuse(const char *function, const void *argument, const char *what);

/* That one if the alignment that `function` was called with is none. */
static inline void require_alignment(const char *function, const void *argument, size_t alignment) {
    if (unlikely(!is_power_of_two(alignment))) {
        report_misuse(function, argument, "the alignment is not a power of two");
    }
}

#endif
