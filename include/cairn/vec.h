/* Arrays that grow, of any one type, on any allocator.
 *
 *     CAIRN_VEC(numbers, int)
 *
 *     struct numbers squares = {0};
 *     for (int i = 0; i < 10; i++) {
 *         if (!numbers_push(&squares, i * i)) { ... no memory ... }
 *     }
 *     printf("%zu of them, the last is %d\n", squares.count, numbers_get(&squares, 9));
 *     numbers_destroy(&squares);
 *
 * When not: for a number of items that is known and small use a plain array; where items must not
 * move, or where pointers to them are kept, a pool.  In C++, for types that memcpy may copy only.
 *
 * Thread-safety: as a plain variable's.  Ownership: the array owns its memory until it is
 * destroyed, the allocator must live as long; items are copied in and out and are the caller's
 * affair.  All zeros is an empty array on the heap, and so is a destroyed one, which may be used
 * again.  Errors: what needs memory returns false if there is none or the size would overflow; the
 * array is as it was then.  Cost: push is a comparison and a store; growing doubles the memory, in
 * place where the allocator can, so that n pushes copy fewer than 2 n items.
 *
 * An index that is out of range is one line on stderr and abort(): in get, set and at only where
 * NDEBUG is not defined, in all other functions always. */
#ifndef CAIRN_VEC_H
#define CAIRN_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cairn/allocator.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the functions below share; not to be called by programs. */

/* Room for `needed` items at least, for twice *capacity if that is to be had.  The new address of
 * the items and *capacity; or NULL, with nothing changed. */
CAIRN_ATTRIBUTE(warn_unused_result)
void *cairn_vec_grow(const struct cairn_allocator *allocator, void *items, size_t *capacity,
                     size_t needed, size_t item_size, size_t alignment);

/* Room for exactly `count` items, none for 0; if that can't be had, what was there. */
CAIRN_ATTRIBUTE(warn_unused_result)
void *cairn_vec_fit(const struct cairn_allocator *allocator, void *items, size_t *capacity,
                    size_t count, size_t item_size, size_t alignment);

/* Bytes from one address to another, of any two arrays. */
static inline size_t cairn_vec_distance(const void *from, const void *to) {
    return (uintptr_t)to - (uintptr_t)from;
}

CAIRN_ATTRIBUTE(noreturn, cold)
void cairn_vec_misuse(const char *function, const void *vec, size_t index, size_t count);

#ifdef NDEBUG
#define CAIRN_VEC_CHECK(holds, function, vec, index) ((void)0)
#else
#define CAIRN_VEC_CHECK(holds, function, vec, index) \
    ((holds) ? (void)0 : cairn_vec_misuse(function, vec, index, (vec)->count))
#endif

#ifdef __cplusplus
}
#endif

/* Defines struct name and its functions, in a file or a header:
 *
 *     struct name { type *items; size_t count; size_t capacity; allocator }
 *
 *     init(vec, allocator)           empty, on an allocator (NULL: the heap)
 *     destroy(vec)                   gives the memory back
 *     push(vec, item)                appends one
 *     append(vec, items, number)     appends several; they may be the array's own
 *     pop(vec)                       takes the last one away and returns it
 *     get(vec, index)                a copy of an item
 *     set(vec, index, item)          overwrites one
 *     at(vec, index)                 its address, until the array grows or shrinks next
 *     insert(vec, index, item)       at an index up to count; those behind move up
 *     remove(vec, index)             returns it; those behind move down
 *     remove_swap(vec, index)        returns it; the last one takes its place, in constant time
 *     reserve(vec, number)           room for so many in all: pushes up to there can't fail
 *     shrink(vec)                    gives back the room that is not used, if the allocator can
 *     clear(vec)                     no items, the room stays
 *
 * items[0 .. count) may be read and written directly; count <= capacity. */
#define CAIRN_VEC(name, type)                                         \
    struct name {                                                     \
        type *items;                                                  \
        size_t count;                                                 \
        size_t capacity;                                              \
        const struct cairn_allocator *allocator; /* NULL: the heap */ \
    };                                                                \
    CAIRN_VEC_MEMORY(name, type)                                      \
    CAIRN_VEC_ENDS(name, type)                                        \
    CAIRN_VEC_ITEMS(name, type)                                       \
    CAIRN_VEC_MIDDLE(name, type)

#define CAIRN_VEC_FUNCTION CAIRN_ATTRIBUTE(unused) static inline

#define CAIRN_VEC_MEMORY(name, type)                                                               \
    CAIRN_VEC_FUNCTION void name##_init(struct name *vec_,                                         \
                                        const struct cairn_allocator *allocator_) {                \
        (void)sizeof(char[sizeof(type) != 0 ? 1 : -1]); /* not of nothing: GNU C's empty struct */ \
        vec_->items = NULL;                                                                        \
        vec_->count = 0;                                                                           \
        vec_->capacity = 0;                                                                        \
        vec_->allocator = allocator_;                                                              \
    }                                                                                              \
    CAIRN_VEC_FUNCTION void name##_destroy(struct name *vec_) {                                    \
        cairn_release(vec_->allocator, vec_->items, vec_->capacity * sizeof(type),                 \
                      CAIRN_ALIGNOF(type));                                                        \
        name##_init(vec_, vec_->allocator);                                                        \
    }                                                                                              \
    CAIRN_VEC_FUNCTION bool name##_reserve(struct name *vec_, size_t number_) {                    \
        if (number_ <= vec_->capacity) {                                                           \
            return true;                                                                           \
        }                                                                                          \
        void *grown_ = cairn_vec_grow(vec_->allocator, vec_->items, &vec_->capacity, number_,      \
                                      sizeof(type), CAIRN_ALIGNOF(type));                          \
        if (grown_ == NULL) {                                                                      \
            return false;                                                                          \
        }                                                                                          \
        vec_->items = CAIRN_POINTER(type, grown_);                                                 \
        return true;                                                                               \
    }                                                                                              \
    CAIRN_VEC_FUNCTION void name##_shrink(struct name *vec_) {                                     \
        vec_->items =                                                                              \
            CAIRN_POINTER(type, cairn_vec_fit(vec_->allocator, vec_->items, &vec_->capacity,       \
                                              vec_->count, sizeof(type), CAIRN_ALIGNOF(type)));    \
    }                                                                                              \
    CAIRN_VEC_FUNCTION void name##_clear(struct name *vec_) { vec_->count = 0; }

