#include "core/sampling.h"

#include <math.h>
#include <string.h>

#include "base/bits.h"
#include "base/random.h"
#include "core/slab.h"
#include "os/os.h"

_Atomic(const struct sample_source *) sample_source;
_Atomic(uint32_t) sampling_epoch;

static _Atomic(uint32_t) last_epoch; /* that there was */
static _Atomic(uint32_t) rate;
static _Atomic(double) log_of_miss; /* ln(1 - 1 / rate), of rate > 1 */

static const struct sample_source *source_now(void) {
    return atomic_load_explicit(&sample_source, memory_order_acquire);
}

void sampling_register(const struct sample_source *source) {
    /* release: who finds it finds what it leads to. */
    atomic_store_explicit(&sample_source, source, memory_order_release);
}

/* --- when the next one is due ----------------------------------------------------------------- */

/* ln(1 - x) for 0 < x <= 1/2: the series; what is left out is below 2^-64. */
static double log_of_one_less(double x) {
    enum { TERMS = 60 };
    double sum = 0;
    double power = x;
    for (int i = 1; i <= TERMS; i++) {
        sum += power / i;
        power *= x;
    }
    return -sum;
}

/* ln(x) for 0 < x <= 1, to 6 digits: by ln(m) = 2 artanh((m - 1) / (m + 1)) of the mantissa m.
 * libm is not at hand, as the library needs libc alone. */
static double log_of(double x) {
    enum { MANTISSA_BITS = 52, BIAS = 1023 };
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> MANTISSA_BITS) - BIAS;
    bits = (bits & low_mask(MANTISSA_BITS)) | (uint64_t)BIAS << MANTISSA_BITS;
    double m;
    memcpy(&m, &bits, sizeof m);
    double z = (m - 1) / (m + 1), square = z * z;
    double series = 1 + square * (1.0 / 3 + square * (1.0 / 5 + square * (1.0 / 7 + square / 9)));
    return exponent * M_LN2 + 2 * z * series;
}

/* How many requests go by until one is a sample. */
static uint64_t draw(uint64_t *state) {
    if (atomic_load_explicit(&rate, memory_order_relaxed) <= 1) {
        return 0;
    }
    double uniform = ((double)(wyrand(state) >> 11) + 1) * 0x1p-53; /* in (0, 1] */
    double gap = log_of(uniform) / atomic_load_explicit(&log_of_miss, memory_order_relaxed);
    return (uint64_t)gap; /* below 2^32: see SAMPLING_RATE_MAX */
}

size_t sampling_rate(void) { return atomic_load_explicit(&rate, memory_order_relaxed); }

static void change_epoch(void) {
    uint32_t epoch = 0;
    while (sampling_rate() != 0 && epoch == 0) {
        epoch = atomic_fetch_add_explicit(&last_epoch, 1, memory_order_relaxed) + 1;
    }
    atomic_store_explicit(&sampling_epoch, epoch, memory_order_release);
}

void sampling_set_rate(size_t one_in) {
    uint32_t value = (uint32_t)(one_in < SAMPLING_RATE_MAX ? one_in : SAMPLING_RATE_MAX);
    if (value > 1) {
        atomic_store_explicit(&log_of_miss, log_of_one_less(1.0 / value), memory_order_relaxed);
    }
    atomic_store_explicit(&rate, value, memory_order_relaxed);
    change_epoch();
}

/* Distances that were drawn at another rate are drawn anew: they have no memory. */
static void begin_epoch(struct heap *heap, uint32_t epoch) {
    heap->sampling.epoch = epoch;
    heap->sampling.random ^=
        (uintptr_t)heap ^ os_clock_ms() << 20 ^ (uint64_t)os_process_id() << 40 ^ os_thread_id();
    for (unsigned c = 0; c <= CLASS_COUNT; c++) {
        heap->sampling.due[c] = sampling_handed(heap, c) + draw(&heap->sampling.random);
    }
}

/* --- requests --------------------------------------------------------------------------------- */

void *sampling_take(struct heap *heap, unsigned class, size_t size, size_t alignment) {
    uint32_t epoch = atomic_load_explicit(&sampling_epoch, memory_order_acquire);
    if (heap->sampling.epoch != epoch) {
        begin_epoch(heap, epoch);
    }
    uint64_t handed = sampling_handed(heap, class);
    if (heap->sampling.due[class] != handed) {
        return NULL;
    }
    void *sample = source_now()->take(size, alignment);
    /* What is not served as one counts with the others. */
    heap->sampling.due[class] = handed + draw(&heap->sampling.random) + (sample == NULL);
    if (sample != NULL) {
        heap->sampling.objects++;
        heap->sampling.bytes += size;
    }
    return sample;
}

void sampling_cut(struct heap *heap, unsigned class) {
    uint64_t handed = sampling_handed(heap, class), due = heap->sampling.due[class];
    if (handed > due) {
        heap_shorten_handful(heap, class, (unsigned)(handed - due));
    }
}

/* --- fork ------------------------------------------------------------------------------------- */

void sampling_before_fork(void) {
    if (source_now() != NULL) {
        source_now()->before_fork();
    }
}

void sampling_after_fork(bool in_child) {
    if (source_now() != NULL) {
        source_now()->after_fork(in_child);
    }
    if (in_child) {
        change_epoch(); /* or its random numbers would be its parent's */
    }
}
