/* Object caches: objects of one type that are dear to make ready and stay ready between uses.
 *
 *     CAIRN_OBJECT_CACHE(connection_cache, struct connection)
 *
 *     static bool make_ready(void *object, void *context) { ... buffers, mutexes, lists ... }
 *     static void take_apart(void *object, void *context) { ... }
 *
 *     const struct cairn_object_cache_options options = {
 *         .name = "connections", .construct = make_ready, .destruct = take_apart};
 *     struct connection_cache connections;
 *     connection_cache_create(&connections, &options);
 *     struct connection *connection = connection_cache_take(&connections);
 *     connection_cache_give(&connections, connection);
 *
 * An object is constructed when its place is used for the first time, and destructed when its slab
 * goes back to the allocator.  In between it is given back in its constructed state, and found in
 * it by whoever takes it next: the caller brings it into that state before it gives it.
 *
 * When not: objects that cost nothing to make ready (a pool, malloc).
 *
 * Bonwick, "The slab allocator" (1994); Bonwick and Adams, "Magazines and vmem" (2001).  What is
 * free is written outside the objects, not into them.  Idle objects cost memory until the cache is
 * reaped: cairn_purge() and malloc_trim() reap all caches.
 *
 * Thread-safety: everything but destroy may be called by any thread at any time, by constructors
 * and destructors of other caches, too.  The child of a fork may use the caches that no other
 * thread was using.
 * Ownership: an object is the caller's from take to give.
 * Errors: no memory, and a constructor that failed, are NULL.  Giving what is not a live object of
 * the cache (free already, inside an object, foreign), destroying a cache whose objects are live,
 * and using a destroyed one (as long as its memory has no other use) is reported on stderr and ends
 * the process by abort().  NULL for a cache is a SIGSEGV but in destroy.
 * Cost: take and give are a call, a spin lock that other threads avoid, and an exchange; one in 64
 * or so goes to the cache's own lock.  Slabs waste an eighth at most.
 *
 * Under the address sanitizer and Valgrind the bytes of free objects are poisoned. */
#ifndef CAIRN_OBJECT_CACHE_H
#define CAIRN_OBJECT_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cairn/allocator.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cairn_object_cache;

struct cairn_object_cache_options {
    const char *name; /* as reports and cairn_regions_each show it; not copied; NULL: none */
    const struct cairn_allocator *allocator; /* copied; NULL: the heap; thread-safe, if several
                                                threads use the cache */
    size_t alignment; /* of the objects, a power of two; 0: what their size implies, 16 at most */
    /* Makes memory with undefined contents an object; false if it can't, having undone what it did.
     * NULL: objects need nothing.  Called without a lock, on the thread that takes. */
    bool (*construct)(void *object, void *context);
    /* Undoes construct; NULL: nothing to undo.  On the thread that reaps or destroys. */
    void (*destruct)(void *object, void *context);
    void *context; /* handed to both */
};

struct cairn_object_cache_figures {
    size_t used;          /* bytes of the live objects */
    size_t reserved;      /* bytes of all memory held */
    size_t peak;          /* bytes of the most objects that were live or in magazines at once */
    size_t live;          /* objects that were taken and not given back */
    size_t idle;          /* constructed objects that wait to be taken */
    size_t object_bytes;  /* from object to object */
    size_t slabs;         /* held now */
    size_t slab_bytes;    /* of one slab */
    size_t slab_objects;  /* in one slab */
    size_t magazine_size; /* objects of a new magazine; grows when threads wait for each other */
    uint64_t takes;       /* since the cache was made, as all below */
    uint64_t gives;
    uint64_t slow_takes;  /* that no magazine served */
    uint64_t constructed; /* calls of construct that succeeded */
    uint64_t destructed;
    uint64_t contended; /* times that a thread had to wait for the cache's lock */
};

/* Destructs all objects and gives all memory back.  No other thread may use the cache any more;
 * live objects are reported.  NULL is ignored. */
void cairn_object_cache_destroy(struct cairn_object_cache *cache);

/* Makes a cache of objects of `size` bytes (0 is as 1).  options may be NULL, for all zero.  It is
 * behind a pointer, where pools and arenas are variables of the caller's, as it is 4 KiB in lines
 * that threads keep apart.  NULL
 * with errno EINVAL: size above 16 MiB, or an alignment that is no power of two or above 64 KiB;
 * ENOMEM: no memory. */
CAIRN_OWNED_BY(cairn_object_cache_destroy)
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_object_cache *
cairn_object_cache_create(size_t size, const struct cairn_object_cache_options *options);

/* Ends the caller's use of an object, which is in its constructed state.  NULL is ignored. */
void cairn_object_cache_give(struct cairn_object_cache *cache, void *object);

/* A constructed object.  NULL: no memory, or its construction failed. */
CAIRN_OWNED_BY_PARAMETER(cairn_object_cache_give, 2)
CAIRN_ATTRIBUTE(warn_unused_result)
void *cairn_object_cache_take(struct cairn_object_cache *cache);

/* Empties all magazines (but those that another thread is at just now), destructs the objects of
 * slabs that are wholly idle, and gives these back.  Returns the bytes. */
size_t cairn_object_cache_reap(struct cairn_object_cache *cache);

/* Counts; what other threads do meanwhile is in it or not. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_object_cache_figures cairn_object_cache_statistics(struct cairn_object_cache *cache);

/* The same of the cache of that name, which is not NULL, the latest made if there are several.
 * False: there is none. */
CAIRN_ATTRIBUTE(warn_unused_result)
bool cairn_object_cache_statistics_of(const char *name, struct cairn_object_cache_figures *figures);

/* --- a cache of a type ------------------------------------------------------------------------ */

/* Declares `struct name` and name_create(), which says whether it succeeded, name_destroy(),
 * name_take() and name_give(): what is above, with pointers to `type`.  (struct name).cache is for
 * the rest. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type may not stand in parentheses. */
#define CAIRN_OBJECT_CACHE(name, type)                                                   \
    struct name {                                                                        \
        struct cairn_object_cache *cache;                                                \
    };                                                                                   \
    CAIRN_ATTRIBUTE(unused, warn_unused_result)                                          \
    static inline bool name##_create(struct name *typed,                                 \
                                     const struct cairn_object_cache_options *options) { \
        struct cairn_object_cache_options own = {0, 0, 0, 0, 0, 0};                      \
        if (options != NULL) {                                                           \
            own = *options;                                                              \
        }                                                                                \
        if (own.alignment < CAIRN_ALIGNOF(type)) {                                       \
            own.alignment = CAIRN_ALIGNOF(type);                                         \
        }                                                                                \
        typed->cache = cairn_object_cache_create(sizeof(type), &own);                    \
        return typed->cache != NULL;                                                     \
    }                                                                                    \
    CAIRN_ATTRIBUTE(unused)                                                              \
    static inline void name##_destroy(struct name *typed) {                              \
        cairn_object_cache_destroy(typed->cache);                                        \
        typed->cache = NULL;                                                             \
    }                                                                                    \
    CAIRN_ATTRIBUTE(unused, warn_unused_result)                                          \
    static inline type *name##_take(struct name *typed) {                                \
        return CAIRN_POINTER(type, cairn_object_cache_take(typed->cache));               \
    }                                                                                    \
    CAIRN_ATTRIBUTE(unused)                                                              \
    static inline void name##_give(struct name *typed, type *object) {                   \
        cairn_object_cache_give(typed->cache, object);                                   \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

#ifdef __cplusplus
}
#endif

#endif
