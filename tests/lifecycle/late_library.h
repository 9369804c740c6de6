/* A library whose destructor frees what the program gave it. */
#ifndef CAIRN_TESTS_LIFECYCLE_LATE_LIBRARY_H
#define CAIRN_TESTS_LIFECYCLE_LATE_LIBRARY_H

#include "support/testkit.h"

void late_library_keep(void *small, void *large);

#endif
