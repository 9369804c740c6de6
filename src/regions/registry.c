#include "regions/registry.h"

#include "base/compiler.h"
#include "core/report.h"
#include "core/threads.h"
#include "os/mutex.h"
#include "os/os.h"

static struct mutex lock = MUTEX(RANK_REGISTRY);
static struct cairn_region *newest; /* under the lock */

/* The thread that is in cairn_regions_each, and so holds the lock; 0: none.  relaxed: a thread
 * compares it with itself only. */
static _Atomic(uintptr_t) visitor;

/* The place of a thread's own variable: of no two live threads the same, and kept across fork. */
static uintptr_t self(void) { return (uintptr_t)&heap_distance; }

static bool is_visiting(void) {
    return atomic_load_explicit(&visitor, memory_order_relaxed) == self();
}

static void lock_for(const struct cairn_region *region) {
    if (is_visiting()) {
        report_misuse("cairn_regions_each", region,
                      "its visit makes, destroys or lists regions; do that after it has returned");
    }
    mutex_lock(&lock);
}

void registry_lock(void) { lock_for(NULL); }
void registry_unlock(void) { mutex_unlock(&lock); }

void registry_add(struct cairn_region *region) {
    lock_for(region);
    region->maker = self();
    region->newer = NULL;
    region->older = newest;
    if (newest != NULL) {
        newest->newer = region;
    }
    newest = region;
    registry_unlock();
}

static void take_out(struct cairn_region *region) {
    *(region->newer == NULL ? &newest : &region->newer->older) = region->older;
    if (region->older != NULL) {
        region->older->newer = region->newer;
    }
    region->maker = 0;
}

void registry_remove(struct cairn_region *region) {
    lock_for(region);
    if (region->maker != 0) {
        take_out(region);
    }
    registry_unlock();
}

CAIRN_EXPORT void cairn_regions_each(void (*visit)(void *, const struct cairn_region_view *),
                                     void *context) {
    registry_lock();
    atomic_store_explicit(&visitor, self(), memory_order_relaxed);
    for (struct cairn_region *region = newest; region != NULL; region = region->older) {
        struct cairn_region_view view = {
            .name = region->name == NULL ? "" : region->name,
            .kind = region->kind,
        };
        region->read(region, &view.usage);
        visit(context, &view);
    }
    atomic_store_explicit(&visitor, 0, memory_order_relaxed);
    registry_unlock();
}

void registry_describe(struct text *text, const struct cairn_region *region) {
    text_string(text, region->name == NULL ? "an unnamed " : "");
    text_string(text, region->kind);
    if (region->name != NULL) {
        text_string(text, " \"");
        text_string(text, region->name);
        text_string(text, "\"");
    }
}

/* --- fork, possibly from within a visit, which then goes on in both processes ----------------- */

static void before_fork(void) {
    if (!is_visiting()) {
        mutex_lock(&lock);
    }
}

static void after_fork_in_parent(void) {
    if (!is_visiting()) {
        mutex_unlock(&lock);
    }
}

static void after_fork_in_child(void) {
    if (is_visiting()) {
        return;
    }
    mutex_reset(&lock);
    for (struct cairn_region *region = newest; region != NULL;) {
        struct cairn_region *older = region->older;
        if (region->maker != self()) {
            take_out(region);
        }
        region = older;
    }
}

RUNS_ONCE void registry_start(void) {
    os_on_fork(before_fork, after_fork_in_parent, after_fork_in_child);
}
