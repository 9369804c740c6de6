/* What a report says besides its sentence: call stacks, the life of the object, its neighbours; as
 * indented lines of text or as members of a JSON object.
 *
 * Async-signal-safe; allocates nothing; takes no lock.  Too large for small stacks: see report.c
 * for where they are kept. */
#ifndef CAIRN_CORE_DETAILS_H
#define CAIRN_CORE_DETAILS_H

#include "base/output.h"
#include "core/object.h"
#include "trace/modules.h"
#include "trace/stack.h"

enum { STACK_NOW, STACK_ALLOCATED, STACK_FREED, STACKS };

struct details {
    struct finding finding; /* all zero: the mistake is not about an object of the heap */
    struct life life;       /* likewise, where nothing is known */
    struct site site;       /* where the program made the call; the caller's to fill in */
    struct stack stack[STACKS];
    uint32_t first[STACKS];              /* the first frame that is worth showing */
    uint8_t place[STACKS][STACK_FRAMES]; /* see modules_find() */
    struct neighbour before, behind;
    struct module_table modules;
};

/* `stack`: how the program came here. */
void details_collect(struct details *details, const struct finding *finding,
                     const struct life *life, const struct stack *stack);

/* " at FILE:LINE"; nothing where that is not known. */
void details_write_site(struct output *output, struct site site);

/* "    0x55d0c8a011d4 /usr/bin/program+0x11d4 (build-id 8f3c...)", a line; or a JSON object of the
 * same.  module NULL: it is not known. */
void details_write_frame(struct output *output, uintptr_t address, const struct module *module);
void details_write_json_frame(struct output *output, uintptr_t address,
                              const struct module *module);

/* ,"site":{...}; nothing where that is not known. */
void details_write_json_site(struct output *output, struct site site);

/* Lines that begin with two blanks. */
void details_write_text(struct output *output, const struct details *details);

/* ,"name":value of each. */
void details_write_json(struct output *output, const struct details *details);

#endif
