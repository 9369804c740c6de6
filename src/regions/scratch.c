#include <cairn/scratch.h>

#include "base/compiler.h"
#include "core/report.h"
#include "os/os.h"

/* What an empty scratch arena may keep. */
#define KEPT_MOST ((size_t)1 << 20)

struct scratch_pair {
    struct cairn_arena arena[2];
};

static struct os_slot slot;

static void thread_ends(void *value) {
    struct scratch_pair *pair = value;
    cairn_arena_destroy(&pair->arena[0]);
    cairn_arena_destroy(&pair->arena[1]);
    cairn_release(NULL, pair, sizeof *pair, _Alignof(struct scratch_pair));
}

static SLOW_PATH struct scratch_pair *make_pair(void) {
    const size_t alignment = _Alignof(struct scratch_pair);
    struct scratch_pair *pair = cairn_allocate(NULL, sizeof *pair, alignment);
    if (pair == NULL) {
        return NULL;
    }
    cairn_arena_init(&pair->arena[0], "scratch", NULL);
    cairn_arena_init(&pair->arena[1], "scratch", NULL);
    if (!os_slot_write(&slot, thread_ends, pair)) {
        cairn_release(NULL, pair, sizeof *pair, alignment);
        return NULL;
    }
    return pair;
}

CAIRN_EXPORT struct cairn_scratch cairn_scratch_begin(const struct cairn_arena *avoid) {
    struct scratch_pair *pair = os_slot_read(&slot);
    if (pair == NULL) {
        pair = make_pair();
        if (pair == NULL) {
            return (struct cairn_scratch){.arena = NULL};
        }
    }
    struct cairn_arena *arena = &pair->arena[avoid == &pair->arena[0]];
    return (struct cairn_scratch){arena, cairn_arena_mark(arena)};
}

/* Of an empty arena.  Its first chunk may be too large by itself.  It goes if there was none when
 * the scratch began: then no scratch around it has a mark in the chunk. */
static SLOW_PATH void keep_little(struct cairn_arena *arena, struct cairn_mark mark) {
    (void)cairn_arena_trim(arena);
    if (arena->reserved > KEPT_MOST && mark.chunk == NULL) {
        cairn_arena_destroy(arena);
        cairn_arena_init(arena, "scratch", NULL);
    }
}

CAIRN_EXPORT void cairn_scratch_end(struct cairn_scratch *scratch) {
    struct cairn_arena *arena = scratch->arena;
    if (arena == NULL) {
        return;
    }
    const struct scratch_pair *pair = os_slot_read(&slot);
    if (unlikely(pair == NULL || (arena != &pair->arena[0] && arena != &pair->arena[1]))) {
        report_misuse("cairn_scratch_end", scratch,
                      "the scratch arena is another thread's; end it where it began");
    }
    scratch->arena = NULL;
    cairn_arena_rewind(arena, scratch->mark);
    if (arena->next == arena->begin && arena->used_before == 0 && arena->reserved > KEPT_MOST) {
        keep_little(arena, scratch->mark);
    }
}
