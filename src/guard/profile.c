#include "guard/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/compiler.h"
#include "base/text.h"
#include "config/options.h"
#include "core/interceptor.h"
#include "guard/debug.h"
#include "guard/hardened.h"

RUNS_ONCE static void nothing(void) {}

static bool nothing_to_check(const char *function) {
    (void)function;
    return true;
}

static const struct profile {
    const char *name;
    void (*start)(void);
    bool (*check)(const char *function);
    void (*finish)(void);
} profiles[] = {{"fast", nothing, nothing_to_check, nothing},
                {"hardened", hardened_start, hardened_check, nothing},
                {"debug", debug_start, debug_check, debug_finish}};

static const struct profile *in_effect = &profiles[0];

RUNS_ONCE static const struct profile *find(const char *name) {
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            return &profiles[i];
        }
    }
    return NULL;
}

static void complain(const char *name, int complaints) {
    struct text text = {0};
    text_string(&text, "cairn: CAIRN_PROFILE=");
    text_string(&text, name);
    text_string(&text, " is ignored: it must be fast, hardened or debug\n");
    (void)text_write(&text, complaints);
}

RUNS_ONCE void profile_start(int complaints) {
    const struct profile *profile = NULL;
    if (options.profile[0] != '\0') {
        profile = find(options.profile);
        if (profile == NULL) {
            complain(options.profile, complaints);
        }
    }
    profile = profile != NULL ? profile : find(profile_default);
    profile->start();
    in_effect = profile;
}

bool profile_check(const char *function) { return in_effect->check(function); }

RUNS_ONCE void profile_finish(void) { in_effect->finish(); }

const char *profile_name(void) { return in_effect->name; }
