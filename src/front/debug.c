/* <cairn/debug.h> */
#include <cairn/debug.h>

#include "base/compiler.h"
#include "guard/profile.h"

CAIRN_EXPORT bool cairn_check(void) { return profile_check("cairn_check"); }
