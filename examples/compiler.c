/* A compiler in one file, for programs such as
 *
 *     let width = 6;
 *     print width * (width + 1) / 2 + 0 * width;
 *
 * It parses a program into a syntax tree, simplifies the tree, turns it into code for a stack
 * machine, and runs that.  The point is where the memory is:
 *
 *   - tokens, nodes, names and messages live in one arena and are never freed one by one; the arena
 *     ends with the program that they belong to;
 *   - the code is an array that grows: it is the only object of an arena of its own, so it grows
 *     in place;
 *   - a wrong program leaves the parser by longjmp, and nothing leaks: whatever was half built is
 *     in the arena.
 *
 * Run without arguments it compiles some programs of its own, else each argument. */
#include <ctype.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairn/arena.h>

/* --- the syntax tree -------------------------------------------------------------------------- */

struct variable {
    const char *name;
    long slot; /* its place in the machine's memory */
    struct variable *next;
};

enum node_kind { NUMBER, VARIABLE, NEGATE, BINARY };

struct node {
    enum node_kind kind;
    char sign;  /* BINARY: + - * / */
    long value; /* NUMBER: itself; VARIABLE: its slot */
    struct node *left;
    struct node *right;
};

struct statement {
    long slot; /* where `let` stores the value; -1: print it */
    struct node *expression;
    struct statement *next;
};

/* Everything about one program; all of its pointers lead into the arena. */
struct compiler {
    struct cairn_arena *arena;
    const char *source;
    const char *at; /* the next character */
    struct variable *variables;
    long slots;
    const char *error;
    jmp_buf on_error;
};

static _Noreturn void stop(struct compiler *compiler, const char *message) {
    compiler->error = message == NULL ? "out of memory" : message;
    longjmp(compiler->on_error, 1);
}

/* What is wrong with the source where the parser is. */
static _Noreturn void fail(struct compiler *compiler, const char *what) {
    stop(compiler, cairn_arena_printf(compiler->arena, "column %d: %s",
                                      (int)(compiler->at - compiler->source) + 1, what));
}

static void *must(struct compiler *compiler, void *memory) {
    if (memory == NULL) {
        stop(compiler, NULL);
    }
    return memory;
}

static struct node *make_node(struct compiler *compiler, struct node like) {
    struct node *node = must(compiler, cairn_arena_new(compiler->arena, struct node));
    *node = like;
    return node;
}

/* --- parsing ---------------------------------------------------------------------------------- */

static void skip_blanks(struct compiler *compiler) {
    while (isspace((unsigned char)*compiler->at)) {
        compiler->at++;
    }
}

static int accept(struct compiler *compiler, const char *token) {
    skip_blanks(compiler);
    size_t length = strlen(token);
    if (strncmp(compiler->at, token, length) != 0 ||
        (isalpha((unsigned char)token[0]) && isalnum((unsigned char)compiler->at[length]))) {
        return 0;
    }
    compiler->at += length;
    return 1;
}

static void expect(struct compiler *compiler, const char *token) {
    if (!accept(compiler, token)) {
        fail(compiler,
             must(compiler, cairn_arena_printf(compiler->arena, "'%s' is missing", token)));
    }
}

static const char *parse_name(struct compiler *compiler) {
    skip_blanks(compiler);
    size_t length = 0;
    while (isalnum((unsigned char)compiler->at[length])) {
        length++;
    }
    if (length == 0 || isdigit((unsigned char)compiler->at[0])) {
        fail(compiler, "a name is missing");
    }
    const char *name = cairn_arena_string_n(compiler->arena, compiler->at, length);
    compiler->at += length;
    return must(compiler, (void *)name);
}

static struct variable *find(const struct compiler *compiler, const char *name) {
    struct variable *variable = compiler->variables;
    while (variable != NULL && strcmp(variable->name, name) != 0) {
        variable = variable->next;
    }
    return variable;
}

static struct node *parse_sum(struct compiler *compiler);

