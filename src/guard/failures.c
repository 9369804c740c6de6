#include "guard/failures.h"

#include <stddef.h>
#include <string.h>

#include "base/random.h"
#include "config/options.h"
#include "os/os.h"
#include "trace/modules.h"

static uint64_t allocations; /* that count */
static uint64_t state;       /* of the random numbers */

void failures_start(void) {
    allocations = 0;
    state = options.fail_seed;
}

/* --- whose code it is ------------------------------------------------------------------------- */

enum owner { OWNER_UNKNOWN, OWNER_CAIRN, OWNER_WANTED, OWNER_OTHER };

enum { CODES_MAX = 1024 };
static struct code {
    uintptr_t low, high;
    enum owner owner;
} codes[CODES_MAX];
static size_t code_count; /* of codes: in ascending order */

static bool note_code(const struct os_mapping *mapping, void *unused) {
    (void)unused;
    if (mapping->executable) {
        bool is_wanted = strstr(mapping->path, options.fail_module) != NULL;
        enum owner owner = module_is_cairn(mapping->path) ? OWNER_CAIRN
                           : is_wanted                    ? OWNER_WANTED
                                                          : OWNER_OTHER;
        codes[code_count++] = (struct code){mapping->low, mapping->high, owner};
    }
    return code_count < CODES_MAX;
}

static enum owner known_owner(uintptr_t address) {
    size_t low = 0, high = code_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (address >= codes[middle].high) {
            low = middle + 1;
        } else if (address < codes[middle].low) {
            high = middle;
        } else {
            return codes[middle].owner;
        }
    }
    return OWNER_UNKNOWN;
}

static enum owner owner_of(uintptr_t address) {
    enum owner owner = known_owner(address);
    if (owner == OWNER_UNKNOWN) {
        code_count = 0;
        (void)os_each_mapping(note_code, NULL);
        owner = known_owner(address);
    }
    return owner;
}

/* Whether the innermost code that is not cairn's is of the module. */
static bool is_from_module(const struct stack *stack) {
    for (uint32_t i = 0; i < stack->count; i++) {
        enum owner owner = owner_of(stack->frame[i]);
        if (owner != OWNER_CAIRN) {
            return owner == OWNER_WANTED;
        }
    }
    return false;
}

/* --- which of them fail ----------------------------------------------------------------------- */

bool failures_next(const struct stack *stack) {
    if (options.fail_nth == 0 && options.fail_one_in == 0) {
        return false;
    }
    if (options.fail_module[0] != '\0' && !is_from_module(stack)) {
        return false;
    }
    allocations++;
    bool is_nth = options.fail_nth != 0 && allocations == options.fail_nth;
    bool is_drawn = options.fail_one_in != 0 && wyrand(&state) % options.fail_one_in == 0;
    return is_nth || is_drawn;
}