/* Names end in an underscore, so that a type may be called item; const comes after the type, which
 * may begin with one.  No sum of a count and a number of items overflows: both are at most
 * PTRDIFF_MAX. */
#define CAIRN_VEC_ENDS(name, type)                                                                 \
    CAIRN_VEC_FUNCTION bool name##_push(struct name *vec_, type item_) {                           \
        if (__builtin_expect(vec_->count == vec_->capacity, 0) &&                                  \
            !name##_reserve(vec_, vec_->count + 1)) {                                              \
            return false;                                                                          \
        }                                                                                          \
        vec_->items[vec_->count++] = item_;                                                        \
        return true;                                                                               \
    }                                                                                              \
    CAIRN_VEC_FUNCTION bool name##_append(struct name *vec_, type const *items_, size_t number_) { \
        size_t own_ = cairn_vec_distance(vec_->items, items_) / sizeof(type);                      \
        bool is_own_ = own_ < vec_->count && vec_->items != NULL;                                  \
        if (number_ > PTRDIFF_MAX / sizeof(type) ||                                                \
            !name##_reserve(vec_, vec_->count + number_)) {                                        \
            return false;                                                                          \
        }                                                                                          \
        if (number_ != 0) {                                                                        \
            memmove(CAIRN_POINTER(void, vec_->items + vec_->count),                                \
                    is_own_ ? vec_->items + own_ : items_, number_ * sizeof(type));                \
        }                                                                                          \
        vec_->count += number_;                                                                    \
        return true;                                                                               \
    }                                                                                              \
    CAIRN_VEC_FUNCTION type name##_pop(struct name *vec_) {                                        \
        if (__builtin_expect(vec_->count == 0, 0)) {                                               \
            cairn_vec_misuse(#name "_pop", vec_, 0, 0);                                            \
        }                                                                                          \
        return vec_->items[--vec_->count];                                                         \
    }

#define CAIRN_VEC_ITEMS(name, type)                                                    \
    CAIRN_VEC_FUNCTION type name##_get(const struct name *vec_, size_t index_) {       \
        CAIRN_VEC_CHECK(index_ < vec_->count, #name "_get", vec_, index_);             \
        return vec_->items[index_];                                                    \
    }                                                                                  \
    CAIRN_VEC_FUNCTION void name##_set(struct name *vec_, size_t index_, type item_) { \
        CAIRN_VEC_CHECK(index_ < vec_->count, #name "_set", vec_, index_);             \
        vec_->items[index_] = item_;                                                   \
    }                                                                                  \
    CAIRN_VEC_FUNCTION type *name##_at(const struct name *vec_, size_t index_) {       \
        CAIRN_VEC_CHECK(index_ < vec_->count, #name "_at", vec_, index_);              \
        return &vec_->items[index_];                                                   \
    }

#define CAIRN_VEC_MIDDLE(name, type)                                                      \
    CAIRN_VEC_FUNCTION bool name##_insert(struct name *vec_, size_t index_, type item_) { \
        if (index_ > vec_->count) {                                                       \
            cairn_vec_misuse(#name "_insert", vec_, index_, vec_->count);                 \
        }                                                                                 \
        if (!name##_reserve(vec_, vec_->count + 1)) {                                     \
            return false;                                                                 \
        }                                                                                 \
        memmove(CAIRN_POINTER(void, vec_->items + index_ + 1), vec_->items + index_,      \
                (vec_->count - index_) * sizeof(type));                                   \
        vec_->items[index_] = item_;                                                      \
        vec_->count++;                                                                    \
        return true;                                                                      \
    }                                                                                     \
    CAIRN_VEC_FUNCTION type name##_remove(struct name *vec_, size_t index_) {             \
        if (index_ >= vec_->count) {                                                      \
            cairn_vec_misuse(#name "_remove", vec_, index_, vec_->count);                 \
        }                                                                                 \
        type item_ = vec_->items[index_];                                                 \
        vec_->count--;                                                                    \
        memmove(CAIRN_POINTER(void, vec_->items + index_), vec_->items + index_ + 1,      \
                (vec_->count - index_) * sizeof(type));                                   \
        return item_;                                                                     \
    }                                                                                     \
    CAIRN_VEC_FUNCTION type name##_remove_swap(struct name *vec_, size_t index_) {        \
        if (index_ >= vec_->count) {                                                      \
            cairn_vec_misuse(#name "_remove_swap", vec_, index_, vec_->count);            \
        }                                                                                 \
        type item_ = vec_->items[index_];                                                 \
        vec_->items[index_] = vec_->items[--vec_->count];                                 \
        return item_;                                                                     \
    }

#endif
