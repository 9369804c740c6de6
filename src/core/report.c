#include "core/report.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "config/options.h"
#include "core/details.h"
#include "core/policy.h"
#include "core/sentence.h"
#include "os/kept_stderr.h"
#include "os/os.h"

enum { STDERR = 2 };

/* --- where reports go, and what follows ------------------------------------------------------- */

/* Absolute, as the program may change its directory. */
static char path[OS_PATH_SIZE];

/* Written by report_start().  (Not zero at first, so that it lies beside data that every process
 * writes.) */
static struct {
    bool to_file, to_fd, as_json;     /* neither file nor fd: stderr */
    int fd;                           /* to_fd */
    struct os_file_identity identity; /* of fd, when the program started */
} chosen = {.fd = -1};

static void refuse(const char *variable, const char *value, const char *what) {
    struct text text = {0};
    text_string(&text, "cairn: ");
    text_string(&text, variable);
    text_string(&text, "=");
    text_string(&text, value);
    text_string(&text, " is ignored: it must be ");
    text_string(&text, what);
    text_string(&text, "\n");
    (void)text_write(&text, STDERR);
}

/* The number behind "fd:"; -1: it is none. */
static int descriptor_of(const char *digits) {
    enum { MOST = 1 << 20 };
    int number = 0;
    const char *at = digits;
    for (; *at >= '0' && *at <= '9' && number < MOST; at++) {
        number = number * 10 + (*at - '0');
    }
    return at != digits && *at == '\0' ? number : -1;
}

RUNS_ONCE static void choose_target(void) {
    const char *to = options.report;
    if (strncmp(to, "fd:", 3) == 0) {
        chosen.fd = descriptor_of(to + 3);
        /* One that is not open is no mistake: many programs close what they do not know before
         * they become another one, which finds the variable all the same. */
        chosen.to_fd = chosen.fd >= 0 && os_file_identity(chosen.fd, &chosen.identity) == 0;
        if (chosen.fd < 0) {
            refuse("CAIRN_REPORT", to, "stderr, fd: and a number, or a file");
        }
    } else {
        chosen.to_file = to[0] != '\0' && strcmp(to, "stderr") != 0 && os_absolute_path(to, path);
    }
}

RUNS_ONCE void report_start(void) {
    choose_target();
    chosen.as_json = strcmp(options.report_format, "json") == 0;
    if (!chosen.as_json && strcmp(options.report_format, "text") != 0) {
        refuse("CAIRN_REPORT_FORMAT", options.report_format, "text or json");
    }
    if (!policy_read(options.on_finding)) {
        refuse("CAIRN_ON_FINDING", options.on_finding,
               "abort, trap or continue, or a list of these and of KIND=one of these");
    }
}

/* The program's function and its argument are read one after the other; so they are written with
 * the function taken away meanwhile. */
static _Atomic(uintptr_t) the_handler; /* cairn_finding_handler *, or 0 */
static _Atomic(uintptr_t) the_context;

void report_set_handler(cairn_finding_handler *handler, void *context) {
    atomic_store_explicit(&the_handler, 0, memory_order_seq_cst);
    atomic_store_explicit(&the_context, (uintptr_t)context, memory_order_seq_cst);
    atomic_store_explicit(&the_handler, (uintptr_t)handler, memory_order_seq_cst);
}

/* --- one at a time ---------------------------------------------------------------------------- */

/* What a report is made in: not on the stack, which may be a small one.  For who holds `reporter`.
 */
static struct {
    struct details details;
    struct output output;
    char message[TEXT_CAPACITY]; /* the first line */
    char function[64];           /* what is between "cairn: " and "(" of it */
} work;

static _Atomic(uintptr_t) reporter; /* os_thread_handle() of who makes a report, or 0 */

/* False: this thread is in the middle of a report.  One that takes that long has come to grief. */
static bool enter(void) {
    enum { PATIENCE_MS = 2000 };
    uintptr_t self = os_thread_handle();
    for (unsigned waited = 0;; waited++) {
        uintptr_t other = 0;
        if (atomic_compare_exchange_strong_explicit(&reporter, &other, self, memory_order_acquire,
                                                    memory_order_acquire)) {
            return true;
        }
        if (other == self) {
            return false;
        }
        if (waited == PATIENCE_MS) {
            atomic_store_explicit(&reporter, self, memory_order_relaxed);
            return true;
        }
        os_pause_ms(1);
    }
}

