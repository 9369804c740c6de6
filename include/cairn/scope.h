/* Scopes: what is given back by itself where its variable ends, by return, break or falling
 * through.
 *
 *     cairn_autofree char *path = cairn_strcat(folder, "/index.html");
 *     cairn_auto(cairn_str_destroy) struct cairn_str text = {0};
 *     cairn_auto(cairn_map_dispose) struct cairn_map map;
 *     cairn_defer(unlock, &mutex);
 *     cairn_defer_block { count--; report(name, count); };
 *     ...
 *     return cairn_steal(path);                   // or hand it on
 *
 * They stand on the cleanup attribute of gcc and clang, in C and C++.  Several end in the reverse
 * of the order in which they were declared.  When not: exit, longjmp and signals that end the
 * process run none of it, nor does the end of a thread by pthread_exit in C without -fexceptions.
 *
 * A variable must have a value before any way out of its scope: initialise it where it is
 * declared.  Thread-safety, errors: those of the function that gives back.  Cost: that call,
 * nothing else.
 *
 * A block to defer is a nested function in gcc's C, and a lambda in C++.  Clang's C has neither
 * (its blocks want a runtime library), so cairn_defer_block is not defined there, which #ifdef
 * tells; a function with an argument is the same everywhere.
 */
#ifndef CAIRN_SCOPE_H
#define CAIRN_SCOPE_H

#include <string.h>

#include <cairn/cairn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Before a declaration: function(&variable) is called when the variable's scope ends. */
#define cairn_auto(function) __attribute__((cleanup(function)))

/* The same for a pointer from the heap, of any type: cairn_free(variable).  NULL is ignored. */
#define cairn_autofree cairn_auto(cairn_scope_free)

/* memcpy: the variable is a pointer to anything. */
static inline void cairn_scope_free(void *variable) {
    void *pointer;
    memcpy(&pointer, variable, sizeof pointer);
    cairn_free(pointer);
}

/* The pointer, which is NULL from now on: what it pointed to outlives the scope. */
#ifdef __cplusplus
#define cairn_steal(pointer) static_cast<__typeof__(pointer)>(cairn_scope_steal(&(pointer)))
#else
#define cairn_steal(pointer) ((__typeof__(pointer))cairn_scope_steal(&(pointer)))
#endif

static inline void *cairn_scope_steal(void *variable) {
    void *pointer;
    void *none = NULL;
    memcpy(&pointer, variable, sizeof pointer);
    memcpy(variable, &none, sizeof none);
    return pointer;
}

struct cairn_deferred {
    void (*function)(void *argument);
    void *argument;
};

static inline void cairn_scope_run(struct cairn_deferred *deferred) {
    deferred->function(deferred->argument);
}

/* As a statement: function(argument), a void (*)(void *), is called when the scope around it ends.
 * The argument is evaluated now. */
#define cairn_defer(function, argument)                                                         \
    cairn_auto(cairn_scope_run) __attribute__((unused)) struct cairn_deferred CAIRN_SCOPE_NAME( \
        cairn_deferred_, __LINE__) = {(function), (argument)}

/* As a statement, with a block behind and a semicolon at the end: the block is run when the scope
 * around it ends.  It sees the variables as they are then.  It ends by its last brace or by
 * return, which leaves the block only. */
#if defined(__cplusplus)
#define cairn_defer_block   \
    CAIRN_ATTRIBUTE(unused) \
    const auto &CAIRN_SCOPE_NAME(cairn_deferred_, __LINE__) = cairn_scope_maker{} + [&]()
#elif defined(__GNUC__) && !defined(__clang__)
#define cairn_defer_block                                                              \
    __extension__ auto void CAIRN_SCOPE_NAME(cairn_deferred_block_, __LINE__)(char *); \
    cairn_auto(CAIRN_SCOPE_NAME(cairn_deferred_block_, __LINE__))                      \
        __attribute__((unused)) char CAIRN_SCOPE_NAME(cairn_deferred_, __LINE__) = 0;  \
    __extension__ void CAIRN_SCOPE_NAME(cairn_deferred_block_,                         \
                                        __LINE__)(__attribute__((unused)) char *cairn_of)
#endif

#define CAIRN_SCOPE_NAME(prefix, line)   CAIRN_SCOPE_PASTED(prefix, line)
#define CAIRN_SCOPE_PASTED(prefix, line) prefix##line

#ifdef __cplusplus
}

/* What cairn_defer_block makes of its block. */
template <typename block> struct cairn_scope_block {
    block run;
    ~cairn_scope_block() { run(); }
};
struct cairn_scope_maker {
    template <typename block> cairn_scope_block<block> operator+(block run) const { return {run}; }
};
#endif

#endif
