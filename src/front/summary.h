/* The summary of the heap that CAIRN_SUMMARY asks for, written when the process exits.
 *
 * Lines of `key: value` in this order, bytes as plain integers:
 *
 *   cairn summary of pid N (PROGRAM)
 *   live_bytes_at_peak: N       allocated and not freed, at the moment when it was most (see
 * statistics.h) peak_rss_bytes: N           most memory of the process that was resident at once
 *   returned_bytes: N           given back to the kernel, in all
 *   mapped_bytes: N             readable and writable memory of the heap at exit
 *   metadata_bytes: N           tables that describe it, at exit
 *   live_bytes_at_exit: N
 *   class SIZE: live_bytes_at_peak=N objects=N       one line for each size class with live objects
 * then large: live_bytes_at_peak=N objects=N
 *
 * A process that ends by _exit(), by a signal or by becoming another program writes none; each
 * process that inherits the option writes its own, in one piece. */
#ifndef CAIRN_FRONT_SUMMARY_H
#define CAIRN_FRONT_SUMMARY_H

/* Once, when the options are read. */
void summary_start(void);

/* Once, at exit. */
void summary_write(void);

#endif
