#include "guard/leaks.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/output.h"
#include "core/chunk_map.h"
#include "core/details.h"
#include "core/metadata.h"
#include "core/region.h"
#include "core/report.h"
#include "guard/debug.h"
#include "guard/edges.h"
#include "guard/record.h"
#include "guard/sites.h"
#include "os/kept_stderr.h"
#include "os/os.h"
#include "trace/modules.h"
#include "trace/stack_depot.h"

/* --- what is reached -------------------------------------------------------------------------- */

/* Cairn's own tables: they lead to every object. */
enum { RANGES_MAX = 512 };
static struct range { uintptr_t from, to; } own[RANGES_MAX];
static size_t own_count;
static uintptr_t piece[4096 / sizeof(uintptr_t)]; /* what is looked at of a root */

static void add_own(void *address, size_t size) {
    if (own_count < RANGES_MAX) {
        own[own_count++] = (struct range){(uintptr_t)address, (uintptr_t)address + size};
    }
}

static void find_own(void) {
    own_count = 0;
    add_own(piece, sizeof piece);
    edges_each_own(add_own);
    metadata_each_segment(add_own);
    for (size_t r = 0; r < regions_seen(); r++) {
        add_own((void *)regions.region[r].base, regions.region[r].reserved);
    }
    for (size_t window = 0; window < WINDOWS; window++) {
        if (chunk_map.leaf_distance[window] != 0) {
            add_own((char *)&chunk_map + chunk_map.leaf_distance[window], sizeof(struct leaf));
        }
    }
}

static bool changed; /* an object was reached for the first time */

static void reach(uintptr_t word) {
    struct known known;
    if (record_find_around(word, &known) && known.record->mark == MARK_NONE &&
        word - known.address <= known.size) {
        known.record->mark = MARK_REACHED;
        changed = true;
    }
}

/* Other threads may write there meanwhile. */
__attribute__((no_sanitize("address", "thread"))) static void scan(uintptr_t from, uintptr_t to) {
    from = round_up(from, sizeof(uintptr_t));
    for (; from + sizeof(uintptr_t) <= to; from += sizeof(uintptr_t)) {
        reach(*(volatile uintptr_t *)from);
    }
}

/* A part of a root, of at most a page.  It is read as a copy: another thread may unmap it at any
 * time, and a file's end may lie before the mapping's. */
static void scan_piece(uintptr_t from, uintptr_t to) {
    if (os_read_memory(from, piece, to - from)) {
        scan((uintptr_t)piece, (uintptr_t)piece + (to - from));
    }
}

static void scan_root(uintptr_t from, uintptr_t to) {
    while (from < to) {
        uintptr_t end = round_down(from, sizeof piece) + sizeof piece;
        end = end < to ? end : to;
        scan_piece(from, end);
        from = end;
    }
}

/* A writable mapping, without what is cairn's of it. */
static void scan_mapping(uintptr_t from, uintptr_t to) {
    while (from < to) {
        uintptr_t end = to, next = to;
        for (size_t i = 0; i < own_count; i++) {
            if (own[i].from <= from && from < own[i].to) {
                end = from;
                next = own[i].to;
                break;
            }
            if (own[i].from > from && own[i].from < end) {
                end = own[i].from;
                next = own[i].to;
            }
        }
        scan_root(from, end);
        from = next > end ? next : end;
    }
}

static bool scan_if_writable(const struct os_mapping *mapping, void *unused) {
    (void)unused;
    bool is_kernels = mapping->path[0] == '[' && mapping->path[1] == 'v'; /* [vvar], [vdso] */
    bool is_device = strncmp(mapping->path, "/dev/", 5) == 0;
    if (mapping->readable && mapping->writable && !is_kernels && !is_device) {
        scan_mapping(mapping->low, mapping->high);
    }
    return true;
}

static bool unmark(const struct known *known, void *unused) {
    (void)unused;
    known->record->mark = MARK_NONE;
    return true;
}

static bool scan_if_reached(const struct known *known, void *unused) {
    (void)unused;
    if (known->record->mark == MARK_REACHED) {
        known->record->mark = MARK_SCANNED;
        scan(known->address, known->address + known->size);
    }
    return true;
}

static void mark(void) {
    find_own();
    (void)record_each_live(unmark, NULL);
    (void)os_each_mapping(scan_if_writable, NULL);
    do {
        changed = false;
        (void)record_each_live(scan_if_reached, NULL);
    } while (changed);
}

/* --- by stack --------------------------------------------------------------------------------- */

enum { GROUPS_MAX = 4096, GROUPS_SHOWN = 16 };
static struct group {
    uint32_t stack, site;
    bool is_reached;
    size_t objects, bytes;
} groups[GROUPS_MAX];
static size_t group_count;

/* Of all that is reached (true) or not, also of what there was no room for among the groups. */
static struct amount { size_t objects, bytes; } totals[2];

/* NULL: there is no room. */
static struct group *group_of(uint32_t stack, uint32_t site, bool is_reached) {
    for (size_t i = 0; i < group_count; i++) {
        if (groups[i].stack == stack && groups[i].site == site &&
            groups[i].is_reached == is_reached) {
            return &groups[i];
        }
    }
    if (group_count == GROUPS_MAX) {
        return NULL;
    }
    groups[group_count] = (struct group){stack, site, is_reached, 0, 0};
    return &groups[group_count++];
}

/* Of those that are reached or not, as *argument says. */
static bool count(const struct known *known, void *argument) {
    bool is_reached = *(const bool *)argument;
    if ((known->record->mark != MARK_NONE) != is_reached) {
        return true;
    }
    struct group *group =
        group_of(known->record->allocated_stack, known->record->allocated_site, is_reached);
    if (group != NULL) {
        group->objects++;
        group->bytes += known->size;
    }
    totals[is_reached].objects++;
    totals[is_reached].bytes += known->size;
    return true;
}

