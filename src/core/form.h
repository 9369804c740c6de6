/* Forms: by which family of functions an object is allocated and freed, and what else the program
 * claims of an object that it frees.
 *
 * An object is freed right whatever is claimed of it.  Claims are looked at by a profile that finds
 * mistakes: core hands them to the interceptor (interceptor.h). */
#ifndef CAIRN_CORE_FORM_H
#define CAIRN_CORE_FORM_H

#include <stddef.h>
#include <stdint.h>

/* Freed by free() and its kin, by delete, and by delete[]. */
enum form { FORM_MALLOC, FORM_NEW, FORM_NEW_ARRAY };

/* As a size or an alignment: nothing is claimed. */
#define CLAIM_NONE SIZE_MAX

struct claim {
    enum form form;
    size_t size;      /* what was asked for, or CLAIM_NONE */
    size_t alignment; /* the same; up to GRANULE it is no other than malloc's */
};

#endif
