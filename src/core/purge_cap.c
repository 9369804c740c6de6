#include "core/purge_cap.h"

#include <stdint.h>

#include "os/os.h"

enum { SHARE = 32, CONSTANT = 16, MEMORY_MS = 1000 };

/* What is missed counts up to half of what is in use and 8 MiB: as nobody looks when a program
 * falls idle, it is what may be left behind then. */
enum { MISSED_SHARE = 2, MISSED_CONSTANT = 256 };

static struct {
    size_t missed;      /* chunks */
    size_t just_purged; /* chunks purged since `since_ms` and not taken again */
    uint64_t since_ms;  /* start of the second that is looked at */
} learned;

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* One step for each second that has passed. */
static void forget(void) {
    uint64_t now = os_clock_ms();
    uint64_t passed = now - learned.since_ms;
    if (passed >= MEMORY_MS) {
        uint64_t seconds = passed / MEMORY_MS;
        learned.missed = seconds >= 32 ? 0 : learned.missed >> seconds;
        learned.just_purged = 0;
        learned.since_ms = now;
    }
}

size_t purge_cap(size_t taken, size_t taken_peak) {
    size_t missed = smaller(learned.missed, taken / MISSED_SHARE + MISSED_CONSTANT);
    return taken / SHARE + CONSTANT + smaller(missed, taken_peak - taken);
}

void purge_cap_note_purged(size_t chunks) {
    forget();
    learned.just_purged += chunks;
}

size_t purge_cap_note_taken(size_t chunks) {
    if (learned.just_purged == 0) {
        return 0;
    }
    forget();
    size_t again = smaller(chunks, learned.just_purged);
    learned.just_purged -= again;
    learned.missed += again;
    return again;
}
