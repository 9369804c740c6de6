/* The options of cairn: environment variables that are read once, when the library starts.
 *
 * Each is X(name, type, variable, default, sentence).  TEXT is any text, empty for "not set";
 * SWITCH is 0 or 1; NUMBER is a whole number; SIZE is a number of bytes, with K, M or G behind
 * it for KiB, MiB or GiB.  A program that runs with more rights than its user (set-user-ID and
 * the like) ignores them all. */
#ifndef CAIRN_OPTIONS_H
#define CAIRN_OPTIONS_H

#define CAIRN_OPTIONS(X)                                                                           \
    X(summary, TEXT, "CAIRN_SUMMARY", "",                                                          \
      "where to write a summary of the heap when the program ends: stderr, or a file, to which "   \
      "it is appended")                                                                            \
    X(verbose, SWITCH, "CAIRN_VERBOSE", "0",                                                       \
      "1: say on stderr when the program starts which options are in effect")                      \
    X(profile, TEXT, "CAIRN_PROFILE", "",                                                          \
      "fast, hardened (guards against what attackers make of mistakes) or debug (finds them)")     \
    X(check_every, SIZE, "CAIRN_CHECK_EVERY", "0",                                                 \
      "debug: the whole heap is checked every so many calls; 0: never")                            \
    X(guard_edges, TEXT, "CAIRN_GUARD_EDGES", "",                                                  \
      "debug, after or before: each object lies right before or behind a page that nobody may "    \
      "touch, and is untouchable for a while when it is freed")                                    \
    X(fail_nth, SIZE, "CAIRN_FAIL_NTH", "0",                                                       \
      "debug: so many allocations from the start on, one fails; 0: none")                          \
    X(fail_one_in, SIZE, "CAIRN_FAIL_ONE_IN", "0",                                                 \
      "debug: one allocation in so many fails, at random; 0: none")                                \
    X(fail_seed, SIZE, "CAIRN_FAIL_SEED", "1", "debug: which of them: the same for the same seed") \
    X(fail_module, TEXT, "CAIRN_FAIL_MODULE", "",                                                  \
      "debug: only allocations count and fail that are called by code of a file with this in its " \
      "path")                                                                                      \
    X(mismatch, SWITCH, "CAIRN_MISMATCH", "1",                                                     \
      "debug, 0: what is freed by another form than it was allocated by, or with another size, "   \
      "is not reported")                                                                           \
    X(leaks, SWITCH, "CAIRN_LEAKS", "0",                                                           \
      "debug, 1: when the program ends, say what was never freed and what nothing points to")      \
    X(soft_limit, SIZE, "CAIRN_SOFT_LIMIT", "0",                                                   \
      "bytes (K, M, G behind the number) above which the heap keeps no free memory; 0: none")      \
    X(hard_limit, SIZE, "CAIRN_HARD_LIMIT", "0",                                                   \
      "bytes that the heap never exceeds: requests fail with ENOMEM; 0: none")                     \
    X(cgroup, SWITCH, "CAIRN_CGROUP", "0",                                                         \
      "1: the control group sets the soft limit, unless one is given: memory.high, or 90 % of "    \
      "memory.max; and cpu.max counts for how much threads keep at hand")                          \
    X(background, SWITCH, "CAIRN_BACKGROUND", "0",                                                 \
      "1: a thread gives back what lies unused for seconds, also of threads that wait")            \
    X(pressure, SWITCH, "CAIRN_PRESSURE", "0",                                                     \
      "1: that thread gives back all it can when the system or the control group is short of "     \
      "memory")                                                                                    \
    X(report, TEXT, "CAIRN_REPORT", "",                                                            \
      "where to write what was found wrong: stderr, fd:N for an open descriptor, or a file, to "   \
      "which it is appended")                                                                      \
    X(report_format, TEXT, "CAIRN_REPORT_FORMAT", "text",                                          \
      "text, or json: each report as a JSON object on a line")                                     \
    X(on_finding, TEXT, "CAIRN_ON_FINDING", "abort",                                               \
      "what happens then: abort, trap (an illegal instruction, for debuggers), or continue where " \
      "the heap is sound: a bad free does nothing; and KIND=one of these for one kind: "           \
      "abort,mismatch=continue,leak=abort")                                                        \
    X(unnamed, SWITCH, "CAIRN_UNNAMED", "0",                                                       \
      "1: give the heap's mappings no names in /proc/PID/maps")                                    \
    X(guard_rate, NUMBER, "CAIRN_GUARD_RATE", "0",                                                 \
      "N: one allocation in about N lies beside a guard page and is watched after its free; "      \
      "0: none")                                                                                   \
    X(guard_slots, NUMBER, "CAIRN_GUARD_SLOTS", "256",                                             \
      "objects that are so at the same time, live and freed ones")                                 \
    X(guard_percent, NUMBER, "CAIRN_GUARD_PERCENT", "1",                                           \
      "most of a processor's time that they may take, in percent; 100: no bound")

#endif
