/* An operating system that fails when told to.
 *
 * Programs linked with it (--wrap, see cmake/CairnTests.cmake) reach the functions of os/os.h
 * below through counting ones, which refuse the n-th call of the chosen kinds in the way the
 * contract allows: nothing happens, NULL, false or EIO is returned (a file is closed even so).
 * All other calls go to the real functions. */
#ifndef CAIRN_TESTS_OS_OS_FAULTY_H
#define CAIRN_TESTS_OS_OS_FAULTY_H

#include <stdbool.h>
#include <stddef.h>

enum os_call {
    OS_CALL_RESERVE,
    OS_CALL_COMMIT,
    OS_CALL_MAP,
    OS_CALL_PURGE,
    OS_CALL_MOVE,
    OS_CALL_MAP_ANEW,
    OS_CALL_THREAD_EXIT,
    OS_CORE_CALLS, /* those before are what the core asks for; those after, what regions do */
    OS_CALL_DISCARD = OS_CORE_CALLS,
    OS_CALL_NAME,
    OS_CALL_FILE_OPEN,
    OS_CALL_FILE_CLOSE,
    OS_CALL_FILE_SIZE,
    OS_CALL_FILE_RESIZE,
    OS_CALL_MEMORY_FILE,
    OS_CALL_MAP_FILE,
    OS_CALL_FLUSH,
    OS_CALL_ADVISE,
    OS_CALL_BUS_ERROR,
    OS_CALL_SLOT_WRITE,
    OS_CALL_PROTECT,
    OS_CALL_FAULT,
    OS_CALLS
};

enum { OS_ALL_CALLS = (1 << OS_CALLS) - 1 };

/* From now on the n-th call (the first is 1) of those kinds whose bits are set fails; with
 * `onwards` all after it too.  n = 0: none.  Starts counting anew. */
void os_faulty_arm(unsigned kinds, size_t n, bool onwards);

size_t os_faulty_calls(enum os_call kind); /* calls of this kind since it was armed */
size_t os_faulty_failures(void);           /* calls that were refused since then */

#endif
