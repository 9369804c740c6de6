/* Strings that grow under a fuzzer: the input's bytes are operations on two strings, one on an
 * allocator that checks how it is used and now and then has no memory, beside a model that is a
 * plain array.  Slices are taken from the strings themselves as often as from the input. */
#include <stdio.h>

#include <cairn/str.h>

#include "support/tight_allocator.h"

enum { MODEL_SIZE = 1 << 16, BYTES = 4 };

struct subject {
    struct cairn_str string;
    char model[MODEL_SIZE];
    size_t length;
    bool failed;
};

static struct tight_allocator tight;
static const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);
static struct subject subjects[2];

static void require_same(const struct subject *subject) {
    const struct cairn_str *string = &subject->string;
    REQUIRE(string->length == subject->length && string->failed == subject->failed);
    REQUIRE(memcmp(cairn_str_text(string), subject->model, subject->length) == 0);
    REQUIRE(cairn_str_text(string)[string->length] == '\0');
    REQUIRE(string->bytes == NULL ? string->capacity == 0 : string->length < string->capacity);
}

/* What an insertion should have done; done is what the string says. */
static void model_insert(struct subject *subject, size_t position, const char *bytes, size_t length,
                         bool done) {
    REQUIRE(!done || (position <= subject->length && !subject->failed));
    if (!done) {
        subject->failed = true;
        return;
    }
    memmove(subject->model + position + length, subject->model + position,
            subject->length - position);
    memcpy(subject->model + position, bytes, length);
    subject->length += length;
}

/* A part of the input, of this string or of the other one. */
static struct cairn_slice choose_slice(const uint8_t *bytes, const struct subject *subject,
                                       struct cairn_slice input) {
    const struct subject *other = subject == &subjects[0] ? &subjects[1] : &subjects[0];
    const struct cairn_slice sources[] = {input, cairn_str_slice(&subject->string),
                                          cairn_str_slice(&other->string), input};
    return cairn_slice_part(sources[bytes[0] >> 6], bytes[2], bytes[3]);
}

static void insert(struct subject *subject, size_t position, struct cairn_slice slice) {
    char copy[256];
    REQUIRE(slice.length < sizeof copy);
    if (slice.length != 0) {
        memcpy(copy, slice.bytes, slice.length);
    }
    bool done = cairn_str_insert(&subject->string, position, slice);
    model_insert(subject, position, copy, slice.length, done);
}

static void print(struct subject *subject, struct cairn_slice slice) {
    char copy[300];
    int length = snprintf(copy, sizeof copy, "<%.*s>", (int)slice.length, slice.bytes);
    bool done = cairn_str_printf(&subject->string, "<%.*s>", (int)slice.length, slice.bytes);
    model_insert(subject, subject->length, copy, (size_t)length, done);
}

static void append_byte(struct subject *subject, char byte) {
    bool done = cairn_str_append_byte(&subject->string, byte);
    model_insert(subject, subject->length, &byte, 1, done);
}

static void take_out(struct subject *subject, size_t position, size_t count) {
    if (cairn_str_remove(&subject->string, position, count)) {
        REQUIRE(position + count <= subject->length && !subject->failed);
        memmove(subject->model + position, subject->model + position + count,
                subject->length - position - count);
        subject->length -= count;
    } else {
        REQUIRE(position + count > subject->length || subject->failed);
        subject->failed = true;
    }
}

static void take(struct subject *subject) {
    char *text = cairn_str_take(&subject->string);
    if (text == NULL) {
        subject->failed = true;
        return;
    }
    REQUIRE(memcmp(text, subject->model, subject->length) == 0 && !subject->failed);
    REQUIRE(text[subject->length] == '\0');
    cairn_release(&allocator, text, subject->length + 1, 1);
    subject->length = 0;
}

static void operate(const uint8_t *bytes, struct subject *subject, struct cairn_slice input) {
    if (subject->length > MODEL_SIZE - 1000) {
        cairn_str_clear(&subject->string);
        subject->length = 0;
        subject->failed = false;
    }
    struct cairn_slice slice = choose_slice(bytes, subject, input);
    size_t position = subject->length == 0 ? 0 : (size_t)bytes[1] * 37 % (subject->length + 2);
    switch (bytes[0] % 10) {
    case 0:
        insert(subject, subject->length, slice);
        break;
    case 1:
        insert(subject, position, slice);
        break;
    case 2:
        print(subject, slice);
        break;
    case 3:
        append_byte(subject, (char)bytes[1]);
        break;
    case 4:
        take_out(subject, position, bytes[3]);
        break;
    case 5:
        cairn_str_truncate(&subject->string, position);
        subject->length = position < subject->length ? position : subject->length;
        break;
    case 6:
        cairn_str_shrink(&subject->string);
        break;
    case 7:
        take(subject);
        break;
    case 8:
        cairn_str_clear(&subject->string);
        subject->length = 0;
        subject->failed = false;
        break;
    default:
        tight.limit = tight.used + (size_t)bytes[1] * bytes[2];
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tight = (struct tight_allocator){.limit = SIZE_MAX};
    struct cairn_slice input = {(const char *)data, size};
    for (size_t i = 0; i < 2; i++) {
        cairn_str_init(&subjects[i].string, &allocator);
        subjects[i].length = 0;
        subjects[i].failed = false;
    }
    for (size_t at = 0; at + BYTES <= size; at += BYTES) {
        struct subject *subject = &subjects[data[at] >> 5 & 1];
        operate(data + at, subject, input);
        require_same(subject);
    }
    cairn_str_destroy(&subjects[0].string);
    cairn_str_destroy(&subjects[1].string);
    REQUIRE(tight.objects == 0);
    return 0;
}
