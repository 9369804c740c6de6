#include "os/mutex.h"

#include "base/check.h"
#include "base/compiler.h"
#include "os/os.h"

/* How often a contended lock is looked at before the thread goes to sleep: critical sections are
 * short (some hundred nanoseconds), a sleep and a wake-up cost several microseconds. */
enum { SPINS = 100 };

#ifdef CAIRN_DEBUG
/* Bit r is set while the thread holds the mutex of rank r. */
static __thread uint16_t held __attribute__((tls_model("initial-exec")));

static void note_locked(const struct mutex *mutex) {
    CHECK(held >> mutex->rank == 0); /* ascending ranks, and no mutex twice */
    held |= (uint16_t)(1U << mutex->rank);
}

static void note_unlocked(const struct mutex *mutex) {
    CHECK((held & (1U << mutex->rank)) != 0);
    held &= (uint16_t) ~(1U << mutex->rank);
}

static void note_reset(const struct mutex *mutex) { held &= (uint16_t) ~(1U << mutex->rank); }
#else
static void note_locked(const struct mutex *mutex) { (void)mutex; }
static void note_unlocked(const struct mutex *mutex) { (void)mutex; }
static void note_reset(const struct mutex *mutex) { (void)mutex; }
#endif

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

/* acquire on taking and release on giving back: what one holder wrote the next one sees. */
static bool try_take(struct mutex *mutex) {
    uint32_t expected = 0;
    return atomic_compare_exchange_strong_explicit(&mutex->state, &expected, 1,
                                                   memory_order_acquire, memory_order_relaxed);
}

static bool take_awake(struct mutex *mutex) {
    bool taken = try_take(mutex);
    for (int i = 0; !taken && i < SPINS; i++) {
        pause_briefly();
        taken = atomic_load_explicit(&mutex->state, memory_order_relaxed) == 0 && try_take(mutex);
    }
    return taken;
}

void mutex_lock(struct mutex *mutex) {
    if (!take_awake(mutex)) {
        while (atomic_exchange_explicit(&mutex->state, 2, memory_order_acquire) != 0) {
            os_wait(&mutex->state, 2);
        }
    }
    note_locked(mutex);
}

bool mutex_try_lock(struct mutex *mutex) {
    bool taken = try_take(mutex);
    if (taken) {
        note_locked(mutex);
    }
    return taken;
}

void mutex_unlock(struct mutex *mutex) {
    note_unlocked(mutex);
    if (atomic_exchange_explicit(&mutex->state, 0, memory_order_release) == 2) {
        os_wake_one(&mutex->state);
    }
}

void mutex_reset(struct mutex *mutex) {
    note_reset(mutex);
    atomic_store_explicit(&mutex->state, 0, memory_order_relaxed);
}

/* --- latches ---------------------------------------------------------------------------------- */

void latch_lock(struct latch *latch) {
    struct mutex *mutex = &latch->mutex;
    if (!take_awake(mutex)) {
        /* relaxed: a hint; see the header. */
        (void)atomic_fetch_add_explicit(&latch->sleepers, 1, memory_order_relaxed);
        while (!try_take(mutex)) {
            os_wait_at_most(&mutex->state, 1, LATCH_SLEEP_MS);
        }
        (void)atomic_fetch_sub_explicit(&latch->sleepers, 1, memory_order_relaxed);
    }
    note_locked(mutex);
}

bool latch_try_lock(struct latch *latch) { return mutex_try_lock(&latch->mutex); }

/* release: what one holder wrote the next one sees. */
void latch_unlock(struct latch *latch) {
    note_unlocked(&latch->mutex);
    atomic_store_explicit(&latch->mutex.state, 0, memory_order_release);
    if (unlikely(atomic_load_explicit(&latch->sleepers, memory_order_relaxed) != 0)) {
        os_wake_one(&latch->mutex.state);
    }
}

void latch_reset(struct latch *latch) {
    mutex_reset(&latch->mutex);
    atomic_store_explicit(&latch->sleepers, 0, memory_order_relaxed);
}
