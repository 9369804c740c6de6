/* Double frees that nobody has noticed yet: one by the owner of the object, one by another thread,
 * whose free lies in the remote word.  The owner notices when it merges that; this looks without
 * merging. */
#ifndef CAIRN_CORE_UNMERGED_H
#define CAIRN_CORE_UNMERGED_H

/* Reports the first one among the slabs of the calling thread, if there is any.  Only reads, so it
 * may be called wherever the thread was interrupted. */
void unmerged_report_double_free(void);

#endif