static struct node *parse_operand(struct compiler *compiler) {
    if (accept(compiler, "-")) {
        struct node *operand = parse_operand(compiler);
        return make_node(compiler, (struct node){.kind = NEGATE, .left = operand});
    }
    if (accept(compiler, "(")) {
        struct node *inner = parse_sum(compiler);
        expect(compiler, ")");
        return inner;
    }
    skip_blanks(compiler);
    if (isdigit((unsigned char)*compiler->at)) {
        char *end;
        long value = strtol(compiler->at, &end, 10);
        compiler->at = end;
        return make_node(compiler, (struct node){.kind = NUMBER, .value = value});
    }
    /* A name that turns out to be known needs no copy of its own: the mark takes it back. */
    struct cairn_mark mark = cairn_arena_mark(compiler->arena);
    const char *name = parse_name(compiler);
    const struct variable *variable = find(compiler, name);
    if (variable == NULL) {
        fail(compiler, must(compiler, cairn_arena_printf(compiler->arena, "what is %s?", name)));
    }
    cairn_arena_rewind(compiler->arena, mark);
    return make_node(compiler, (struct node){.kind = VARIABLE, .value = variable->slot});
}

static struct node *parse_product(struct compiler *compiler) {
    struct node *left = parse_operand(compiler);
    for (;;) {
        char sign = accept(compiler, "*") ? '*' : accept(compiler, "/") ? '/' : 0;
        if (sign == 0) {
            return left;
        }
        struct node *right = parse_operand(compiler);
        left = make_node(compiler, (struct node){BINARY, sign, 0, left, right});
    }
}

static struct node *parse_sum(struct compiler *compiler) {
    struct node *left = parse_product(compiler);
    for (;;) {
        char sign = accept(compiler, "+") ? '+' : accept(compiler, "-") ? '-' : 0;
        if (sign == 0) {
            return left;
        }
        struct node *right = parse_product(compiler);
        left = make_node(compiler, (struct node){BINARY, sign, 0, left, right});
    }
}

static long declare(struct compiler *compiler, const char *name) {
    struct variable *variable = find(compiler, name);
    if (variable == NULL) {
        variable = must(compiler, cairn_arena_new(compiler->arena, struct variable));
        *variable = (struct variable){name, compiler->slots++, compiler->variables};
        compiler->variables = variable;
    }
    return variable->slot;
}

static struct statement *parse_program(struct compiler *compiler) {
    struct statement *first = NULL;
    struct statement **end = &first;
    while (skip_blanks(compiler), *compiler->at != '\0') {
        struct statement *statement =
            must(compiler, cairn_arena_new_zeroed(compiler->arena, struct statement));
        statement->slot = -1;
        if (accept(compiler, "let")) {
            const char *name = parse_name(compiler);
            expect(compiler, "=");
            statement->expression = parse_sum(compiler);
            statement->slot = declare(compiler, name);
        } else {
            expect(compiler, "print");
            statement->expression = parse_sum(compiler);
        }
        expect(compiler, ";");
        *end = statement;
        end = &statement->next;
    }
    return first;
}

/* --- simplifying: numbers are computed, and neutral elements go ------------------------------- */

static long compute(char sign, long left, long right) {
    switch (sign) {
    case '+':
        return (long)((unsigned long)left + (unsigned long)right);
    case '-':
        return (long)((unsigned long)left - (unsigned long)right);
    case '*':
        return (long)((unsigned long)left * (unsigned long)right);
    default:
        return right == 0 || right == -1 ? compute('-', 0, right * left) : left / right;
    }
}

static int is_number(const struct node *node, long value) {
    return node->kind == NUMBER && node->value == value;
}

static struct node *simplify(struct compiler *compiler, struct node *node) {
    if (node->kind == NUMBER || node->kind == VARIABLE) {
        return node;
    }
    struct node *left = simplify(compiler, node->left);
    if (node->kind == NEGATE) {
        struct node number = {.kind = NUMBER, .value = compute('-', 0, left->value)};
        return make_node(
            compiler, left->kind == NUMBER ? number : (struct node){.kind = NEGATE, .left = left});
    }
    struct node *right = simplify(compiler, node->right);
    char sign = node->sign;
    if (left->kind == NUMBER && right->kind == NUMBER && (sign != '/' || right->value != 0)) {
        struct node number = {.kind = NUMBER, .value = compute(sign, left->value, right->value)};
        return make_node(compiler, number);
    }
    if (is_number(right, sign == '*' || sign == '/' ? 1 : 0)) {
        return left;
    }
    if (sign == '*' && (is_number(left, 0) || is_number(right, 0))) {
        return make_node(compiler, (struct node){.kind = NUMBER});
    }
    return make_node(compiler, (struct node){BINARY, sign, 0, left, right});
}

/* --- code ------------------------------------------------------------------------------------- */

