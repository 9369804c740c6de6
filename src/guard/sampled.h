/* Sampled guards: one allocation in about N lies beside a page that nobody may touch, and its
 * memory stays untouchable for a while after it is freed; what touches it ends in a report.
 *
 * The idea is GWP-ASan's (Serebryany, Kennelly, Phillips, Denton, Elver, Potapenko, Morehouse,
 * Tsyrklevich, Holler, Lettner, Kilzer, Brandt: GWP-ASan: Sampling-based detection of memory-safety
 * bugs in production, 2024).  Which request is a sample says core/sampling.h, where its memory is
 * guard/slots.h; this is what happens to it in its life. */
#ifndef CAIRN_GUARD_SAMPLED_H
#define CAIRN_GUARD_SAMPLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is written in the options; taken at the first sampled_set_rate() with a rate.
 *
 * percent: of the time of one processor that samples may take; at 100 and more it is not looked
 * at.  Changing what may be accessed costs from one to many microseconds, a malloc some
 * nanoseconds: without a bound the rate that is nothing to one program would be all to another. */
void sampled_configure(size_t slots, size_t percent);

/* One in about `one_in` from now on; 0: none.  0 or an errno: ENOMEM: no address space or memory
 * for the slots; EAGAIN: see os_on_fault().  Then nothing has changed. */
int sampled_set_rate(size_t one_in);

/* For whoever has objects in slots without drawing them: makes *count slots, or as many as there
 * may be, marked if the kernel can (slots.h), and has core know of them.  False: refused, or they
 * are made already. */
bool sampled_make_slots(size_t *count);

/* Faults are reported from now on, also if the program has put a handler of its own there. */
void sampled_watch_faults(void);

/* What is wrong with an address among the slots at which no live object begins. */
struct finding;
void sampled_describe(uintptr_t address, struct finding *finding);

#endif
