#include "core/policy.h"

#include <string.h>

#include "base/compiler.h"
#include "core/sentence.h"

struct policy {
    enum cairn_action of[FOUND_COUNT]; /* by enum found */
    enum cairn_action of_leaks;
};

#define FALLBACK \
    { .of_leaks = CAIRN_CONTINUE } /* all else: CAIRN_ABORT */
static struct policy chosen = FALLBACK;

/* A part of the list: not ended by a zero byte. */
struct word {
    const char *start;
    size_t length;
};

RUNS_ONCE static bool is(struct word word, const char *text) {
    return word.length == strlen(text) && memcmp(word.start, text, word.length) == 0;
}

RUNS_ONCE static bool read_action(struct word word, enum cairn_action *action) {
    static const char *const names[] = {
        [CAIRN_ABORT] = "abort", [CAIRN_TRAP] = "trap", [CAIRN_CONTINUE] = "continue"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (is(word, names[i])) {
            *action = (enum cairn_action)i;
            return true;
        }
    }
    return false;
}

RUNS_ONCE static void set_all(struct policy *policy, enum cairn_action action) {
    for (unsigned what = 0; what < FOUND_COUNT; what++) {
        policy->of[what] = action;
    }
}

/* Several values of enum found may be of one kind.  False: there is no such kind. */
RUNS_ONCE static bool set_kind(struct policy *policy, struct word kind, enum cairn_action action) {
    bool is_known = is(kind, "leak");
    if (is_known) {
        policy->of_leaks = action;
    }
    for (unsigned what = 0; what < FOUND_COUNT; what++) {
        if (is(kind, sentence_kind(&(struct finding){.what = (enum found)what}))) {
            policy->of[what] = action;
            is_known = true;
        }
    }
    return is_known;
}

RUNS_ONCE static bool read_entry(struct policy *policy, struct word entry) {
    const char *equals = memchr(entry.start, '=', entry.length);
    enum cairn_action action;
    if (equals == NULL) {
        bool is_action = read_action(entry, &action);
        if (is_action) {
            set_all(policy, action);
        }
        return is_action;
    }
    struct word kind = {entry.start, (size_t)(equals - entry.start)};
    struct word value = {equals + 1, entry.length - kind.length - 1};
    return read_action(value, &action) && set_kind(policy, kind, action);
}

RUNS_ONCE bool policy_read(const char *list) {
    struct policy policy = FALLBACK;
    for (const char *at = list;; at++) {
        size_t length = 0; /* not by strcspn(): of that a small program has no page in memory */
        while (at[length] != '\0' && at[length] != ',') {
            length++;
        }
        if (!read_entry(&policy, (struct word){at, length})) {
            return false;
        }
        at += length;
        if (*at == '\0') {
            chosen = policy;
            return true;
        }
    }
}

enum cairn_action policy_of(enum found what) { return chosen.of[what]; }

enum cairn_action policy_of_leaks(void) { return chosen.of_leaks; }
