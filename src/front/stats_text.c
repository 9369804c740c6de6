#include "front/stats_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum figure_kind { KIND_GAUGE, KIND_COUNTER };

enum { NAME_SIZE = 24, SENTENCE_SIZE = 120 };

/* Texts of their own and no pointers, which would have to be relocated as each process starts. */
struct figure {
    char name[NAME_SIZE];
    char sentence[SENTENCE_SIZE];
    enum figure_kind kind;
    size_t offset; /* of a uint64_t in its structure */
};

#define FIGURE(kind, name, sentence) \
    {#name, sentence, KIND_##kind, offsetof(struct cairn_heap_stats, name)},
static const struct figure figures[] = {CAIRN_FIGURES(FIGURE)};

#define CLASS_FIGURE(kind, name, sentence) \
    {#name, sentence, KIND_##kind, offsetof(struct cairn_class_stats, name)},
static const struct figure class_figures[] = {CAIRN_CLASS_FIGURES(CLASS_FIGURE)};

#define FITS(kind, name, sentence)                                                 \
    _Static_assert(sizeof #name <= NAME_SIZE && sizeof(sentence) <= SENTENCE_SIZE, \
                   "struct figure has room for " #name);
CAIRN_FIGURES(FITS)
CAIRN_CLASS_FIGURES(FITS)

#define REASON(NAME, name, group, sentence) [CAIRN_##NAME] = #name,
static const char *const reasons[] = {CAIRN_REASONS(REASON)};

enum {
    FIGURES = sizeof figures / sizeof figures[0],
    CLASS_FIGURES = sizeof class_figures / sizeof class_figures[0]
};

static uint64_t value_of(const struct figure *figure, const void *structure) {
    uint64_t value;
    memcpy(&value, (const char *)structure + figure->offset, sizeof value);
    return value;
}

/* A class that the program has ever used. */
static bool is_used(const struct cairn_class_stats *class) {
    return class->slabs != 0 || class->allocations != 0;
}

/* 0 <= ratio <= 1, with six decimals. */
static void ratio(struct output *output, double ratio) {
    enum { ONE = 1000000 };
    uint64_t millionths = (uint64_t)(ratio * ONE + 0.5);
    output_decimal(output, millionths / ONE);
    output_string(output, ".");
    for (uint64_t digit = ONE / 10; digit > 0; digit /= 10) {
        output_decimal(output, millionths / digit % 10);
    }
}

static double external(const struct cairn_heap_stats *stats) {
    return cairn_external_fragmentation(stats->largest_free_bytes, stats->available_bytes);
}

static double class_external(const struct cairn_class_stats *class) {
    return cairn_external_fragmentation(class->largest_free_bytes, class->free_bytes);
}

static double internal(uint64_t rounding, uint64_t live) {
    return live == 0 ? 0.0 : (double)rounding / (double)live;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void key(struct output *output, const char *before, const char *name) {
    output_string(output, before);
    output_string(output, "\"");
    output_string(output, name);
    output_string(output, "\": ");
}

static void member(struct output *output, const char *before, const char *name, uint64_t value) {
    key(output, before, name);
    output_decimal(output, value);
}

static void json_ratios(struct output *output, const char *before, double in, double ex) {
    key(output, before, "internal_fragmentation");
    ratio(output, in);
    key(output, before, "external_fragmentation");
    ratio(output, ex);
}

static void json_kept(struct output *output, const struct cairn_heap_stats *stats) {
    key(output, ",\n  ", "kept_bytes");
    for (int reason = 0; reason < CAIRN_REASON_COUNT; reason++) {
        member(output, reason == 0 ? "{" : ", ", reasons[reason], stats->kept_bytes[reason]);
    }
    output_string(output, "}");
}

/* The sum that is resident_bytes, with rounding apart. */
static void json_sum(struct output *output, const struct cairn_heap_stats *stats) {
    uint64_t live = stats->live_resident_bytes;
    uint64_t rounding = stats->rounding_bytes < live ? stats->rounding_bytes : live;
    key(output, ",\n  ", "resident_sum");
    member(output, "{", "live", live - rounding);
    member(output, ", ", "rounding", rounding);
    member(output, ", ", "fragmentation", stats->fragmentation_bytes);
    member(output, ", ", "cached", stats->cached_bytes);
    member(output, ", ", "metadata", stats->metadata_bytes);
    member(output, ", ", "outside", stats->outside_bytes);
    output_string(output, "}");
}

static void json_class(struct output *output, const struct cairn_class_stats *class) {
    for (size_t i = 0; i < CLASS_FIGURES; i++) {
        member(output, i == 0 ? "{" : ", ", class_figures[i].name,
               value_of(&class_figures[i], class));
    }
    json_ratios(output, ", ", internal(class->rounding_bytes, class->live_bytes),
                class_external(class));
    output_string(output, "}");
}

static void json_classes(struct output *output, const struct cairn_heap_stats *stats) {
    const char *before = "\n    ";
    key(output, ",\n  ", "classes");
    output_string(output, "[");
    for (unsigned c = 0; c < stats->class_count; c++) {
        if (is_used(&stats->classes[c])) {
            output_string(output, before);
            json_class(output, &stats->classes[c]);
            before = ",\n    ";
        }
    }
    output_string(output, "]");
}

void stats_text_json(struct output *output, const struct cairn_heap_stats *stats) {
    member(output, "{\n  ", "version", stats->version);
    key(output, ",\n  ", "library");
    output_string(output, "\"" CAIRN_VERSION "\"");
    for (size_t i = 0; i < FIGURES; i++) {
        member(output, ",\n  ", figures[i].name, value_of(&figures[i], stats));
    }
    json_ratios(output, ",\n  ", internal(stats->rounding_bytes, stats->live_bytes),
                external(stats));
    json_kept(output, stats);
    json_sum(output, stats);
    json_classes(output, stats);
    output_string(output, "\n}\n");
}

/* --- OpenMetrics ------------------------------------------------------------------------------ */

static void name_of(struct output *output, const char *prefix, const char *name) {
    output_string(output, prefix);
    output_string(output, name);
}

static bool is_in_bytes(const char *name) {
    static const char unit[] = "_bytes";
    size_t length = strlen(name);
    return length >= sizeof unit && strcmp(name + length - (sizeof unit - 1), unit) == 0;
}

static void describe(struct output *output, const char *prefix, const struct figure *figure) {
    output_string(output, "# TYPE ");
    name_of(output, prefix, figure->name);
    output_string(output, figure->kind == KIND_COUNTER ? " counter\n" : " gauge\n");
    if (is_in_bytes(figure->name)) {
        output_string(output, "# UNIT ");
        name_of(output, prefix, figure->name);
        output_string(output, " bytes\n");
    }
    output_string(output, "# HELP ");
    name_of(output, prefix, figure->name);
    output_string(output, " ");
    output_string(output, figure->sentence);
    output_string(output, "\n");
}

static void label(struct output *output, const char *name, uint64_t value) {
    output_string(output, "{");
    output_string(output, name);
    output_string(output, "=\"");
    output_decimal(output, value);
    output_string(output, "\"}");
}

static void metrics_of_heap(struct output *output, const struct cairn_heap_stats *stats) {
    for (size_t i = 0; i < FIGURES; i++) {
        describe(output, "cairn_", &figures[i]);
        name_of(output, "cairn_", figures[i].name);
        output_string(output, figures[i].kind == KIND_COUNTER ? "_total " : " ");
        output_decimal(output, value_of(&figures[i], stats));
        output_string(output, "\n");
    }
}

static void metrics_of_classes(struct output *output, const struct cairn_heap_stats *stats) {
    for (size_t i = 0; i < CLASS_FIGURES; i++) {
        if (class_figures[i].offset == offsetof(struct cairn_class_stats, object_bytes)) {
            continue; /* it is the label */
        }
        describe(output, "cairn_class_", &class_figures[i]);
        for (unsigned c = 0; c < stats->class_count; c++) {
            const struct cairn_class_stats *class = &stats->classes[c];
            if (is_used(class)) {
                name_of(output, "cairn_class_", class_figures[i].name);
                output_string(output, class_figures[i].kind == KIND_COUNTER ? "_total" : "");
                label(output, "object_bytes", class->object_bytes);
                output_string(output, " ");
                output_decimal(output, value_of(&class_figures[i], class));
                output_string(output, "\n");
            }
        }
    }
}

static void metrics_of_reasons(struct output *output, const struct cairn_heap_stats *stats) {
    static const struct figure kept = {"kept_bytes", "resident and free, by the reason why",
                                       KIND_GAUGE, 0};
    describe(output, "cairn_", &kept);
    for (int reason = 0; reason < CAIRN_REASON_COUNT; reason++) {
        output_string(output, "cairn_kept_bytes{reason=\"");
        output_string(output, reasons[reason]);
        output_string(output, "\"} ");
        output_decimal(output, stats->kept_bytes[reason]);
        output_string(output, "\n");
    }
}

static void metric_of_ratio(struct output *output, const struct figure *figure, double value) {
    describe(output, "cairn_", figure);
    name_of(output, "cairn_", figure->name);
    output_string(output, " ");
    ratio(output, value);
    output_string(output, "\n");
}

void stats_text_openmetrics(struct output *output, const struct cairn_heap_stats *stats) {
    static const struct figure in = {"internal_fragmentation",
                                     "rounding_bytes as a share of live_bytes", KIND_GAUGE, 0};
    static const struct figure ex = {"external_fragmentation",
                                     "1 - largest_free_bytes / available_bytes", KIND_GAUGE, 0};
    output_string(output, "# TYPE cairn info\n# HELP cairn the library\n"
                          "cairn_info{version=\"" CAIRN_VERSION "\"} 1\n");
    metrics_of_heap(output, stats);
    metrics_of_reasons(output, stats);
    metric_of_ratio(output, &in, internal(stats->rounding_bytes, stats->live_bytes));
    metric_of_ratio(output, &ex, external(stats));
    metrics_of_classes(output, stats);
    output_string(output, "# EOF\n");
}
