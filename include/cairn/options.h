/* The options of cairn: environment variables that are read once, when the library starts.
 *
 * Each is X(name, type, variable, default, sentence).  TEXT is any text, empty for "not set";
 * SWITCH is 0 or 1; SIZE is a number of bytes, with K, M or G behind it for KiB, MiB or GiB.  A
 * program that runs with more rights than its user (set-user-ID and the like) ignores them all. */
#ifndef CAIRN_OPTIONS_H
#define CAIRN_OPTIONS_H

#define CAIRN_OPTIONS(X)                                                                         \
    X(profile, TEXT, "CAIRN_PROFILE", "",                                                        \
      "fast, hardened (guards against what attackers make of mistakes) or debug (finds mistakes)") \
    X(summary, TEXT, "CAIRN_SUMMARY", "",                                                        \
      "where to write a summary of the heap when the program ends: stderr, or a file, to which " \
      "it is appended")                                                                          \
    X(verbose, SWITCH, "CAIRN_VERBOSE", "0",                                                     \
      "1: say on stderr when the program starts which options are in effect")                    \
    X(soft_limit, SIZE, "CAIRN_SOFT_LIMIT", "0",                                                 \
      "bytes (K, M, G behind the number) above which the heap keeps no free memory; 0: none")    \
    X(hard_limit, SIZE, "CAIRN_HARD_LIMIT", "0",                                                 \
      "bytes that the heap never exceeds: requests fail with ENOMEM; 0: none")                   \
    X(cgroup, SWITCH, "CAIRN_CGROUP", "0",                                                       \
      "1: the control group sets the soft limit, unless one is given: memory.high, or 90 % of "  \
      "memory.max; and cpu.max counts for how much threads keep at hand")                        \
    X(background, SWITCH, "CAIRN_BACKGROUND", "0",                                               \
      "1: a thread gives back what lies unused for seconds, also of threads that wait")          \
    X(pressure, SWITCH, "CAIRN_PRESSURE", "0",                                                   \
      "1: that thread gives back all it can when the system or the control group is short of "   \
      "memory")                                                                                  \
    X(unnamed, SWITCH, "CAIRN_UNNAMED", "0",                                                     \
      "1: give the heap's mappings no names in /proc/PID/maps")

#endif
