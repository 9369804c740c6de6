/* Beginning and end of the library's life in a process.
 *
 * All of it works before the constructor and after the destructor too: what they add is what needs
 * the environment or libc.  They run in a program that is linked with the library, under
 * LD_PRELOAD, and when it is loaded late. */
#include <unistd.h>

#include "base/cpu.h"
#include "base/text.h"
#include "config/options.h"
#include "core/background.h"
#include "core/limit.h"
#include "core/mapping_names.h"
#include "core/report.h"
#include "core/spare.h"
#include "core/threads.h"
#include "core/unmerged.h"
#include "front/summary.h"
#include "guard/profile.h"
#include "guard/sampled.h"
#include "os/cgroup.h"
#include "os/os.h"
#include "regions/object_cache.h"
#include "regions/poison.h"
#include "regions/registry.h"

static void announce(void) {
    struct text text = {0};
    text_string(&text, "cairn " CAIRN_VERSION ": ");
    options_describe(&text);
    text_string(&text, "\n");
    (void)text_write(&text, STDERR_FILENO);
}

static void complain_of_guards(void) {
    struct text text = {0};
    text_string(&text, "cairn: CAIRN_GUARD_RATE is ignored: there is no address space for "
                       "CAIRN_GUARD_SLOTS slots of 512 KiB; give fewer\n");
    (void)text_write(&text, STDERR_FILENO);
}

/* 101: as early as a program may ask for, and correspondingly late at the end. */
__attribute__((constructor(101))) static void start(void) {
    cpu_start();
    options_read(os_option, STDERR_FILENO);
    /* Who starts later locks earlier in a fork: from the highest rank to the lowest. */
    threads_start();
    profile_start(STDERR_FILENO);
    poison_start();
    object_cache_start();
    registry_start();
    if (options.verbose) {
        announce();
    }
    report_start();
    if (!options.unnamed) {
        mapping_names_start();
    }
    limit_start();
    if (options.cgroup || options.background) {
        spare_note_cpus(os_cpus(true));
    }
    if (options.background) {
        background_start(options.pressure);
    }
    sampled_configure(options.guard_slots, options.guard_percent);
    if (options.guard_rate != 0 && sampled_set_rate(options.guard_rate) != 0) {
        complain_of_guards();
    }
    summary_start();
}

__attribute__((destructor(101))) static void finish(void) {
    summary_write();
    profile_finish();
    unmerged_report_double_free();
}
