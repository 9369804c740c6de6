#include "core/checker.h"

#include "core/block.h"
#include "core/checker_parts.h"
#include "core/sampling.h"
#include "core/threads.h"

static bool run(struct checker_finding *finding, bool after_fork) {
    *finding = (struct checker_finding){0};
    struct checker checker = {.finding = finding, .after_fork = after_fork};
    threads_lock();
    chunks_lock();
    bool holds = checker_blocks(&checker) && checker_chunks(&checker) && checker_heaps(&checker);
    chunks_unlock();
    threads_unlock();
    const struct sample_source *source = atomic_load_explicit(&sample_source, memory_order_acquire);
    return holds && (source == NULL || source->check(finding));
}

bool checker_run(struct checker_finding *finding) { return run(finding, false); }

bool checker_run_after_fork(struct checker_finding *finding) { return run(finding, true); }
