/* The profile of a library that no option tells otherwise: compiled once for each of them. */
#include "guard/profile.h"

#ifndef CAIRN_DEFAULT_PROFILE
#define CAIRN_DEFAULT_PROFILE "fast"
#endif

const char *const profile_default = CAIRN_DEFAULT_PROFILE;
