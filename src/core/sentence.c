#include "core/sentence.h"

#include <string.h>

static void describe_class(struct text *text, const char *before, size_t size) {
    text_string(text, before);
    text_string(text, " of size class ");
    text_decimal(text, size);
}

static void describe_offset(struct text *text, const struct finding *finding) {
    text_string(text, "pointer ");
    text_decimal(text, finding->address - finding->object);
    text_string(text, " bytes into ");
}

static void describe_start(struct text *text, const struct finding *finding) {
    text_string(text, " that starts at ");
    text_address(text, finding->object);
}

/* Whether the call was meant to end the object's life; by the names that are not: realloc,
 * reallocarray, malloc_usable_size and cairn's own of them, recalloc and expand. */
static int frees(const char *function) {
    return strstr(function, "realloc") == NULL && strstr(function, "recalloc") == NULL &&
           strstr(function, "usable_size") == NULL && strstr(function, "expand") == NULL;
}

/* "an object of 100 bytes" where the size is known that was asked for. */
static void describe_object(struct text *text, const struct finding *finding) {
    if (finding->life != NULL && finding->life->asked != 0) {
        text_string(text, "an object of ");
        text_decimal(text, finding->life->asked);
        text_string(text, " bytes");
    } else {
        describe_class(text, "an object", finding->size);
    }
}

static void describe_signed(struct text *text, ptrdiff_t number) {
    text_string(text, number < 0 ? "-" : "");
    text_decimal(text, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

static void describe_bytes(struct text *text, const unsigned char *bytes, size_t count) {
    enum { SHOWN = 8 };
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        char digits[] = {' ', "0123456789abcdef"[bytes[i] >> 4], "0123456789abcdef"[bytes[i] & 15],
                         '\0'};
        text_string(text, digits);
    }
    text_string(text, count > SHOWN ? " ..." : "");
}

/* "4 bytes were changed behind an object of 100 bytes, from offset 100 on: found 41 41 41 41" */
static void describe_change(struct text *text, const struct finding *finding, const char *where) {
    text_decimal(text, finding->bytes);
    text_string(text, finding->bytes == 1 ? " byte was changed " : " bytes were changed ");
    text_string(text, where);
    describe_object(text, finding);
    text_string(text, ", from offset ");
    describe_signed(text, finding->offset);
    text_string(text, " on");
    if (finding->found != NULL) {
        text_string(text, ": found");
        describe_bytes(text, finding->found, finding->bytes);
    }
}

static void describe_fault(struct text *text, const struct finding *finding) {
    ptrdiff_t offset = (ptrdiff_t)(finding->address - finding->object);
    size_t size =
        finding->life != NULL && finding->life->asked != 0 ? finding->life->asked : finding->size;
    text_string(text, finding->is_write ? "write" : "read");
    text_string(text, finding->was_freed       ? " after free of "
                      : offset < 0             ? " before "
                      : (size_t)offset >= size ? " behind "
                                               : " of ");
    describe_object(text, finding);
    text_string(text, ", at offset ");
    describe_signed(text, offset);
    text_string(text, " from its start ");
    text_address(text, finding->object);
}

/* What frees an object of each family; by names such as "operator new[]". */
static const char *release_of(const char *allocated_by) {
    if (strstr(allocated_by, "new") == NULL) {
        return "free";
    }
    return strstr(allocated_by, "[]") != NULL ? "delete[]" : "delete";
}

static void describe_alignment(struct text *text, size_t alignment) {
    text_string(text, alignment != 0 ? "with alignment " : "without an alignment");
    if (alignment != 0) {
        text_decimal(text, alignment);
    }
}

static void describe_mismatch(struct text *text, const char *function,
                              const struct finding *finding) {
    describe_object(text, finding);
    text_string(text, " was allocated by ");
    text_string(text, finding->allocated_by);
    if (finding->alignment != finding->claimed_alignment) {
        text_string(text, " ");
        describe_alignment(text, finding->alignment);
        text_string(text, " and is freed ");
        describe_alignment(text, finding->claimed_alignment);
        text_string(text, "; let both be the same");
        return;
    }
    if (!frees(function)) {
        text_string(text, "; only what malloc and its kin gave can be resized");
        return;
    }
    text_string(text, "; free it by ");
    text_string(text, release_of(finding->allocated_by));
}

static void describe_wrong_size(struct text *text, const struct finding *finding) {
    describe_object(text, finding);
    text_string(text, " was called one of ");
    text_decimal(text, finding->bytes);
    text_string(text, "; give the size that it was allocated with");
}

void sentence_describe(struct text *text, const char *function, const struct finding *finding) {
    switch (finding->what) {
    case FOUND_FREE:
        text_string(text, frees(function) ? "double free of " : "use after free of ");
        describe_object(text, finding);
        break;
    case FOUND_INTERIOR:
        describe_offset(text, finding);
        describe_object(text, finding);
        describe_start(text, finding);
        break;
    case FOUND_TAIL:
        describe_class(text, "pointer behind the last object of a slab", finding->size);
        break;
    case FOUND_LARGE_BODY:
        describe_offset(text, finding);
        text_string(text, "a large object of ");
        text_decimal(text, finding->size);
        text_string(text, " bytes");
        describe_start(text, finding);
        break;
    case FOUND_RELEASED:
        text_string(text, "pointer into memory that was released");
        break;
    case FOUND_LIVE:
    case FOUND_FOREIGN:
        text_string(text, "pointer that cairn never allocated");
        break;
    case FOUND_OVERFLOW:
        describe_change(text, finding, "behind ");
        break;
    case FOUND_UNDERFLOW:
        describe_change(text, finding, "before ");
        break;
    case FOUND_WRITE_AFTER_FREE:
        describe_change(text, finding, "after the free of ");
        break;
    case FOUND_FAULT:
        describe_fault(text, finding);
        break;
    case FOUND_MISMATCH:
        describe_mismatch(text, function, finding);
        break;
    case FOUND_WRONG_SIZE:
        describe_wrong_size(text, finding);
        break;
    }
}

const char *sentence_kind(const struct finding *finding) {
    static const char *const kinds[] = {
        [FOUND_LIVE] = "misuse",
        [FOUND_FREE] = "double-free",
        [FOUND_INTERIOR] = "interior-pointer",
        [FOUND_TAIL] = "interior-pointer",
        [FOUND_LARGE_BODY] = "interior-pointer",
        [FOUND_RELEASED] = "released-memory",
        [FOUND_FOREIGN] = "foreign-pointer",
        [FOUND_OVERFLOW] = "overflow",
        [FOUND_UNDERFLOW] = "underflow",
        [FOUND_WRITE_AFTER_FREE] = "write-after-free",
        [FOUND_FAULT] = "fault",
        [FOUND_MISMATCH] = "mismatch",
        [FOUND_WRONG_SIZE] = "wrong-size",
    };
    return kinds[finding->what];
}
