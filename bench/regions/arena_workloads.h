/* What arenas are for, in three shapes.  Each builds units (trees, requests, frames) of many
 * objects, writes and reads them, and ends a unit's objects together, or with malloc one by
 * one: its tree or list is walked for that.  C and C++.
 *
 *     arena tree|request|frame|objects UNITS
 *
 * prints a line with nanoseconds per object. */
#ifndef CAIRN_BENCH_REGIONS_ARENA_WORKLOADS_H
#define CAIRN_BENCH_REGIONS_ARENA_WORKLOADS_H

#include "measure.h"
#include "memory.h"

struct run {
    struct memory memory;
    uint64_t random;
    uint64_t objects;
    uint64_t sum;
};

static inline void *take_object(struct run *run, size_t size) {
    void *object = take(&run->memory, size);
    if (object == NULL) {
        abort();
    }
    run->objects++;
    return object;
}

/* --- tree: a parser's expressions, evaluated once --------------------------------------------- */

struct tree {
    unsigned kind; /* how many children */
    unsigned value;
    struct tree *child[3];
};

struct leaf {
    unsigned kind; /* 0 */
    unsigned value;
    char *name; /* NULL: a number */
};

static struct tree *grow(struct run *run, unsigned depth) {
    uint64_t choice = random_next(&run->random);
    unsigned children = depth == 0 ? 0 : 1 + (unsigned)(choice % 16 > 1) + (choice % 16 > 13);
    if (children == 0) {
        struct leaf *leaf = (struct leaf *)take_object(run, sizeof *leaf);
        leaf->kind = 0;
        leaf->value = (unsigned)choice % 1000;
        leaf->name = NULL;
        if (choice % 2 == 0) {
            size_t length = 1 + choice / 2 % 14;
            leaf->name = (char *)take_object(run, length + 1);
            memset(leaf->name, 'a' + (int)(choice % 26), length);
            leaf->name[length] = '\0';
        }
        return (struct tree *)leaf;
    }
    struct tree *tree = (struct tree *)take_object(run, offsetof(struct tree, child) +
                                                            children * sizeof tree->child[0]);
    tree->kind = children;
    tree->value = (unsigned)choice % 7;
    for (unsigned i = 0; i < children; i++) {
        tree->child[i] = grow(run, depth - 1);
    }
    return tree;
}

static uint64_t evaluate(const struct tree *tree) {
    if (tree->kind == 0) {
        const struct leaf *leaf = (const struct leaf *)tree;
        return leaf->name == NULL ? leaf->value : (uint64_t)leaf->name[0] + leaf->value;
    }
    uint64_t sum = tree->value;
    for (unsigned i = 0; i < tree->kind; i++) {
        sum = sum * 3 + evaluate(tree->child[i]);
    }
    return sum;
}

static void fell(struct tree *tree) {
    for (unsigned i = 0; i < tree->kind; i++) {
        fell(tree->child[i]);
    }
    if (tree->kind == 0) {
        give(((struct leaf *)tree)->name);
    }
    give(tree);
}

static void tree_unit(struct run *run) {
    struct tree *tree = grow(run, 11);
    run->sum += evaluate(tree);
    if (OBJECT_BY_OBJECT) {
        fell(tree);
    }
}

/* --- request: header fields with two strings each, and an answer ------------------------------ */

struct field {
    struct field *next;
    char *name;
    char *value;
    size_t length;
};

static char *string(struct run *run, size_t length) {
    char *text = (char *)take_object(run, length + 1);
    memset(text, 'x', length);
    text[length] = '\0';
    return text;
}

static void request_unit(struct run *run) {
    struct field *fields = NULL;
    uint64_t count = 8 + random_next(&run->random) % 16;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t choice = random_next(&run->random);
        struct field *field = (struct field *)take_object(run, sizeof *field);
        field->length = 8 + choice % 56;
        field->name = string(run, 4 + choice / 64 % 16);
        field->value = string(run, field->length);
        field->next = fields;
        fields = field;
    }
    char *answer = string(run, 256 + random_next(&run->random) % 768);
    for (struct field *field = fields, *next; field != NULL; field = next) {
        next = field->next;
        run->sum += (uint64_t)field->value[field->length - 1] + (uint64_t)field->name[0];
        give(field->name);
        give(field->value);
        give(field);
    }
    run->sum += (uint64_t)answer[0];
    give(answer);
}

/* --- frame: the drawing commands of a game's frame, of 16 to 64 bytes ------------------------- */

struct command {
    struct command *next;
    uint32_t size;
    uint32_t first; /* of the words that follow, up to size */
};

static void frame_unit(struct run *run) {
    struct command *commands = NULL;
    for (int i = 0; i < 2000; i++) {
        uint32_t size = 16 + ((uint32_t)i * 2654435761U >> 30) * 16; /* each of four as often */
        struct command *command = (struct command *)take_object(run, size);
        command->next = commands;
        command->size = size;
        command->first = (uint32_t)i;
        commands = command;
    }
    for (struct command *command = commands, *next; command != NULL; command = next) {
        next = command->next;
        run->sum += command->first + command->size;
        give(command);
    }
}

/* --- objects: nothing but taking and ending objects of 16 to 64 bytes, with one word written -- */

static void objects_unit(struct run *run) {
    static uint64_t *objects[1000];
    for (size_t i = 0; i < 1000; i++) {
        objects[i] = (uint64_t *)take_object(run, 16 + i % 4 * 16);
        *objects[i] = i;
    }
    run->sum += *objects[run->sum % 1000];
    for (size_t i = 0; i < 1000; i++) {
        give(objects[i]);
    }
}

/* --- all of it -------------------------------------------------------------------------------- */

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*unit)(struct run *);
    } workloads[] = {{"tree", tree_unit},
                     {"request", request_unit},
                     {"frame", frame_unit},
                     {"objects", objects_unit}};
    for (size_t i = 0; argc == 3 && i < sizeof workloads / sizeof *workloads; i++) {
        if (strcmp(argv[1], workloads[i].name) != 0) {
            continue;
        }
        static struct run run;
        run.random = 42;
        memory_start(&run.memory);
        int64_t start = now_ns();
        for (long unit = atol(argv[2]); unit > 0; unit--) {
            workloads[i].unit(&run);
            drop_all(&run.memory);
        }
        int64_t took = now_ns() - start;
        memory_end(&run.memory);
        report(argv[1], took, run.objects, run.sum);
        return 0;
    }
    fprintf(stderr, "usage: arena tree|request|frame|objects UNITS\n");
    return 2;
}

#endif
