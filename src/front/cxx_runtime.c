#include "front/cxx_runtime.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/text.h"
#include "front/loaded.h"

#define WEAK __attribute__((weak))

/* Weak references: resolved where the program itself has a runtime, be it linked statically. */
extern void (*_ZSt15get_new_handlerv(void))(void) WEAK;  /* std::get_new_handler() */
extern void _ZSt17__throw_bad_allocv(void) WEAK;         /* std::__throw_bad_alloc() */
extern void *__cxa_allocate_exception(size_t size) WEAK; /* these five: the C++ ABI's throw */
extern void __cxa_throw(void *exception, void *type, void (*destroy)(void *)) WEAK;
extern char _ZTISt9bad_alloc[] WEAK;                   /* typeid of std::bad_alloc */
extern void *_ZTVSt9bad_alloc[] WEAK;                  /* its virtual table */
extern void _ZNSt9bad_allocD1Ev(void *exception) WEAK; /* its destructor */

/* --- runtimes out of our sight ---------------------------------------------------------------- */

static void *find(const char *name) { return loaded_function("_ZSt15get_new_handlerv", name); }

/* ISO C has no conversion from an object's address to a function's; POSIX says that the bits are
 * the same. */
#define FIND_FUNCTION(function, name)                \
    do {                                             \
        void *symbol = find(name);                   \
        memcpy(&(function), &symbol, sizeof symbol); \
    } while (0)

void (*cxx_new_handler(void))(void) {
    void (*(*get)(void))(void) = _ZSt15get_new_handlerv;
    if (get == NULL) {
        FIND_FUNCTION(get, "_ZSt15get_new_handlerv");
    }
    return get != NULL ? get() : NULL;
}

cxx_nothrow_new cxx_find_nothrow_new(void) {
    cxx_nothrow_new function;
    FIND_FUNCTION(function, "_ZnwmRKSt9nothrow_t");
    return function;
}

cxx_nothrow_new_aligned cxx_find_nothrow_new_aligned(void) {
    cxx_nothrow_new_aligned function;
    FIND_FUNCTION(function, "_ZnwmSt11align_val_tRKSt9nothrow_t");
    return function;
}

/* --- throwing --------------------------------------------------------------------------------- */

static _Noreturn void give_up(size_t size) {
    struct text text = {0};
    text_string(&text, "cairn: operator new: out of memory for ");
    text_decimal(&text, size);
    text_string(&text, " bytes, and no C++ runtime to throw bad_alloc with\n");
    (void)text_write(&text, 2);
    abort();
}

/* What the compiler makes of `throw std::bad_alloc()`.  A static program that catches bad_alloc has
 * these five, but not always the runtime's function for it. */
static void throw_by_abi(void) {
    if (__cxa_allocate_exception == NULL || __cxa_throw == NULL || _ZTISt9bad_alloc == NULL ||
        _ZTVSt9bad_alloc == NULL || _ZNSt9bad_allocD1Ev == NULL) {
        return;
    }
    void **exception = __cxa_allocate_exception(sizeof(void *));
    /* An object of it is a pointer to its virtual table, which begins behind two words. */
    *exception = &_ZTVSt9bad_alloc[2];
    __cxa_throw(exception, _ZTISt9bad_alloc, _ZNSt9bad_allocD1Ev);
}

_Noreturn void cxx_throw_bad_alloc(size_t size) {
    void (*throw_it)(void) = _ZSt17__throw_bad_allocv;
    if (throw_it == NULL) {
        throw_by_abi();
        FIND_FUNCTION(throw_it, "_ZSt17__throw_bad_allocv");
    }
    if (throw_it != NULL) {
        throw_it();
    }
    give_up(size);
}
