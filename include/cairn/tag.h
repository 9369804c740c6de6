/* Tags: what a part of the program allocates, under a name.
 *
 *     static struct cairn_tag parser = CAIRN_TAG("parser");
 *
 *     cairn_auto(cairn_tag_leave) struct cairn_tag_scope scope = cairn_tag_enter(&parser);
 *     ...                                  // whatever this thread allocates here is the parser's
 *
 * A tag counts objects allocated and their bytes, as cairn_usable_size() has them: all that the
 * calling thread allocated from the heap in the scope, by malloc and every other name, exactly.
 * Nothing is counted when memory is allocated; at both ends of a scope the thread's bitmaps tell
 * how much it has allocated so far, and the difference is the scope's.
 *
 * When not: to know what is live, or who frees; nothing in an object says which tag it is of.  For
 * one place in the program that allocates little, as a scope costs more than a few allocations.
 *
 * Scopes nest, and the outer one counts what the inner one does.  A scope that is open has not been
 * counted yet.  Growth of a large object by realloc where it lies is no allocation.
 *
 * Thread-safety: any thread may use any tag at any time; a scope belongs to the thread that entered
 * it.  Ownership: a tag is the program's, is listed from its first scope on and must stay for ever;
 * so must its name.  Errors: none; a scope that another thread leaves is reported on stderr and
 * ends the process by abort().  A thread without memory for a heap, or at the very end of its life,
 * counts nothing.  Cost: about 0.25 us for each end of a scope, none in between.
 *
 * Programs built with clang's -fsanitize=alloc-token say with each allocation of what kind it is:
 * for each of the kinds 0 to 14 there is a tag "token N", and one for all others.  They count what
 * comes by malloc and operator new (not by calloc, realloc and the aligned forms), and their
 * figures are estimates: of the objects of a size class that are made ready at once, all are
 * counted for the kind that the first one is of.  Over many allocations that comes out right, if no
 * kind always comes first.  Under CAIRN_PROFILE=hardened the kinds that hold pointers share no slab
 * with the others (docs/PROFILES.md), whether by malloc or any other of these functions. */
#ifndef CAIRN_TAG_H
#define CAIRN_TAG_H

#include <stdint.h>

#include <cairn/cairn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cairn_tag {
    const char *name; /* the rest is zero at first and written by the library */
    uint64_t objects; /* allocated in all scopes that have ended */
    uint64_t bytes;   /* theirs */
    struct cairn_tag *next;
    uint32_t listed;
};

/* What a tag is initialised with, in C and C++. */
#define CAIRN_TAG(name) \
    { (name), 0, 0, NULL, 0 }

struct cairn_tag_scope {
    struct cairn_tag *tag;
    uintptr_t heap;   /* the thread's; 0: it has none and counts nothing */
    uint64_t objects; /* what the thread had allocated when it entered */
    uint64_t bytes;
};

/* Begins a scope.  NULL: one that counts nothing. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_tag_scope cairn_tag_enter(struct cairn_tag *tag);

/* Ends it: what the thread has allocated meanwhile is the tag's.  A second time does nothing. */
void cairn_tag_leave(struct cairn_tag_scope *scope);

struct cairn_tag_view {
    const char *name; /* "" if it has none */
    uint64_t objects;
    uint64_t bytes;
};

/* Calls visit(context, view) for each tag that had a scope, and each token that was met, the latest
 * one first.  Takes no lock; a visit may do anything. */
void cairn_tags_each(void (*visit)(void *context, const struct cairn_tag_view *tag), void *context);

#ifdef __cplusplus
}
#endif

#endif
