/* The workloads with memory of C: see memory.h. */
#include "arena_workloads.h"
