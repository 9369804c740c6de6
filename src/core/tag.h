/* Tags: see <cairn/tag.h>.
 *
 * What a heap has allocated is known without counting: bin.handed is what came to the bin, and what
 * is still in its word was not allocated.  Large objects and samples are counted. */
#ifndef CAIRN_CORE_TAG_H
#define CAIRN_CORE_TAG_H

#include <cairn/tag.h>

struct cairn_tag_scope tag_enter(struct cairn_tag *tag);
void tag_leave(const char *function, struct cairn_tag_scope *scope);
void tag_visit_each(void (*visit)(void *context, const struct cairn_tag_view *tag), void *context);

/* Kinds of allocations that compilers number; the last one stands for all from there on. */
enum { TAG_TOKENS = 16 };

/* Whether types of this kind hold pointers, in Clang's default mode, which gives these the upper
 * half of all numbers: of SIZE_MAX, or of the 4 that the functions with a number in their name are
 * for.  With another -falloc-token-max it can't be told, and is false. */
static inline bool token_holds_pointers(size_t token) {
    return token > SIZE_MAX / 2 || token == 2 || token == 3;
}

/* An object of `size` bytes has just come by the slow path, for an allocation of this kind: it and
 * what its bin has ready now are counted as the kind's. */
void tag_note_token(size_t token, size_t size);

#endif
