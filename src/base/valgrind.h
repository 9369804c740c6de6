/* Requests to Valgrind, under which the program may run: see "The Client Request mechanism" in its
 * manual.  A request is a sequence of instructions that do nothing on a processor and that Valgrind
 * knows when it translates them.  Written here, as its header is not on every machine that builds
 * cairn; on other processors than x86-64 nothing is asked. */
#ifndef CAIRN_BASE_VALGRIND_H
#define CAIRN_BASE_VALGRIND_H

#include <stdint.h>

/* Names as in the manual; numbers are part of its interface. */
enum {
    VALGRIND_RUNNING_ON_VALGRIND = 0x1001,
    VALGRIND_MAKE_MEM_NOACCESS = 'M' << 24 | 'C' << 16,
    VALGRIND_MAKE_MEM_DEFINED = VALGRIND_MAKE_MEM_NOACCESS + 2
};

#ifdef __x86_64__

/* 0 if nobody is there to answer. */
static inline uintptr_t valgrind_request(uintptr_t request, uintptr_t address, uintptr_t size) {
    volatile uintptr_t asked[6] = {request, address, size};
    uintptr_t answer = 0;
    __asm__ volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\t"
                     "xchgq %%rbx, %%rbx"
                     : "+d"(answer)
                     : "a"(asked)
                     : "cc", "memory");
    return answer;
}

#else

static inline uintptr_t valgrind_request(uintptr_t request, uintptr_t address, uintptr_t size) {
    (void)request;
    (void)address;
    (void)size;
    return 0;
}

#endif

#endif
