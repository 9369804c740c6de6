/* What is wrong, in one clear sentence for each kind of finding.
 *
 * Async-signal-safe; allocates nothing; takes no lock. */
#ifndef CAIRN_CORE_SENTENCE_H
#define CAIRN_CORE_SENTENCE_H

#include "core/report.h"

/* Adds the sentence; `function` is what the program called. */
void sentence_describe(struct text *text, const char *function, const struct finding *finding);

/* The kind as one word, for programs that read reports. */
const char *sentence_kind(const struct finding *finding);

#endif
