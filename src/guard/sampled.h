/* Sampled guards: one allocation in about N lies beside a page that nobody may touch, and its
 * memory stays untouchable for a while after it is freed; what touches it ends in a report.
 *
 * The idea is GWP-ASan's (Serebryany, Kennelly, Phillips, Denton, Elver, Potapenko, Morehouse,
 * Tsyrklevich, Holler, Lettner, Kilzer, Brandt: GWP-ASan: Sampling-based detection of memory-safety
 * bugs in production, 2024).  Which request is a sample says core/sampling.h, where its memory is
 * guard/slots.h; this is what happens to it in its life. */
#ifndef CAIRN_GUARD_SAMPLED_H
#define CAIRN_GUARD_SAMPLED_H

#include <stddef.h>

/* What is written in the options; taken at the first sampled_set_rate() with a rate.
 *
 * percent: of the time of one processor that samples may take; at 100 and more it is not looked
 * at.  Changing what may be accessed costs from one to many microseconds, a malloc some
 * nanoseconds: without a bound the rate that is nothing to one program would be all to another. */
void sampled_configure(size_t slots, size_t percent);

/* One in about `one_in` from now on; 0: none.  0 or an errno: ENOMEM: no address space or memory
 * for the slots; EAGAIN: see os_on_fault().  Then nothing has changed. */
int sampled_set_rate(size_t one_in);

#endif
