/* Whether an object is freed in the form in which it was allocated, and with the size and the
 * alignment that were asked for: of the profile `debug`, unless CAIRN_MISMATCH=0.
 *
 * Frees are right whatever is claimed, so where a report does not end the process the object is
 * freed.  Not of objects without a record: those of no bytes, of first-class heaps, and of before
 * the profile began. */
#ifndef CAIRN_GUARD_FORMS_H
#define CAIRN_GUARD_FORMS_H

#include "core/form.h"

/* An object that its caller has just allocated, or resized, is of this form. */
void forms_note(void *object, enum form form);

/* Reports a live object of which `claim` is not true. */
void forms_judge(const char *function, const void *pointer, const struct claim *claim);

#endif
