/* How much time samples may take: a share of the time that passes, in a bucket that holds some for
 * bursts.  Who takes more than there is makes the next ones wait. */
#ifndef CAIRN_GUARD_BUDGET_H
#define CAIRN_GUARD_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the bucket holds at most, and at the start; and the most that one measurement counts for:
 * what is more is another thread's turn. */
#define BUDGET_BURST_NS   (UINT64_C(20) * 1000 * 1000)
#define BUDGET_MEASURE_NS (UINT64_C(250) * 1000)

/* Percent of the time; 100 or more: no bound.  Starts with a full bucket. */
void budget_set(size_t percent);

/* Whether there is any; *begin is for budget_end(). */
bool budget_begin(uint64_t *begin);

/* For work that must be done in any case. */
uint64_t budget_now(void);

/* From `begin` until now it was spent. */
void budget_end(uint64_t begin);

#endif
