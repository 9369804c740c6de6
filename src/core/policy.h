/* What follows a finding, by its kind: CAIRN_ON_FINDING.
 *
 *     abort,mismatch=continue,leak=abort
 *
 * Each entry of the list is an action, for every kind but leaks, or a kind and its action; a later
 * one counts more than those before it.  Leaks are a kind that says nothing of the heap's state,
 * and are found when the program ends anyway: where nothing else is chosen it ends as it would.
 *
 * Written once, when the library starts; before that its default is in effect. */
#ifndef CAIRN_CORE_POLICY_H
#define CAIRN_CORE_POLICY_H

#include <stdbool.h>

#include "core/report.h"

/* False: the list makes no sense, and nothing has changed. */
bool policy_read(const char *list);

enum cairn_action policy_of(enum found what);
enum cairn_action policy_of_leaks(void);

#endif
