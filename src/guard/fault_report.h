/* Turns an access to a sampled object that is not allowed into a report on stderr.
 *
 * Runs in the signal handler of the fault: async-signal-safe, takes no lock, allocates nothing. */
#ifndef CAIRN_GUARD_FAULT_REPORT_H
#define CAIRN_GUARD_FAULT_REPORT_H

#include "os/fault.h"

/* An os_fault_handler: returns, also for addresses that are none of the slots'. */
void fault_report(const struct os_fault *fault);

#endif
