#include "core/details.h"

#include <string.h>

#include "core/sentence.h"
#include "os/os.h"
#include "trace/stack_depot.h"

/* --- collecting ------------------------------------------------------------------------------- */

/* Frames of cairn say nothing to the program's author; and where an address is no code, frame
 * pointers led astray. */
static void choose_frames(struct details *details, unsigned which) {
    struct stack *stack = &details->stack[which];
    const uint8_t *place = details->place[which];
    uint32_t first = 0;
    while (first < stack->count && place[first] < MODULES &&
           module_is_cairn(details->modules.module[place[first]].path)) {
        first++;
    }
    uint32_t end = first;
    while (end < stack->count && place[end] != PLACE_NOWHERE) {
        end++;
    }
    details->first[which] = first;
    stack->count = end;
}

/* The modules of all stacks in one go. */
static void find_modules(struct details *details) {
    uintptr_t address[STACKS * STACK_FRAMES];
    uint8_t place[STACKS * STACK_FRAMES];
    size_t count = 0;
    for (unsigned s = 0; s < STACKS; s++) {
        memcpy(address + count, details->stack[s].frame,
               details->stack[s].count * sizeof address[0]);
        count += details->stack[s].count;
    }
    modules_find(&details->modules, address, place, count);
    for (unsigned s = 0, done = 0; s < STACKS; s++) {
        memcpy(details->place[s], place + done, details->stack[s].count);
        done += details->stack[s].count;
    }
}

void details_collect(struct details *details, const struct finding *finding,
                     const struct life *life, const struct stack *stack) {
    details->finding = *finding;
    details->life = *life;
    details->stack[STACK_NOW] = *stack;
    (void)stack_depot_find(life->allocated_stack, &details->stack[STACK_ALLOCATED]);
    (void)stack_depot_find(life->freed_stack, &details->stack[STACK_FREED]);
    find_modules(details);
    for (unsigned s = 0; s < STACKS; s++) {
        choose_frames(details, s);
    }
    details->before = details->behind = (struct neighbour){0};
    if (finding->object != 0 && finding->what != FOUND_TAIL) {
        object_neighbours(finding->object, finding->size, &details->before, &details->behind);
    }
}

/* The module of a frame; NULL if it is not known. */
static const struct module *module_of(const struct details *details, unsigned which,
                                      uint32_t frame) {
    uint8_t place = details->place[which][frame];
    return place < MODULES ? &details->modules.module[place] : NULL;
}

/* --- text ------------------------------------------------------------------------------------- */

void details_write_frame(struct output *output, uintptr_t address, const struct module *module) {
    output_string(output, "    ");
    output_address(output, address);
    if (module != NULL) {
        output_string(output, " ");
        output_string(output, module->path);
        output_string(output, "+");
        output_address(output, address - module->bias);
        if (module->build_id_size > 0) {
            output_string(output, " (build-id ");
            output_bytes(output, module->build_id, module->build_id_size);
            output_string(output, ")");
        }
    }
    output_string(output, "\n");
}

static void write_frames(struct output *output, const struct details *details, unsigned which) {
    const struct stack *stack = &details->stack[which];
    for (uint32_t i = details->first[which]; i < stack->count; i++) {
        details_write_frame(output, stack->frame[i], module_of(details, which, i));
    }
}

void details_write_site(struct output *output, struct site site) {
    if (site.file != NULL) {
        output_string(output, " at ");
        output_string(output, site.file);
        output_string(output, ":");
        output_decimal(output, site.line);
    }
}

/* "  allocated at parse.c:31 by thread 1234, 5 ms before:" */
static void write_event(struct output *output, const char *what, struct site site, uint32_t thread,
                        uint64_t ms) {
    if (thread == 0 && ms == 0) {
        return;
    }
    uint64_t now = os_clock_ms();
    output_string(output, "  ");
    output_string(output, what);
    details_write_site(output, site);
    if (thread != 0) {
        output_string(output, " by thread ");
        output_decimal(output, thread);
    }
    if (ms != 0 && ms <= now) {
        output_string(output, thread != 0 ? ", " : " ");
        output_decimal(output, now - ms);
        output_string(output, " ms before");
    }
    output_string(output, ":\n");
}

static void write_past(struct output *output, const struct details *details) {
    const struct life *life = &details->life;
    write_event(output, "allocated", life->allocated_site, life->allocated_thread,
                life->allocated_ms);
    write_frames(output, details, STACK_ALLOCATED);
    write_event(output, "freed", life->freed_site, life->freed_thread, life->freed_ms);
    write_frames(output, details, STACK_FREED);
}

static void write_neighbour(struct output *output, const char *where,
                            const struct neighbour *neighbour) {
    if (neighbour->is_known) {
        output_string(output, where);
        output_decimal(output, neighbour->size);
        output_string(output, " bytes at ");
        output_address(output, neighbour->start);
        output_string(output, neighbour->is_live ? ", live\n" : ", free\n");
    }
}