static void leave(void) { atomic_store_explicit(&reporter, 0, memory_order_release); }

/* --- writing ---------------------------------------------------------------------------------- */

/* Whether the descriptor is what it was, and somebody reads it. */
static bool fd_is_good(void) {
    return os_file_is(chosen.fd, &chosen.identity) && os_is_writable(chosen.fd);
}

struct report_target report_open_target(void) {
    struct report_target target = {
        .fd = chosen.to_fd && fd_is_good() ? chosen.fd : stderr_or_kept(),
        .as_json = chosen.as_json,
    };
    int fd;
    if (chosen.to_file && os_append_open(path, &fd) == 0) {
        target.fd = fd;
        target.is_file = true;
    }
    return target;
}

void report_close_target(const struct report_target *target) {
    if (target->is_file) {
        (void)os_file_close(target->fd);
    }
}

void report_begin_json(struct output *output, const char *message, const char *function) {
    output_string(output, "{\"message\":");
    output_json_string(output, message);
    output_string(output, ",\"function\":");
    output_json_string(output, function);
    output_string(output, ",\"thread\":");
    output_decimal(output, os_thread_id());
}

static void write_json(void) {
    struct output *output = &work.output;
    report_begin_json(output, work.message, work.function);
    details_write_json(output, &work.details);
    output_string(output, "}\n");
}

static cairn_finding_handler *handler_now(void) {
    return (cairn_finding_handler *)atomic_load_explicit(&the_handler, memory_order_seq_cst);
}

/* Where the process ends anyway the better way to read a stack may be taken. */
static void capture(struct stack *stack, const struct finding *finding, bool can_continue) {
    bool may_continue =
        can_continue && (policy_of(finding->what) == CAIRN_CONTINUE || handler_now() != NULL);
    if (finding->stack != NULL) {
        *stack = *finding->stack;
    } else if (may_continue) {
        stack_capture(stack, 0);
    } else {
        stack_unwind(stack, 0);
    }
}

static _Atomic(uintptr_t) the_site; /* report_site *, or 0 */

void report_set_site(report_site *find) {
    atomic_store_explicit(&the_site, (uintptr_t)find, memory_order_release);
}

static struct site site_now(void) {
    report_site *find = (report_site *)atomic_load_explicit(&the_site, memory_order_acquire);
    return find == NULL ? (struct site){0} : find();
}

/* The line goes first: what follows looks at memory that the program may have damaged. */
static void write_report(const struct text *line, const struct finding *finding,
                         const struct life *life, bool can_continue) {
    struct report_target target = report_open_target();
    struct stack stack;
    if (target.is_file) {
        (void)text_show(line, stderr_or_kept());
    }
    if (!target.as_json) {
        (void)text_show(line, target.fd);
    }
    capture(&stack, finding, can_continue);
    details_collect(&work.details, finding, life, &stack);
    work.details.site = site_now();
    output_to_fd(&work.output, target.fd);
    if (target.as_json) {
        write_json();
    } else {
        details_write_text(&work.output, &work.details);
    }
    (void)output_end(&work.output);
    report_close_target(&target);
}

/* The line's parts, as strings. */
static void take_apart(const struct text *line) {
    enum { PREFIX = sizeof "cairn: " - 1 };
    memcpy(work.message, line->bytes, line->length);
    work.message[line->length - 1] = '\0'; /* the end of the line */
    const char *name = work.message + PREFIX;
    const char *end = strchr(name, '(');
    size_t length = end == NULL ? 0 : (size_t)(end - name);
    length = length < sizeof work.function ? length : sizeof work.function - 1;
    memcpy(work.function, name, length);
    work.function[length] = '\0';
}

/* Without a handler: what is to be done `otherwise`. */
static enum cairn_action ask(const struct cairn_finding *told, enum cairn_action otherwise) {
    cairn_finding_handler *handler = handler_now();
    return handler == NULL
               ? otherwise
               : handler((void *)atomic_load_explicit(&the_context, memory_order_seq_cst), told);
}

static enum cairn_action ask_handler(const struct finding *finding, bool can_continue) {
    struct cairn_finding told = {
        .message = work.message,
        .kind = sentence_kind(finding),
        .function = work.function,
        .address = (const void *)finding->address,
        .can_continue = can_continue,
    };
    return ask(&told, policy_of(finding->what));
}

