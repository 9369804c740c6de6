/* Leaks: what was never freed, and of that what nothing points to.
 *
 * An object is reached if a word that is aligned, in the program's writable memory (globals, stacks
 * and what else is mapped) or in an object that is reached, is an address in it.  Conservative: a
 * number that looks like an address keeps an object, and so does an old pointer that is still on a
 * stack. */
#ifndef CAIRN_GUARD_LEAKS_H
#define CAIRN_GUARD_LEAKS_H

/* Says it on stderr (os/kept_stderr.h), by the stacks that allocated them, the largest first.
 * Returns, unless there are objects that nothing points to and CAIRN_ON_FINDING has the process end
 * for leaks, or the program's own function, which is asked then (<cairn/report.h>). */
void leaks_report(void);

#endif
