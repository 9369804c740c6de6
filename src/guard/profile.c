#include "guard/profile.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "config/options.h"
#include "core/interceptor.h"
#include "guard/hardened.h"

static void start_fast(void) {}

static const struct profile {
    const char *name;
    void (*start)(void);
} profiles[] = {{"fast", start_fast}, {"hardened", hardened_start}};

static const struct profile *in_effect = &profiles[0];

static const struct profile *find(const char *name) {
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

void profile_start(int complaints) {
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

const char *profile_name(void) { return in_effect->name; }