enum cairn_action report_ask_of_leaks(const char *message) {
    struct cairn_finding told = {
        .message = message, .kind = "leak", .function = "exit", .can_continue = true};
    bool entered = enter();
    enum cairn_action action = entered ? ask(&told, policy_of_leaks()) : policy_of_leaks();
    if (entered) {
        leave();
    }
    return action;
}

/* `finding` without an object: the mistake is not about one of the heap.  Holds on to
 * `reporter`, unless this thread is in the middle of a report: then *entered is false. */
static enum cairn_action tell(struct text *line, const struct finding *finding,
                              const struct life *life, bool can_continue, bool *entered) {
    int saved = errno;
    enum cairn_action action = policy_of(finding->what);
    text_string(line, "; thread ");
    text_decimal(line, os_thread_id());
    text_string(line, "\n");
    *entered = enter();
    if (*entered) {
        take_apart(line);
        write_report(line, finding, life, can_continue);
        action = ask_handler(finding, can_continue);
    } else {
        (void)text_write(line, stderr_or_kept());
    }
    errno = saved;
    return action;
}

/* Returns only if it can continue and is to; who ends holds on to `reporter`, so that nobody writes
 * in between. */
static void finish(struct text *line, const struct finding *finding, const struct life *life,
                   bool can_continue) {
    bool entered;
    enum cairn_action action = tell(line, finding, life, can_continue, &entered);
    if (action == CAIRN_TRAP) {
        __builtin_trap();
    }
    if (action != CAIRN_CONTINUE || !can_continue) {
        abort();
    }
    if (entered) {
        leave();
    }
}

/* --- the kinds of reports --------------------------------------------------------------------- */

static _Atomic(uintptr_t) the_history; /* report_history *, or 0 */

void report_set_history(report_history *history) {
    atomic_store_explicit(&the_history, (uintptr_t)history, memory_order_release);
}

/* What is known of the finding's object's life. */
static struct life life_of(const struct finding *finding) {
    struct life life = {0};
    report_history *history =
        (report_history *)atomic_load_explicit(&the_history, memory_order_acquire);
    if (finding->life != NULL) {
        return *finding->life;
    }
    if (finding->object == 0 || history == NULL || !history(finding->object, &life)) {
        return (struct life){0};
    }
    return life;
}

static void report(const char *function, const struct finding *finding, bool can_continue) {
    struct text text;
    struct life life = life_of(finding);
    struct finding known = *finding;
    known.life = &life;
    report_begin(&text, function, known.address);
    sentence_describe(&text, function, &known);
    finish(&text, &known, &life, can_continue);
}

void report_fault(const struct finding *finding) {
    struct text text;
    struct life life = life_of(finding);
    struct finding known = *finding;
    known.life = &life;
    report_begin(&text, "fault", known.address);
    sentence_describe(&text, "fault", &known);
    bool entered;
    if (tell(&text, &known, &life, false, &entered) == CAIRN_TRAP) {
        __builtin_trap();
    }
    if (entered) {
        leave();
    }
}

void report_finding(const char *function, const struct finding *finding) {
    report(function, finding, true);
}

_Noreturn void report_bad_pointer(const char *function, const struct finding *finding) {
    report(function, finding, false);
    abort(); /* not reached */
}

void report_begin(struct text *text, const char *function, uintptr_t address) {
    text->length = 0;
    text_string(text, "cairn: ");
    text_string(text, function);
    text_string(text, "(");
    text_address(text, address);
    text_string(text, "): ");
}

_Noreturn void report_end(struct text *text) {
    finish(text, &(struct finding){0}, &(struct life){0}, false);
    abort(); /* not reached */
}

_Noreturn void report_wrong_size(const char *function, uintptr_t object, size_t usable,
                                 size_t size) {
    struct finding finding = {.what = FOUND_WRONG_SIZE,
                              .address = object,
                              .object = object,
                              .size = usable,
                              .bytes = size};
    struct life life = life_of(&finding);
    struct text text;
    report_begin(&text, function, object);
    text_string(&text, "an object of ");
    text_decimal(&text, usable);
    text_string(&text, " usable bytes was called one of ");
    text_decimal(&text, size);
    text_string(&text, "; give the size that it was allocated with");
    finish(&text, &finding, &life, false);
    abort(); /* not reached */
}

_Noreturn void report_misuse(const char *function, const void *argument, const char *what) {
    struct text text;
    report_begin(&text, function, (uintptr_t)argument);
    text_string(&text, what);
    report_end(&text);
}