static bool knows_past(const struct details *details) {
    return details->life.allocated_stack != 0 || details->life.freed_stack != 0;
}

/* "  called at parse.c:40, from:" and the frames, or what there is of it. */
static void write_call(struct output *output, const struct details *details) {
    bool has_frames = details->first[STACK_NOW] < details->stack[STACK_NOW].count;
    bool has_site = details->site.file != NULL;
    if (has_frames || has_site) {
        output_string(output, "  called");
        details_write_site(output, details->site);
        output_string(output, has_frames && has_site ? ", from:\n" : has_site ? "\n" : " from:\n");
        write_frames(output, details, STACK_NOW);
    }
}

void details_write_text(struct output *output, const struct details *details) {
    write_call(output, details);
    write_past(output, details);
    write_neighbour(output, "  the object before it: ", &details->before);
    write_neighbour(output, "  the object behind it: ", &details->behind);
    output_string(output, "  'cairn symbolize' turns these addresses into functions and lines");
    if (details->finding.object != 0 && !knows_past(details)) {
        output_string(output, "; CAIRN_PROFILE=debug tells who allocated and freed the object");
    }
    output_string(output, "\n");
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void member_name(struct output *output, const char *name) {
    output_string(output, ",\"");
    output_string(output, name);
    output_string(output, "\":");
}

static void member_number(struct output *output, const char *name, uint64_t number) {
    member_name(output, name);
    output_decimal(output, number);
}

/* As a string: JSON's numbers are no good for 64 bits. */
static void json_address(struct output *output, uintptr_t address) {
    output_string(output, "\"");
    output_address(output, address);
    output_string(output, "\"");
}

void details_write_json_frame(struct output *output, uintptr_t address,
                              const struct module *module) {
    output_string(output, "{\"address\":");
    json_address(output, address);
    if (module != NULL) {
        member_name(output, "module");
        output_json_string(output, module->path);
        member_name(output, "offset");
        json_address(output, address - module->bias);
        if (module->build_id_size > 0) {
            member_name(output, "build_id");
            output_string(output, "\"");
            output_bytes(output, module->build_id, module->build_id_size);
            output_string(output, "\"");
        }
    }
    output_string(output, "}");
}

static void json_stack(struct output *output, const struct details *details, unsigned which) {
    const struct stack *stack = &details->stack[which];
    member_name(output, "stack");
    for (uint32_t i = details->first[which]; i < stack->count; i++) {
        output_string(output, i == details->first[which] ? "[" : ",");
        details_write_json_frame(output, stack->frame[i], module_of(details, which, i));
    }
    output_string(output, details->first[which] == stack->count ? "[]" : "]");
}

void details_write_json_site(struct output *output, struct site site) {
    if (site.file != NULL) {
        member_name(output, "site");
        output_string(output, "{\"file\":");
        output_json_string(output, site.file);
        member_number(output, "line", site.line);
        output_string(output, "}");
    }
}

static void json_event(struct output *output, const struct details *details, const char *name,
                       unsigned which, uint32_t thread, uint64_t ms, struct site site) {
    if (thread == 0 && ms == 0 && details->stack[which].count == 0) {
        return;
    }
    member_name(output, name);
    output_string(output, "{\"thread\":");
    output_decimal(output, thread);
    member_number(output, "ms", ms);
    details_write_json_site(output, site);
    json_stack(output, details, which);
    output_string(output, "}");
}

static void json_neighbour(struct output *output, const char *name,
                           const struct neighbour *neighbour) {
    if (neighbour->is_known) {
        member_name(output, name);
        output_string(output, "{\"address\":");
        json_address(output, neighbour->start);
        member_number(output, "size", neighbour->size);
        member_name(output, "live");
        output_string(output, neighbour->is_live ? "true}" : "false}");
    }
}

static void json_object(struct output *output, const struct details *details) {
    const struct finding *finding = &details->finding;
    member_name(output, "object");
    output_string(output, "{\"address\":");
    json_address(output, finding->object);
    member_number(output, "size", finding->size);
    if (details->life.asked != 0) {
        member_number(output, "asked", details->life.asked);
    }
    json_neighbour(output, "before", &details->before);
    json_neighbour(output, "behind", &details->behind);
    output_string(output, "}");
}

void details_write_json(struct output *output, const struct details *details) {
    const struct finding *finding = &details->finding;
    const struct life *life = &details->life;
    member_number(output, "ms", os_clock_ms());
    if (finding->what != FOUND_LIVE) {
        member_name(output, "kind");
        output_json_string(output, sentence_kind(finding));
        member_name(output, "address");
        json_address(output, finding->address);
    }
    if (finding->object != 0) {
        json_object(output, details);
    }
    details_write_json_site(output, details->site);
    json_stack(output, details, STACK_NOW);
    json_event(output, details, "allocated", STACK_ALLOCATED, life->allocated_thread,
               life->allocated_ms, life->allocated_site);
    json_event(output, details, "freed", STACK_FREED, life->freed_thread, life->freed_ms,
               life->freed_site);
}
