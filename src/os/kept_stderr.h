/* A copy of the descriptor of stderr, for what is said when the process ends: many programs close
 * theirs before that, so that an error in writing shows in their exit status. */
#ifndef CAIRN_OS_KEPT_STDERR_H
#define CAIRN_OS_KEPT_STDERR_H

/* As the process starts, by whoever will want it; again it does nothing.  Keeps errno. */
void kept_stderr_start(void);

/* The copy, or stderr itself if there is none or the program has closed it, too. */
int kept_stderr(void);

/* Stderr, whatever the program has made of it; the copy if it is closed. */
int stderr_or_kept(void);

#endif
