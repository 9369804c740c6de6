#include "core/purge_cap.h"

#include <stdint.h>

#include "os/os.h"

enum { SHARE = 16, CONSTANT = 32 };

static struct {
    size_t missed;      /* learned */
    size_t just_purged; /* purged in this window or the one before, and not taken again */
    size_t high;        /* most taken in this window */
    size_t high_before; /* and in the one before */
    size_t low_dirty;   /* least dirty in this window */
    uint64_t since_ms;  /* start of this window */
} lately;

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* A new window begins where the last one is over.  Half of what was dirty all through it, and was
 * kept for a swing, is forgotten; of each further window that passed without anybody looking, half
 * of the rest.
 * The first window lasts until something was given up: a program that only grows, as most small
 * ones do, asks for no time. */
static void look_at_clock(size_t taken, size_t dirty) {
    if (lately.since_ms == 0 && dirty == 0) {
        return;
    }
    uint64_t now = os_clock_ms();
    if (lately.since_ms == 0) {
        lately.since_ms = now;
        return;
    }
    uint64_t windows = (now - lately.since_ms) / PURGE_WINDOW_MS;
    if (windows == 0) {
        return;
    }
    size_t base = purge_cap_base(taken);
    size_t idle = lately.low_dirty > base ? lately.low_dirty - base : 0;
    lately.missed -= smaller(lately.missed, (idle + 1) / 2);
    lately.missed = windows > 32 ? 0 : lately.missed >> (windows - 1);
    lately.just_purged = windows > 1 ? 0 : lately.just_purged / 2;
    lately.high_before = windows > 1 ? taken : lately.high;
    lately.high = taken;
    lately.low_dirty = dirty;
    lately.since_ms = now;
}

size_t purge_cap_base(size_t taken) { return taken / SHARE + CONSTANT; }

size_t purge_cap_high(void) { return larger(lately.high, lately.high_before); }

size_t purge_cap(size_t taken) {
    size_t high = purge_cap_high();
    high += high / 4;
    return purge_cap_base(taken) + smaller(lately.missed, high > taken ? high - taken : 0);
}

size_t purge_cap_missed(void) { return lately.missed; }

void purge_cap_note_level(size_t taken, size_t dirty) {
    look_at_clock(taken, dirty);
    lately.high = larger(lately.high, taken);
    lately.low_dirty = smaller(lately.low_dirty, dirty);
}

void purge_cap_note_purged(size_t chunks) {
    if (lately.since_ms == 0) {
        lately.since_ms = os_clock_ms();
    }
    lately.just_purged += chunks;
}

size_t purge_cap_note_taken(size_t chunks) {
    size_t again = smaller(chunks, lately.just_purged);
    lately.just_purged -= again;
    lately.missed += again;
    return again;
}
