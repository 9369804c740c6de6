#include "trace/stack.h"

#include <stdbool.h>

#include "base/compiler.h"
#include "os/os.h"

/* Where the calling thread's own stack is: in units of 4 KiB, how far it reaches down from its end,
 * shifted left by one; bit 0: it is the first thread's.  The end is the address of what the C
 * library keeps for the thread, which it puts there; for the first thread it is the kernel's. */
static __thread uint32_t own_stack __attribute__((tls_model("initial-exec")));
enum { STACK_NEW = 0, STACK_OF_FIRST = 1, UNIT_SHIFT = 12 };
#define STACK_UNKNOWN UINT32_MAX

/* A stack that grew by more between two captures is taken for another one. */
#define GROWTH_MAX ((uintptr_t)64 << 20)

struct bounds {
    uintptr_t low, high; /* readable: low <= address < high */
};

static struct bounds own_bounds(void) {
    uint32_t own = own_stack;
    if (own == STACK_NEW || own == STACK_UNKNOWN) {
        return (struct bounds){0, 0};
    }
    uintptr_t high = (own & STACK_OF_FIRST) != 0 ? os_first_stack_end() : os_thread_handle();
    return (struct bounds){high - ((uintptr_t)(own >> 1) << UNIT_SHIFT), high};
}

static bool within(const struct bounds *mapping, uintptr_t address) {
    return mapping->low <= address && address < mapping->high;
}

struct search {
    uintptr_t here;
    struct bounds mapping; /* the one that contains `here`, if it was found and is readable */
};

static bool compare(const struct os_mapping *mapping, void *context) {
    struct search *search = context;
    if (mapping->low > search->here) {
        return false;
    }
    if (search->here < mapping->high && mapping->readable) {
        search->mapping = (struct bounds){mapping->low, mapping->high};
    }
    return true;
}

/* Finds out which stack it is that `here` lies in. */
static SLOW_PATH void look(uintptr_t here) {
    struct search search = {here, {0, 0}};
    (void)os_each_mapping(compare, &search);
    struct bounds mapping = search.mapping;
    uintptr_t end = os_thread_handle();
    uint32_t flag = 0;
    if (!within(&mapping, end)) {
        end = os_first_stack_end();
        flag = STACK_OF_FIRST;
    }
    uintptr_t units = (end - mapping.low) >> UNIT_SHIFT;
    bool is_own = within(&mapping, end) && here < end && units < UINT32_MAX >> 1;
    own_stack = is_own ? (uint32_t)units << 1 | flag : STACK_UNKNOWN;
}

/* The bounds of the stack that `here` is in; empty if that is none of a thread: a signal handler's,
 * a coroutine's. */
static struct bounds bounds_around(uintptr_t here) {
    struct bounds bounds = own_bounds();
    bool may_have_grown = (own_stack & STACK_OF_FIRST) != 0 && own_stack != STACK_UNKNOWN &&
                          here < bounds.low && bounds.low - here < GROWTH_MAX;
    if (unlikely(own_stack == STACK_NEW || may_have_grown)) {
        look(here);
        bounds = own_bounds();
    }
    bool inside = bounds.low <= here && here < bounds.high;
    return inside ? bounds : (struct bounds){0, 0};
}

/* What a function with a frame pointer leaves at the address in it, on x86-64 and AArch64; others
 * are not followed. */
struct frame_record {
    uintptr_t caller; /* frame pointer of the calling function */
    uintptr_t return_address;
};

#if defined(__x86_64__) || defined(__aarch64__)
/* Code without frame pointers leaves anything in the register, so nothing is read but where there
 * is memory for certain.  On an unknown stack the kernel reads it, a piece at a time. */
struct reader {
    struct bounds bounds; /* of the stack; empty: unknown */
    struct bounds copied; /* unknown stack: of what is in `piece` */
    struct frame_record record;
    uintptr_t piece[128];
};

/* A piece that begins at the address and ends within its page, as that is readable as a whole. */
static SLOW_PATH bool copy_piece(struct reader *reader, uintptr_t address) {
    size_t page = os_page_size();
    size_t size = page - address % page;
    if (size < sizeof(struct frame_record)) {
        size = sizeof(struct frame_record);
    }
    if (size > sizeof reader->piece) {
        size = sizeof reader->piece;
    }
    reader->copied = (struct bounds){address, address + size};
    return address + size > address && os_read_memory(address, reader->piece, size);
}

static bool is_record_within(const struct bounds *bounds, uintptr_t address) {
    return bounds->low <= address && address < bounds->high &&
           bounds->high - address >= sizeof(struct frame_record);
}

__attribute__((no_sanitize_address)) static bool read_record(struct reader *reader,
                                                             uintptr_t address) {
    if (address % sizeof(uintptr_t) != 0) {
        return false;
    }
    if (likely(is_record_within(&reader->bounds, address))) {
        reader->record = *(const struct frame_record *)address;
        return true;
    }
    if (reader->bounds.high != 0 ||
        (!is_record_within(&reader->copied, address) && !copy_piece(reader, address))) {
        return false;
    }
    const uintptr_t *at = &reader->piece[(address - reader->copied.low) / sizeof(uintptr_t)];
    reader->record = (struct frame_record){at[0], at[1]};
    return true;
}

/* What is smaller is no address of code. */
enum { LEAST_ADDRESS = 4096 };

/* Adds the return addresses from the frame on to those that are in the stack. */
FAST_PATH void follow(struct stack *stack, const struct bounds *bounds, uintptr_t frame,
                      unsigned skip) {
    struct reader reader;
    uint32_t count = stack->count;
    reader.bounds = *bounds;
    reader.copied = (struct bounds){0, 0};
    while (count < STACK_FRAMES && read_record(&reader, frame) &&
           reader.record.return_address >= LEAST_ADDRESS) {
        if (skip > 0) {
            skip--;
        } else {
            stack->frame[count++] = reader.record.return_address;
        }
        if (reader.record.caller <= frame) {
            break;
        }
        frame = reader.record.caller;
    }
    stack->count = count;
}

__attribute__((noinline)) void stack_capture(struct stack *stack, unsigned skip) {
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    struct bounds bounds = bounds_around(frame);
    stack->count = 0;
    follow(stack, &bounds, frame, skip);
}

void stack_capture_at(struct stack *stack, uintptr_t address, uintptr_t frame) {
    struct bounds bounds = own_bounds();
    if (!within(&bounds, frame)) {
        bounds = (struct bounds){0, 0};
    }
    *stack = (struct stack){.count = 1, .frame = {address}};
    follow(stack, &bounds, frame, 0);
}
#else
__attribute__((noinline)) void stack_capture(struct stack *stack, unsigned skip) {
    stack->count = skip == 0 ? 1 : 0;
    stack->frame[0] = (uintptr_t)__builtin_return_address(0);
}

void stack_capture_at(struct stack *stack, uintptr_t address, uintptr_t frame) {
    (void)frame;
    *stack = (struct stack){.count = 1, .frame = {address}};
}
#endif
