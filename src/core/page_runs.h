/* Runs of pages that are in physical memory, and of those that are not: what was never written to,
 * or was given back, costs a page fault for each page to look at or to clear, and reads as zero. */
#ifndef CAIRN_CORE_PAGE_RUNS_H
#define CAIRN_CORE_PAGE_RUNS_H

#include <stdbool.h>
#include <stddef.h>

/* Calls visit() for each run of pages of [address, address + size), whole pages, in order; a long
 * one may come in parts.  Where the kernel does not tell, all count as resident.  A page that is
 * not may have been written to swap. */
void page_runs_each(void *address, size_t size,
                    void (*visit)(void *run, size_t bytes, bool is_resident, void *argument),
                    void *argument);

#endif
