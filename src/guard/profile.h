/* Which profile is in effect: chosen once, when the library starts. */
#ifndef CAIRN_GUARD_PROFILE_H
#define CAIRN_GUARD_PROFILE_H

#include <stdbool.h>

/* "fast", "hardened" or "debug"; which, depends on the library. */
extern const char *const profile_default;

/* Puts into effect what CAIRN_PROFILE says, or else the default.  A name that there is none of is
 * complained about on the descriptor. */
void profile_start(int complaints);

/* Looks at all objects, as far as the profile can tell whether they are sound.  False: one is not,
 * and was reported under the name `function`. */
bool profile_check(const char *function);

/* When the program ends. */
void profile_finish(void);

/* The name of the one in effect. */
const char *profile_name(void);

#endif
