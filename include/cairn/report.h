/* What happens when cairn finds a mistake in how the program uses its memory.
 *
 * A report says what is wrong, on stderr or where CAIRN_REPORT says; then the process ends by
 * abort().  CAIRN_ON_FINDING chooses another end, also for one kind of finding alone
 * (docs/REPORTS.md), and so does, for each finding anew, a function of the program's:
 *
 *     static enum cairn_action note(void *context, const struct cairn_finding *finding) {
 *         count_in(context, finding->kind);
 *         return CAIRN_CONTINUE;
 *     }
 *     cairn_on_finding(note, &counters);
 *
 * When not: to go on as if nothing were wrong.  A program that frees twice has a mistake that the
 * next build, or another input, will turn into a corrupted heap.
 *
 * Thread-safe.  A child of fork() inherits the function.  Cost: nothing until something is found.
 */
#ifndef CAIRN_REPORT_H
#define CAIRN_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include <cairn/cairn.h>

#ifdef __cplusplus
extern "C" {
#endif

enum cairn_action {
    CAIRN_ABORT,   /* end by abort() */
    CAIRN_TRAP,    /* end by an illegal instruction, right here: for debuggers and core files */
    CAIRN_CONTINUE /* go on, if the heap is sound: a bad free does nothing then.  Where it is not,
                      or where the call could not do what it must, as CAIRN_ABORT */
};

struct cairn_finding {
    const char *message;  /* the report's first line, without its end */
    const char *kind;     /* one word: "double-free", "interior-pointer", ...; docs/REPORTS.md */
    const char *function; /* what the program called, or "fault"; of leaks: "exit" */
    const void *address;  /* what it called it with, or where it reached; of leaks: NULL */
    bool can_continue;    /* whether CAIRN_CONTINUE is possible */
};

/* Called with each finding after its report was written, by the thread that made the mistake, from
 * within the call that found it: with cairn's own locks held, perhaps, and in a signal handler.  So
 * it must not allocate, free, or call cairn; what async-signal-safe code may do it may.  It must
 * return, and its strings are gone then.
 *
 * Leaks (CAIRN_LEAKS=1, profile `debug`) are one finding, as the process ends, after what the
 * program registered by atexit(). */
typedef enum cairn_action cairn_finding_handler(void *context, const struct cairn_finding *finding);

/* NULL: none; what CAIRN_ON_FINDING says is done.  Once it returns no thread begins to call the
 * handler before; one may be within. */
void cairn_on_finding(cairn_finding_handler *handler, void *context);

#ifdef __cplusplus
}
#endif

#endif
