#include "core/limit.h"

#include <errno.h>

#include "base/compiler.h"
#include "config/options.h"
#include "core/threads.h"
#include "os/cgroup.h"

enum { MOST_QUESTIONS = 16 };

/* Where a control group has a maximum but no mark below it, this part of it, in percent, is the
 * soft limit: the rest is for what the process has besides the heap. */
enum { CGROUP_SHARE = 90 };

struct limits limits;

/* Under the chunk lock. */
static cairn_limit_handler *handler;
static void *handler_context;

size_t limit_hard(void) {
    size_t hard = atomic_load_explicit(&limits.hard, memory_order_relaxed);
    return hard != 0 && (thread_traits.limit & LIMIT_EXEMPT) == 0 ? hard : SIZE_MAX;
}

static void set_trait(uint8_t bit, bool on) {
    uint8_t others = thread_traits.limit & (uint8_t)~bit;
    thread_traits.limit = on ? others | bit : others;
}

static bool has_trait(uint8_t bit) { return (thread_traits.limit & bit) != 0; }

void limit_note_refusal(bool by_hard_limit) { set_trait(LIMIT_REFUSED, by_hard_limit); }

static enum cairn_limit_answer ask_handler(size_t bytes) {
    chunks_lock();
    cairn_limit_handler *ask = handler;
    void *context = handler_context;
    chunks_unlock();
    if (ask == NULL || has_trait(LIMIT_IN_HANDLER)) {
        return CAIRN_LIMIT_REFUSE;
    }
    set_trait(LIMIT_IN_HANDLER, true);
    enum cairn_limit_answer answer = ask(context, bytes);
    set_trait(LIMIT_IN_HANDLER, false);
    return answer;
}

/* What was freed may be kept by its thread. */
static void *try_again(void *(*take)(void *request), void *request) {
    threads_flush();
    threads_flush_spares();
    limit_note_refusal(false);
    return take(request);
}

static void *take_exempt(void *(*take)(void *request), void *request) {
    set_trait(LIMIT_EXEMPT, true);
    void *object = take(request);
    set_trait(LIMIT_EXEMPT, false);
    return object;
}

void *limit_insist(void *(*take)(void *request), void *request, size_t bytes) {
    if (!has_trait(LIMIT_REFUSED)) {
        return NULL;
    }
    int saved = errno;
    void *object = try_again(take, request);
    for (int i = 0; i < MOST_QUESTIONS && object == NULL && has_trait(LIMIT_REFUSED); i++) {
        enum cairn_limit_answer answer = ask_handler(bytes);
        if (answer == CAIRN_LIMIT_EXCEED) {
            object = take_exempt(take, request);
        } else if (answer == CAIRN_LIMIT_RETRY) {
            object = try_again(take, request);
        } else {
            break;
        }
    }
    errno = saved;
    return object;
}

/* Less than a chunk is a limit too, and a small one. */
static void set(_Atomic(size_t) *limit, size_t bytes) {
    size_t chunks = bytes / CHUNK_SIZE;
    chunks_lock();
    atomic_store_explicit(limit, bytes != 0 && chunks == 0 ? 1 : chunks, memory_order_relaxed);
    chunks_unlock();
}

void limit_set_soft(size_t bytes) {
    set(&limits.soft, bytes);
    if (limit_presses()) {
        threads_flush_spares();
    }
    chunks_look_at_quiet();
}

void limit_set_hard(size_t bytes) {
    set(&limits.hard, bytes);
    chunks_look_at_quiet();
}

void limit_set_handler(cairn_limit_handler *to, void *context) {
    chunks_lock();
    handler = to;
    handler_context = context;
    chunks_unlock();
}

RUNS_ONCE static size_t soft_limit_of_cgroup(void) {
    struct os_cgroup_memory memory;
    os_cgroup_memory(&memory);
    size_t of_max = memory.max == SIZE_MAX ? SIZE_MAX : memory.max / 100 * CGROUP_SHARE;
    size_t soft = memory.high < of_max ? memory.high : of_max;
    return soft != SIZE_MAX ? soft : 0;
}

RUNS_ONCE void limit_start(void) {
    size_t soft = options.soft_limit;
    if (soft == 0 && options.cgroup) {
        soft = soft_limit_of_cgroup();
    }
    if (soft != 0) {
        limit_set_soft(soft);
    }
    if (options.hard_limit != 0) {
        limit_set_hard(options.hard_limit);
    }
}
