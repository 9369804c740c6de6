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

static bool within(const struct os_range *mapping, uintptr_t address) {
    return address - mapping->address < mapping->size;
}

/* Finds out which stack it is that `here` lies in. */
static SLOW_PATH void look(uintptr_t here) {
    struct os_range mapping;
    uintptr_t end = os_thread_handle();
    uint32_t flag = 0;
    if (!os_find_mapping(here, &mapping)) {
        own_stack = STACK_UNKNOWN;
        return;
    }
    if (!within(&mapping, end)) {
        end = os_first_stack_end();
        flag = STACK_OF_FIRST;
    }
    uintptr_t units = (end - mapping.address) >> UNIT_SHIFT;
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

/* What a function with a frame pointer leaves at the address in it (x86-64, AArch64, RISC-V's
 * differs and is not followed). */
struct frame_record {
    uintptr_t caller; /* frame pointer of the calling function */
    uintptr_t return_address;
};

#if defined(__x86_64__) || defined(__aarch64__)
/* Code without frame pointers leaves anything in the register: the record is read only where there
 * is memory for certain, by the kernel where that is not known. */
__attribute__((no_sanitize_address)) static bool
read_record(const struct bounds *bounds, uintptr_t address, struct frame_record *record) {
    if (address % sizeof(uintptr_t) != 0) {
        return false;
    }
    if (unlikely(bounds->high == 0)) {
        return os_read_memory(address, record, sizeof *record);
    }
    if (address < bounds->low || address > bounds->high - sizeof *record) {
        return false;
    }
    *record = *(const struct frame_record *)address;
    return true;
}

__attribute__((noinline)) void stack_capture(struct stack *stack, unsigned skip) {
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    struct bounds bounds = bounds_around(frame);
    struct frame_record record;
    uint32_t count = 0;
    while (count < STACK_FRAMES && read_record(&bounds, frame, &record) &&
           record.return_address >= os_page_size()) {
        if (skip > 0) {
            skip--;
        } else {
            stack->frame[count++] = record.return_address;
        }
        if (record.caller <= frame) {
            break;
        }
        frame = record.caller;
    }
    stack->count = count;
}
#else
__attribute__((noinline)) void stack_capture(struct stack *stack, unsigned skip) {
    stack->count = skip == 0 ? 1 : 0;
    stack->frame[0] = (uintptr_t)__builtin_return_address(0);
}
#endif