/* What is lost comes first: it is what programs are asked to mend, and there may be thousands of
 * places from which a program allocates what it keeps. */
static void count_all(void) {
    group_count = 0;
    memset(totals, 0, sizeof totals);
    (void)record_each_live(count, &(bool){false});
    (void)record_each_live(count, &(bool){true});
}

/* Frames as lines, or as ,"stack":[...] */
static void write_stack(struct output *output, uint32_t id, bool as_json) {
    static struct module_table modules;
    struct stack stack;
    uint8_t place[STACK_FRAMES];
    modules.count = 0;
    (void)stack_depot_find(id, &stack);
    modules_find(&modules, stack.frame, place, stack.count);
    output_string(output, as_json ? ",\"stack\":[" : "");
    for (uint32_t i = 0; i < stack.count; i++) {
        const struct module *module = place[i] < MODULES ? &modules.module[place[i]] : NULL;
        if (as_json) {
            output_string(output, i == 0 ? "" : ",");
            details_write_json_frame(output, stack.frame[i], module);
        } else {
            details_write_frame(output, stack.frame[i], module);
        }
    }
    output_string(output, as_json ? "]" : "");
}

static void write_amount(struct output *output, size_t bytes, size_t objects) {
    output_decimal(output, bytes);
    output_string(output, bytes == 1 ? " byte in " : " bytes in ");
    output_decimal(output, objects);
    output_string(output, objects == 1 ? " object" : " objects");
}

/* How much is reached, or not. */
static void write_head(struct output *output, bool is_reached) {
    output_string(output, "cairn: leaks: ");
    write_amount(output, totals[is_reached].bytes, totals[is_reached].objects);
    output_string(output, is_reached ? " that were not freed, but something points to"
                                     : " that nothing points to");
}

static struct group *largest(bool is_reached) {
    struct group *found = NULL;
    for (size_t i = 0; i < group_count; i++) {
        struct group *group = &groups[i];
        if (group->is_reached == is_reached && group->objects != 0 &&
            (found == NULL || group->bytes > found->bytes)) {
            found = group;
        }
    }
    return found;
}

static void write_groups(struct output *output, bool is_reached) {
    size_t shown = 0;
    write_head(output, is_reached);
    output_string(output, "\n");
    for (int i = 0; i < GROUPS_SHOWN; i++) {
        struct group *group = largest(is_reached);
        if (group == NULL) {
            break;
        }
        shown += group->objects;
        output_string(output, "  ");
        write_amount(output, group->bytes, group->objects);
        output_string(output, ", allocated");
        details_write_site(output, sites_find(group->site));
        output_string(output, group->site != 0 ? ", from:\n" : " at:\n");
        write_stack(output, group->stack, false);
        group->objects = 0;
    }
    if (shown < totals[is_reached].objects) {
        output_string(output, "  and more of other call stacks\n");
    }
}

static void write_json_amount(struct output *output, size_t bytes, size_t objects) {
    output_string(output, "{\"bytes\":");
    output_decimal(output, bytes);
    output_string(output, ",\"objects\":");
    output_decimal(output, objects);
}

/* {"bytes":24,"objects":2,"calls":[{"bytes":24,"objects":2,"site":{...},"stack":[...]}]} */
static void write_json_groups(struct output *output, bool is_reached) {
    write_json_amount(output, totals[is_reached].bytes, totals[is_reached].objects);
    output_string(output, ",\"calls\":[");
    for (int i = 0; i < GROUPS_SHOWN; i++) {
        struct group *group = largest(is_reached);
        if (group == NULL) {
            break;
        }
        output_string(output, i == 0 ? "" : ",");
        write_json_amount(output, group->bytes, group->objects);
        details_write_json_site(output, sites_find(group->site));
        write_stack(output, group->stack, true);
        output_string(output, "}");
        group->objects = 0;
    }
    output_string(output, "]}");
}

static void write_json(struct output *output, const char *message) {
    report_begin_json(output, message, "exit");
    output_string(output, ",\"ms\":");
    output_decimal(output, os_clock_ms());
    output_string(output, ",\"kind\":\"leak\",\"lost\":");
    write_json_groups(output, false);
    output_string(output, ",\"kept\":");
    write_json_groups(output, true);
    output_string(output, "}\n");
}

/* To where all reports go, and as they are written there. */
static void tell(const char *message) {
    struct report_target target = report_open_target();
    struct output output;
    if (target.is_file) {
        output_to_fd(&output, stderr_or_kept());
        output_string(&output, message);
        output_string(&output, "\n");
        (void)output_end(&output);
    }
    output_to_fd(&output, target.fd);
    if (target.as_json) {
        write_json(&output, message);
    } else {
        write_groups(&output, false);
        write_groups(&output, true);
    }
    (void)output_end(&output);
    report_close_target(&target);
}

/* The program is asked, or its options, whether it may end as it would. */
static void end_for_leaks(const char *message) {
    enum cairn_action action = report_ask_of_leaks(message);
    if (action == CAIRN_TRAP) {
        __builtin_trap();
    }
    if (action == CAIRN_ABORT) {
        abort();
    }
}

void leaks_report(void) {
    debug_lock();
    mark();
    count_all();
    debug_unlock();
    char message[160];
    struct output output;
    output_to_buffer(&output, message, sizeof message);
    write_head(&output, false);
    (void)output_end(&output);
    tell(message);
    if (totals[false].objects != 0) {
        end_for_leaks(message);
    }
}
