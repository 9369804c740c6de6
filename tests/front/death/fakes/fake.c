/* Behaves like a death program under a good or a bad allocator, as told by its name's suffix
 * FAKE_CASE, so that the runner can be seen to tell them apart. */
#include <signal.h>

#include "support/testkit.h"

enum fake {
    GOOD,
    SURVIVES,
    SILENT,
    OTHER_TEXT,
    ONE_LINE,
    NO_FRAME,
    LINE_BEHIND,
    LINE_BETWEEN,
    NO_NEWLINE,
    OTHER_SIGNAL,
    NO_EXPECTATION
};

static const char report[] =
    "cairn: free(0x1230): double free of an object of size class 64; thread 7";
static const char frame[] = "  called from:\n    0x1234 /bin/fake+0x234\n";
static const char hint[] = "  'cairn symbolize' turns these addresses into functions and lines\n";

int main(void) {
    enum fake kind = FAKE_CASE;
    if (kind != NO_EXPECTATION) {
        say(1, "%s\n", report);
    }
    if (kind == OTHER_TEXT) {
        say(2, "cairn: free(0x1230): double free of an object of size class 80; thread 7\n");
    } else if (kind != SILENT) {
        say(2, kind == NO_NEWLINE ? "%s" : "%s\n", report);
    }
    if (kind == LINE_BETWEEN) {
        say(2, "and a line more\n");
    }
    if (kind != ONE_LINE && kind != SILENT) {
        say(2, "%s%s", kind == NO_FRAME ? "" : frame, hint);
    }
    if (kind == LINE_BEHIND) {
        say(2, "  and a line more\n");
    }
    if (kind != SURVIVES) {
        raise(kind == OTHER_SIGNAL ? SIGSEGV : SIGABRT);
    }
    return 0;
}
