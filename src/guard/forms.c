#include "guard/forms.h"

#include "base/compiler.h"
#include "config/options.h"
#include "core/report.h"
#include "core/size_class.h"
#include "guard/record.h"

void forms_note(void *object, enum form form) {
    struct known known;
    if (record_find((uintptr_t)object, &known) && record_is_live(&known)) {
        known.record->form = form & 3;
    }
}

/* An object of no bytes has one where its pages say how long it is. */
static bool is_same_size(size_t size, size_t claimed) {
    return (size == 0 ? 1 : size) == (claimed == 0 ? 1 : claimed);
}

/* Up to what malloc has, none was asked for. */
static size_t asked_alignment(size_t alignment) { return alignment <= GRANULE ? 0 : alignment; }

static const char *allocated_by(const struct known *known) {
    static const char *const functions[] = {[FORM_MALLOC] = "malloc or its kin",
                                            [FORM_NEW] = "operator new",
                                            [FORM_NEW_ARRAY] = "operator new[]"};
    return functions[known->record->form];
}

static SLOW_PATH void report_mismatch(const char *function, const struct known *known,
                                      size_t alignment, size_t claimed) {
    report_finding(function, &(struct finding){.what = FOUND_MISMATCH,
                                               .address = known->address,
                                               .object = known->address,
                                               .size = known->room,
                                               .allocated_by = allocated_by(known),
                                               .alignment = alignment,
                                               .claimed_alignment = claimed});
}

static SLOW_PATH void report_size(const char *function, const struct known *known, size_t claimed) {
    report_finding(function, &(struct finding){.what = FOUND_WRONG_SIZE,
                                               .address = known->address,
                                               .object = known->address,
                                               .size = known->room,
                                               .bytes = claimed});
}

void forms_judge(const char *function, const void *pointer, const struct claim *claim) {
    struct known known;
    if (!options.mismatch || !record_find((uintptr_t)pointer, &known) || !record_is_live(&known)) {
        return;
    }
    size_t alignment = asked_alignment((size_t)1 << known.record->alignment);
    if (known.record->form != claim->form) {
        report_mismatch(function, &known, 0, 0);
    } else if (claim->alignment != CLAIM_NONE && alignment != asked_alignment(claim->alignment)) {
        report_mismatch(function, &known, alignment, asked_alignment(claim->alignment));
    } else if (claim->size != CLAIM_NONE && !is_same_size(known.size, claim->size)) {
        report_size(function, &known, claim->size);
    }
}