enum operation { PUSH, LOAD, STORE, PRINT, COMPUTE };

struct instruction {
    enum operation operation;
    long argument;
};

struct code {
    struct cairn_arena arena; /* of the array alone */
    struct instruction *instructions;
    size_t count;
};

static void emit(struct compiler *compiler, struct code *code, enum operation operation,
                 long argument) {
    size_t size = code->count * sizeof(struct instruction);
    code->instructions = must(compiler, cairn_arena_resize(&code->arena, code->instructions, size,
                                                           size + sizeof(struct instruction),
                                                           _Alignof(struct instruction)));
    code->instructions[code->count++] = (struct instruction){operation, argument};
}

static void emit_expression(struct compiler *compiler, struct code *code, const struct node *node) {
    switch (node->kind) {
    case NUMBER:
        emit(compiler, code, PUSH, node->value);
        break;
    case VARIABLE:
        emit(compiler, code, LOAD, node->value);
        break;
    case NEGATE:
        emit(compiler, code, PUSH, 0);
        emit_expression(compiler, code, node->left);
        emit(compiler, code, COMPUTE, '-');
        break;
    case BINARY:
        emit_expression(compiler, code, node->left);
        emit_expression(compiler, code, node->right);
        emit(compiler, code, COMPUTE, node->sign);
        break;
    }
}

/* Each instruction pushes one value at most, and there is one slot per variable. */
static void run(struct compiler *compiler, const struct code *code) {
    long *stack = must(compiler, cairn_arena_array(compiler->arena, long, code->count + 1));
    long *slots =
        must(compiler, cairn_arena_array(compiler->arena, long, (size_t)compiler->slots + 1));
    size_t depth = 0;
    for (size_t i = 0; i < code->count; i++) {
        long argument = code->instructions[i].argument;
        switch (code->instructions[i].operation) {
        case PUSH:
            stack[depth++] = argument;
            break;
        case LOAD:
            stack[depth++] = slots[argument];
            break;
        case STORE:
            slots[argument] = stack[--depth];
            break;
        case PRINT:
            printf("  %ld\n", stack[--depth]);
            break;
        case COMPUTE:
            depth--;
            if (argument == '/' && stack[depth] == 0) {
                stop(compiler, "division by zero");
            }
            stack[depth - 1] = compute((char)argument, stack[depth - 1], stack[depth]);
            break;
        }
    }
}

/* --- all together ----------------------------------------------------------------------------- */

/* False if the program is wrong; compiler->error says how.  What setjmp's function changes itself
 * would be lost on the way back, so all that changes belongs to its caller. */
static int succeeds(struct compiler *compiler, struct code *code) {
    if (setjmp(compiler->on_error) != 0) {
        return 0;
    }
    for (struct statement *statement = parse_program(compiler); statement != NULL;
         statement = statement->next) {
        emit_expression(compiler, code, simplify(compiler, statement->expression));
        emit(compiler, code, statement->slot < 0 ? PRINT : STORE, statement->slot);
    }
    run(compiler, code);
    return 1;
}

static void compile_and_run(const char *source) {
    struct cairn_arena arena = {0};
    struct code code = {.count = 0};
    struct compiler compiler = {.arena = &arena, .source = source, .at = source};
    printf("%s\n", source);
    if (!cairn_arena_init_reserved(&code.arena, "code", (size_t)1 << 30)) {
        cairn_arena_init(&code.arena, "code", NULL); /* an array that grows by moving, then */
    }
    if (succeeds(&compiler, &code)) {
        printf("  (%zu instructions)\n", code.count);
    } else {
        printf("  %s\n", compiler.error);
    }
    cairn_arena_destroy(&code.arena);
    cairn_arena_destroy(&arena);
}

int main(int argc, char **argv) {
    static const char *const programs[] = {
        "print 1 + 2 * 3;",
        "let width = 6; print width * (width + 1) / 2 + 0 * width;",
        "let a = 2; let b = a * a; let a = b * b; print a - -b; print a / (b - 4);",
        "let x = 10; print (x + 0) * 1;",
        "print 2 * (3 + 4;",
        "print speed / 2;",
        "let = 5;",
    };
    for (int i = 1; i < argc; i++) {
        compile_and_run(argv[i]);
    }
    for (size_t i = 0; argc == 1 && i < sizeof programs / sizeof *programs; i++) {
        compile_and_run(programs[i]);
    }
    return 0;
}
