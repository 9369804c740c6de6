/* What the compiler is asked for, by name.  Nothing here has a meaning at run time. */
#ifndef CAIRN_BASE_COMPILER_H
#define CAIRN_BASE_COMPILER_H

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* True, and the compiler can't know. */
#define ASSUME(x) ((x) ? (void)0 : __builtin_unreachable())

/* FAST_PATH: inlined into every entry point; its instructions are budgeted.
 * SLOW_PATH: never inlined, so that it costs a fast path one jump and no registers. */
#define FAST_PATH static inline __attribute__((always_inline))
#define SLOW_PATH __attribute__((noinline, cold))

/* RUNS_ONCE: as a process starts or ends.  Such functions lie beside each other, apart from the
 * rest of their modules, which a process that does not need it never has in memory. */
#define RUNS_ONCE __attribute__((cold, section(".text.startup")))

#define CAIRN_EXPORT __attribute__((visibility("default")))
#define CACHE_LINE   64

#endif
