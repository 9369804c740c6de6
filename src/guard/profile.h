/* Which profile is in effect: chosen once, when the library starts. */
#ifndef CAIRN_GUARD_PROFILE_H
#define CAIRN_GUARD_PROFILE_H

/* "fast", "hardened" or "debug"; which, depends on the library. */
extern const char *const profile_default;

/* Puts into effect what CAIRN_PROFILE says, or else the default.  A name that there is none of is
 * complained about on the descriptor. */
void profile_start(int complaints);

/* The name of the one in effect. */
const char *profile_name(void);

#endif
