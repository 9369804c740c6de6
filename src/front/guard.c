/* The public functions of <cairn/guard.h>. */
#include <cairn/guard.h>

#include "base/compiler.h"
#include "core/sampling.h"
#include "guard/sampled.h"

CAIRN_EXPORT int cairn_guard_set_rate(size_t one_in) { return sampled_set_rate(one_in); }
CAIRN_EXPORT size_t cairn_guard_rate(void) { return sampling_rate(); }
