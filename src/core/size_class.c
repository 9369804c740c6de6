#include "core/size_class.h"

#include "core/geometry.h"
#include "core/heap.h"

/* Doublings above 4 KiB, where those classes begin, and the class's place in its doubling. */
#define DOUBLINGS(c) ((c) < WIDE_FROM_CLASS ? 0u : (unsigned)((c)-WIDE_FROM_CLASS) / 5u)
#define PLACE(c)     ((c) < WIDE_FROM_CLASS ? 0u : (unsigned)((c)-WIDE_FROM_CLASS) % 5u)

#define SIZE(c)                                                                         \
    ((c) < 8         ? 16u * ((c) + 1u)                                                 \
     : (c) < 40      ? (9u + ((c)&7u)) << (3u + ((c) >> 3))                             \
     : (c) < 48      ? (uint32_t)CHUNK_SIZE / (55u - ((c) < 48 ? (c) : 0u)) / 64u * 64u \
     : PLACE(c) == 0 ? ((uint32_t)CHUNK_SIZE << (1u + DOUBLINGS(c))) / 15u / 16u * 16u  \
                     : (4u + PLACE(c)) << (10u + DOUBLINGS(c)))

/* Few large objects at a time, so that one that was just freed is used again while it is in the
 * cache: what is handed out at once spans 8 KiB or so. */
#define HANDFUL(c) (SIZE(c) <= 128 ? 64u : SIZE(c) >= 2048 ? 4u : 8192u / SIZE(c))
#define WORTH(c)   (HANDFUL(c) >= 32 ? 8u : HANDFUL(c) >= 4 ? HANDFUL(c) / 4 : 1u)

#define ROW(c)                                                       \
    [c] = {.reciprocal = ~UINT64_C(0) / SIZE(c) + 1,                 \
           .size = SIZE(c),                                          \
           .capacity = (uint16_t)(CHUNK_SIZE / SIZE(c)),             \
           .words = (uint8_t)((CHUNK_SIZE - 1) / SIZE(c) / 64 + 1),  \
           .chunks = (c) < WIDE_FROM_CLASS ? 1 : 2u << DOUBLINGS(c), \
           .handful = (uint8_t)HANDFUL(c),                           \
           .worth = (uint8_t)WORTH(c)}

#define EIGHT(X, c) \
    X((c) + 0), X((c) + 1), X((c) + 2), X((c) + 3), X((c) + 4), X((c) + 5), X((c) + 6), X((c) + 7)
#define ALL(X)                                                                        \
    EIGHT(X, 0), EIGHT(X, 8), EIGHT(X, 16), EIGHT(X, 24), EIGHT(X, 32), EIGHT(X, 40), \
        EIGHT(X, 48), X(56), X(57), X(58), X(59), X(60), X(61), X(62)

const struct size_class size_classes[CLASS_COUNT] = {ALL(ROW)};

const owner_word no_objects;

/* Class c serves the granules above those of the class before it. */
#define FIRST(c) ((c) == 0 ? 0 : SIZE((c) == 0 ? 0u : (c)-1u) / GRANULE + 1)
#define RANGE(c) [FIRST(c)... SIZE(c) / GRANULE] = (uint16_t)((c) << BIN_STRIDE_LOG)

const struct heap_origin heap_origin = {
    .none = {.bins = {[0 ... CLASS_COUNT - 1] = {.avail = (owner_word *)&no_objects}}},
    .bin_offsets = {ALL(RANGE)},
};
