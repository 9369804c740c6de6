/* The options of cairn: environment variables that are read once, when the library starts.
 *
 * Each is X(name, type, variable, default, sentence).  TEXT is any text, empty for "not set";
 * SWITCH is 0 or 1. A program that runs with more rights than its user (set-user-ID and the like)
 * ignores them all. */
#ifndef CAIRN_OPTIONS_H
#define CAIRN_OPTIONS_H

#define CAIRN_OPTIONS(X)                                                                         \
    X(summary, TEXT, "CAIRN_SUMMARY", "",                                                        \
      "where to write a summary of the heap when the program ends: stderr, or a file, to which " \
      "it is appended")                                                                          \
    X(verbose, SWITCH, "CAIRN_VERBOSE", "0",                                                     \
      "1: say on stderr when the program starts which options are in effect")

#endif
