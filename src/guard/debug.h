/* The profile `debug`: finds mistakes, and says who made them.
 *
 *   each object's size, and the call stacks of its allocation and its free (record.h); whether
 *   its bytes, and those around it, are what they have to be: soundness.h
 *   fresh memory reads as FILL_FRESH, freed memory as FILL_FREED, which it has to do still when the
 *   object comes again, or is checked
 *   a canary behind each object, of REAR_LEAST bytes or more; what is written before an object
 *   damages that of its neighbour, which is looked at when the object is freed
 *   a long quarantine (quarantine.h), guard pages around large objects (guarded_large.h)
 *   all of the heap is checked on demand, and every CAIRN_CHECK_EVERY calls
 *   an object is freed in the form that it was allocated in: forms.h
 *   file and line of calls, of programs that are compiled with them: sites.h
 *   each object at the edge of its own pages, if asked for: edges.h
 *   allocations fail on request: failures.h
 *   a report of leaks when the program ends: leaks.h
 *
 * One thread at a time is in here: it is for finding mistakes, not for speed. */
#ifndef CAIRN_GUARD_DEBUG_H
#define CAIRN_GUARD_DEBUG_H

#include <stdbool.h>

/* From now on. */
void debug_start(void);

/* When the program ends. */
void debug_finish(void);

/* Looks at every object, live or free.  False: something is wrong, and was reported. */
bool debug_check(const char *function);

/* For leaks.h: nobody else is in here meanwhile. */
void debug_lock(void);
void debug_unlock(void);

#endif
