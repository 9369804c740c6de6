#include "guard/damage.h"

#include "core/report.h"
#include "guard/canary.h"

bool damage_has_history;

void damage_around(const char *function, uintptr_t object, size_t size, ptrdiff_t offset,
                   size_t count) {
    struct life life = {.asked = size};
    report_finding(function,
                   &(struct finding){.what = offset < 0 ? FOUND_UNDERFLOW : FOUND_OVERFLOW,
                                     .address = object,
                                     .object = object,
                                     .size = size,
                                     .life = size != 0 && !damage_has_history ? &life : NULL,
                                     .offset = offset,
                                     .bytes = count,
                                     .found = (const unsigned char *)object + offset});
}

static bool is_right(const char *fill, size_t i, size_t keyed, uint64_t key) {
    return i < keyed ? canary_is_right(fill, i, key) : fill[i] == 0;
}

/* Of what is behind the object, up to `room`, the first `keyed` bytes were the key's, and the
 * others zero. */
static void damage_behind(const char *function, uintptr_t object, size_t size, size_t room,
                          size_t keyed) {
    uint64_t key = canary_key(object);
    const char *fill = (const char *)object + size;
    size_t first = 0, end = room - size;
    while (first + 1 < end && is_right(fill, first, keyed, key)) {
        first++;
    }
    while (end > first + 1 && is_right(fill, end - 1, keyed, key)) {
        end--;
    }
    damage_around(function, object, size, (ptrdiff_t)(size + first), end - first);
}

void damage_canary(const char *function, uintptr_t object, size_t room) {
    uint64_t key = canary_key(object);
    size_t fill_end = room - sizeof key;
    uint64_t length = canary_read((const char *)object + fill_end) ^ key;
    if (length - CANARY_LEAST > room - CANARY_LEAST) {
        /* How long the object is was overwritten too. */
        report_finding(function, &(struct finding){.what = FOUND_OVERFLOW,
                                                   .address = object,
                                                   .object = object,
                                                   .size = room,
                                                   .offset = (ptrdiff_t)fill_end,
                                                   .bytes = sizeof key,
                                                   .found = (unsigned char *)object + fill_end});
        return;
    }
    damage_behind(function, object, room - length, fill_end, canary_keyed(length - CANARY_LEAST));
}

void damage_fill(const char *function, uintptr_t object, size_t size, size_t room) {
    damage_behind(function, object, size, room, room - size);
}

void damage_after_free(const char *function, uintptr_t object, size_t room,
                       unsigned char expected) {
    const unsigned char *bytes = (const unsigned char *)object;
    size_t first = 0, end = room;
    while (first + 1 < room && bytes[first] == expected) {
        first++;
    }
    while (end > first + 1 && bytes[end - 1] == expected) {
        end--;
    }
    report_finding(function, &(struct finding){.what = FOUND_WRITE_AFTER_FREE,
                                               .address = object,
                                               .object = object,
                                               .size = room,
                                               .offset = (ptrdiff_t)first,
                                               .bytes = end - first,
                                               .found = bytes + first});
}
