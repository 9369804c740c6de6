#include "core/purge_cap.h"

#include <stdint.h>

#include "os/os.h"

enum { SHARE = 16, CONSTANT = 16, MEMORY_MS = 1000 };

static struct {
    size_t missed;       /* chunks */
    size_t just_purged;  /* chunks purged since `since_ms` and not taken again */
    uint64_t since_ms;   /* start of the second that is looked at */
} learned;

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
    size_t below_peak = taken_peak - taken;
    return taken / SHARE + CONSTANT + (learned.missed < below_peak ? learned.missed : below_peak);
}

void purge_cap_note_purged(size_t chunks) {
    forget();
    learned.just_purged += chunks;
}

void purge_cap_note_taken(size_t chunks) {
    if (learned.just_purged == 0) {
        return;
    }
    forget();
    size_t again = chunks < learned.just_purged ? chunks : learned.just_purged;
    learned.just_purged -= again;
    learned.missed += again;
}
