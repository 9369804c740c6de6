/* Sampled guards: find overflows and uses after free in production, at a price that is not felt.
 *
 *     cairn_guard_set_rate(1000);
 *
 * or, without a line of code, CAIRN_GUARD_RATE=1000 in the environment.  One allocation in about
 * 1000, chosen at random, then lies beside a page that nobody may touch, and when it is freed its
 * own memory becomes untouchable for a while.  What touches it anyway gets a report on stderr, with
 * the stacks of the allocation and of the free, and then the signal that it would have got:
 * SIGSEGV, which goes to the program's own handler if there is one.
 *
 * docs/SAMPLED_GUARDS.md tells what is found with which probability, and what it costs.
 *
 * When not: to be sure that there is no mistake, as most objects are not watched; on a processor
 * other than x86-64, where a report can't tell a write from a read.
 *
 * Thread-safe.  A child of fork() goes on with its parent's samples.  Memory: a page more than it
 * asked for at most for each of CAIRN_GUARD_SLOTS objects, live and freed ones, and 512 KiB of
 * address space.  malloc_usable_size() of a sample is the size that was asked for. */
#ifndef CAIRN_GUARD_H
#define CAIRN_GUARD_H

#include <stddef.h>

#include <cairn/cairn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One allocation in about `one_in` from now on; 0: none, what was sampled stays watched.  More than
 * 2^26 counts as that.  0, or an errno: ENOMEM: no address space for the slots; EAGAIN: the program
 * has installed more than eight different handlers of SIGSEGV in turn.  Then nothing has changed.
 *
 * The handler of SIGSEGV is installed by the first call with a rate, and put back over one that the
 * program installs later when the next object is sampled; it calls the program's own. */
CAIRN_ATTRIBUTE(warn_unused_result)
int cairn_guard_set_rate(size_t one_in);

/* What it is; 0: off. */
CAIRN_ATTRIBUTE(warn_unused_result)
size_t cairn_guard_rate(void);

#ifdef __cplusplus
}
#endif

#endif
