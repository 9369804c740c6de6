/* What arrays of all types share. */
#include <cairn/vec.h>

#include "base/compiler.h"
#include "core/report.h"

/* A first array is a cache line, or one item if that is larger. */
static size_t least(size_t item_size) {
    return item_size >= CACHE_LINE ? 1 : CACHE_LINE / item_size;
}

CAIRN_EXPORT void *cairn_vec_grow(const struct cairn_allocator *allocator, void *items,
                                  size_t *capacity, size_t needed, size_t item_size,
                                  size_t alignment) {
    size_t most = PTRDIFF_MAX / item_size;
    if (needed > most) {
        return NULL;
    }
    size_t doubled = *capacity > most / 2 ? most : *capacity * 2;
    size_t wanted = doubled > least(item_size) ? doubled : least(item_size);
    wanted = wanted > needed ? wanted : needed;
    size_t old_size = *capacity * item_size;
    void *grown = cairn_resize(allocator, items, old_size, wanted * item_size, alignment);
    if (grown == NULL && wanted > needed) { /* memory is short */
        wanted = needed;
        grown = cairn_resize(allocator, items, old_size, wanted * item_size, alignment);
    }
    if (grown != NULL) {
        *capacity = wanted;
    }
    return grown;
}

CAIRN_EXPORT void *cairn_vec_fit(const struct cairn_allocator *allocator, void *items,
                                 size_t *capacity, size_t count, size_t item_size,
                                 size_t alignment) {
    if (count == *capacity) {
        return items;
    }
    size_t old_size = *capacity * item_size;
    void *fitting = cairn_resize(allocator, items, old_size, count * item_size, alignment);
    if (fitting == NULL && count != 0) {
        return items;
    }
    *capacity = count;
    return fitting;
}

CAIRN_EXPORT _Noreturn void cairn_vec_misuse(const char *function, const void *vec, size_t index,
                                             size_t count) {
    struct text text;
    report_begin(&text, function, (uintptr_t)vec);
    text_string(&text, "index ");
    text_decimal(&text, index);
    text_string(&text, " in an array of ");
    text_decimal(&text, count);
    text_string(&text, " items");
    report_end(&text);
}
