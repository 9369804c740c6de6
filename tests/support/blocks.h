/* For tests that take chunks from block.c directly: the checker of blocks as an assertion. */
#ifndef CAIRN_TESTS_SUPPORT_BLOCKS_H
#define CAIRN_TESTS_SUPPORT_BLOCKS_H

#include "core/checker_parts.h"
#include "support/core.h"

/* Runs of chunks that are no slabs and no large objects: only the blocks can be checked. */
static inline void assert_blocks(void) {
    struct checker_finding finding = {0};
    struct checker checker = {.finding = &finding};
    chunks_lock();
    bool holds = checker_blocks(&checker);
    chunks_unlock();
    assert_holds(holds, &finding);
}

#endif
