/* Arrays that grow under a fuzzer: the input's bytes are operations on an array of an odd size, on
 * an allocator that checks how it is used and now and then has no memory, beside a plain array. */
#include <stdint.h>

#include <cairn/vec.h>

#include "support/tight_allocator.h"

enum { MODEL_ITEMS = 1 << 14, BYTES = 4 };

struct item {
    uint16_t words[3];
};

CAIRN_VEC(items, struct item)

static struct tight_allocator tight;
static const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
static struct items vec;
static struct item model[MODEL_ITEMS];
static size_t model_count;

static struct item item_of(const uint8_t *bytes) {
    return (struct item){{bytes[1], bytes[2], bytes[3]}};
}

static void require_equal(struct item a, struct item b) { REQUIRE(memcmp(&a, &b, sizeof a) == 0); }

static void require_same(void) {
    REQUIRE(vec.count == model_count && vec.count <= vec.capacity);
    REQUIRE(vec.count == 0 || memcmp(vec.items, model, vec.count * sizeof *model) == 0);
    REQUIRE(vec.items != NULL || vec.capacity == 0);
}

static void model_open(size_t index, size_t number) {
    memmove(model + index + number, model + index, (model_count - index) * sizeof *model);
    model_count += number;
}

static void model_close(size_t index) {
    model_count--;
    memmove(model + index, model + index + 1, (model_count - index) * sizeof *model);
}

static void insert(size_t index, struct item item) {
    if (items_insert(&vec, index, item)) {
        model_open(index, 1);
        model[index] = item;
    }
}

static void push(struct item item) {
    if (items_push(&vec, item)) {
        model[model_count++] = item;
    }
}

/* A run of the array itself. */
static void append_own(size_t from, size_t number) {
    number = number < vec.count - from ? number : vec.count - from;
    if (items_append(&vec, vec.items + from, number)) {
        memcpy(model + model_count, model + from, number * sizeof *model);
        model_count += number;
    }
}

static void change(const uint8_t *bytes, size_t index) {
    require_equal(items_get(&vec, index), model[index]);
    require_equal(*items_at(&vec, index), model[index]);
    items_set(&vec, index, item_of(bytes));
    model[index] = item_of(bytes);
}

/* Operations that need an item. */
static void operate_on_item(const uint8_t *bytes, size_t index) {
    switch (bytes[0] % 5) {
    case 0:
        require_equal(items_remove(&vec, index), model[index]);
        model_close(index);
        break;
    case 1:
        require_equal(items_remove_swap(&vec, index), model[index]);
        model[index] = model[--model_count];
        break;
    case 2:
        require_equal(items_pop(&vec), model[model_count - 1]);
        model_count--;
        break;
    case 3:
        append_own(index, bytes[3]);
        break;
    default:
        change(bytes, index);
        break;
    }
}

static void operate(const uint8_t *bytes) {
    size_t index = (size_t)bytes[1] * 37 % (model_count + 1);
    switch (bytes[0] >> 4) {
    case 0:
    case 1:
    case 2:
    case 3:
        push(item_of(bytes));
        break;
    case 4:
    case 5:
        insert(index, item_of(bytes));
        break;
    case 6:
        REQUIRE(!items_reserve(&vec, bytes[2]) || vec.capacity >= bytes[2]);
        break;
    case 7:
        items_shrink(&vec);
        break;
    case 8:
        tight.limit = tight.used + (size_t)bytes[1] * bytes[2];
        break;
    case 9:
        REQUIRE(!items_reserve(&vec, SIZE_MAX - bytes[1]));
        break;
    default:
        if (index < model_count) {
            operate_on_item(bytes, index);
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tight = (struct tight_allocator){.limit = SIZE_MAX};
    items_init(&vec, &allocator);
    model_count = 0;
    for (size_t at = 0; at + BYTES <= size; at += BYTES) {
        if (model_count > MODEL_ITEMS - 256) {
            items_clear(&vec);
            model_count = 0;
        }
        operate(data + at);
        require_same();
    }
    items_destroy(&vec);
    REQUIRE(tight.objects == 0);
    return 0;
}
