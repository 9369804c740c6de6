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
 * Thread-safety: as a plain variable's.  Ownership: the array owns its memory until it is destroyed,
 * the allocator must live as long; items are copied in and out and are the caller's affair.
 * All zeros is an empty array on the heap, and so is a destroyed one, which may be used again.
 * Errors: what needs memory returns false if there is none or the size would overflow; the array is
 * as it was then.  Cost: push is a comparison and a store; growing doubles the memory, in place where
 * the allocator can, so that n pushes copy fewer than 2 n items.
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
#define CAIRN_VEC_ALIGNMENT(type) alignof(type)
extern "C" {
#else
#define CAIRN_VEC_ALIGNMENT(type) _Alignof(type)
#endif

/* What the functions below share; not to be called by programs. */

/* Room for `needed` items at least, for twice *capacity if that is to be had.  The new address of
 * the items and *capacity; or NULL, with nothing changed. */
void *cairn_vec_grow(const struct cairn_allocator *allocator, void *items, size_t *capacity,
                     size_t needed, size_t item_size, size_t alignment);

/* Room for exactly `count` items, none for 0; if that can't be had, what was there. */
void *cairn_vec_fit(const struct cairn_allocator *allocator, void *items, size_t *capacity,
                    size_t count, size_t item_size, size_t alignment);

CAIRN_ATTRIBUTE(noreturn, cold)
void cairn_vec_misuse(const char *function, size_t index, size_t count);

#ifdef NDEBUG
#define CAIRN_VEC_CHECK(holds, function, index, count) ((void)0)
#else
#define CAIRN_VEC_CHECK(holds, function, index, count) \
    ((holds) ? (void)0 : cairn_vec_misuse(function, index, count))
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

#define CAIRN_VEC_FUNCTION __attribute__((unused)) static inline

#define CAIRN_VEC_MEMORY(name, type)                                                               \
    CAIRN_VEC_FUNCTION void name##_init(struct name *vec,                                          \
                                        const struct cairn_allocator *allocator) {                 \
        vec->items = NULL;                                                                         \
        vec->count = 0;                                                                            \
        vec->capacity = 0;                                                                         \
        vec->allocator = allocator;                                                                \
    }                                                                                              \
    CAIRN_VEC_FUNCTION void name##_destroy(struct name *vec) {                                     \
        cairn_release(vec->allocator, vec->items, vec->capacity * sizeof(type),                    \
                      CAIRN_VEC_ALIGNMENT(type));                                                  \
        name##_init(vec, vec->allocator);                                                          \
    }                                                                                              \
    CAIRN_VEC_FUNCTION bool name##_reserve(struct name *vec, size_t number) {                      \
        if (number <= vec->capacity) {                                                             \
            return true;                                                                           \
        }                                                                                          \
        void *grown = cairn_vec_grow(vec->allocator, vec->items, &vec->capacity, number,           \
                                     sizeof(type), CAIRN_VEC_ALIGNMENT(type));                     \
        if (grown == NULL) {                                                                       \
            return false;                                                                          \
        }                                                                                          \
        vec->items = (type *)grown;                                                                \
        return true;                                                                               \
    }                                                                                              \
    CAIRN_VEC_FUNCTION void name##_shrink(struct name *vec) {                                      \
        vec->items = (type *)cairn_vec_fit(vec->allocator, vec->items, &vec->capacity, vec->count, \
                                           sizeof(type), CAIRN_VEC_ALIGNMENT(type));               \
    }                                                                                              \
    CAIRN_VEC_FUNCTION void name##_clear(struct name *vec) { vec->count = 0; }

/* The sum in append overflows only for a number that is refused, as no array is that large. */
#define CAIRN_VEC_ENDS(name, type)                                                              \
    CAIRN_VEC_FUNCTION bool name##_push(struct name *vec, type item) {                          \
        if (__builtin_expect(vec->count == vec->capacity, 0) &&                                 \
            !name##_reserve(vec, vec->count + 1)) {                                             \
            return false;                                                                       \
        }                                                                                       \
        vec->items[vec->count++] = item;                                                        \
        return true;                                                                            \
    }                                                                                           \
    CAIRN_VEC_FUNCTION bool name##_append(struct name *vec, const type *items, size_t number) { \
        size_t own = (size_t)((uintptr_t)items - (uintptr_t)vec->items) / sizeof(type);         \
        bool is_own = own < vec->count && vec->items != NULL;                                   \
        if (number > PTRDIFF_MAX / sizeof(type) || !name##_reserve(vec, vec->count + number)) { \
            return false;                                                                       \
        }                                                                                       \
        if (number != 0) {                                                                      \
            memmove((void *)(vec->items + vec->count), is_own ? vec->items + own : items,       \
                    number * sizeof(type));                                                     \
        }                                                                                       \
        vec->count += number;                                                                   \
        return true;                                                                            \
    }                                                                                           \
    CAIRN_VEC_FUNCTION type name##_pop(struct name *vec) {                                      \
        if (__builtin_expect(vec->count == 0, 0)) {                                             \
            cairn_vec_misuse(#name "_pop", 0, 0);                                               \
        }                                                                                       \
        return vec->items[--vec->count];                                                        \
    }

#define CAIRN_VEC_ITEMS(name, type)                                                 \
    CAIRN_VEC_FUNCTION type name##_get(const struct name *vec, size_t index) {      \
        CAIRN_VEC_CHECK(index < vec->count, #name "_get", index, vec->count);       \
        return vec->items[index];                                                   \
    }                                                                               \
    CAIRN_VEC_FUNCTION void name##_set(struct name *vec, size_t index, type item) { \
        CAIRN_VEC_CHECK(index < vec->count, #name "_set", index, vec->count);       \
        vec->items[index] = item;                                                   \
    }                                                                               \
    CAIRN_VEC_FUNCTION type *name##_at(const struct name *vec, size_t index) {      \
        CAIRN_VEC_CHECK(index < vec->count, #name "_at", index, vec->count);        \
        return &vec->items[index];                                                  \
    }

#define CAIRN_VEC_MIDDLE(name, type)                                                   \
    CAIRN_VEC_FUNCTION bool name##_insert(struct name *vec, size_t index, type item) { \
        if (index > vec->count) {                                                      \
            cairn_vec_misuse(#name "_insert", index, vec->count);                      \
        }                                                                              \
        if (!name##_reserve(vec, vec->count + 1)) {                                    \
            return false;                                                              \
        }                                                                              \
        type *place = vec->items + index;                                              \
        memmove((void *)(place + 1), place, (vec->count - index) * sizeof(type));      \
        *place = item;                                                                 \
        vec->count++;                                                                  \
        return true;                                                                   \
    }                                                                                  \
    CAIRN_VEC_FUNCTION type name##_remove(struct name *vec, size_t index) {            \
        if (index >= vec->count) {                                                     \
            cairn_vec_misuse(#name "_remove", index, vec->count);                      \
        }                                                                              \
        type *place = vec->items + index;                                              \
        type item = *place;                                                            \
        vec->count--;                                                                  \
        memmove((void *)place, place + 1, (vec->count - index) * sizeof(type));        \
        return item;                                                                   \
    }                                                                                  \
    CAIRN_VEC_FUNCTION type name##_remove_swap(struct name *vec, size_t index) {       \
        if (index >= vec->count) {                                                     \
            cairn_vec_misuse(#name "_remove_swap", index, vec->count);                 \
        }                                                                              \
        type item = vec->items[index];                                                 \
        vec->items[index] = vec->items[--vec->count];                                  \
        return item;                                                                   \
    }

#endif
