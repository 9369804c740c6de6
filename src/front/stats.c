/* The public functions of <cairn/stats.h>. */
#include <cairn/stats.h>
#include <string.h>

#include "base/compiler.h"
#include "core/statistics.h"
#include "front/stats_text.h"

typedef void format_function(struct output *output, const struct cairn_heap_stats *stats);

CAIRN_EXPORT void cairn_stats(struct cairn_heap_stats *stats, size_t bytes) {
    struct cairn_heap_stats all;
    statistics_take(&all);
    size_t known = bytes < sizeof all ? bytes : sizeof all;
    memcpy(stats, &all, known);
    memset((char *)stats + known, 0, bytes - known);
}

static size_t format_into(char *buffer, size_t size, format_function *format) {
    struct cairn_heap_stats stats;
    struct output output;
    statistics_take(&stats);
    output_to_buffer(&output, buffer, size);
    format(&output, &stats);
    return output_end(&output);
}

static int format_to(int fd, format_function *format) {
    struct cairn_heap_stats stats;
    struct output output;
    statistics_take(&stats);
    output_to_fd(&output, fd);
    format(&output, &stats);
    (void)output_end(&output);
    return output.error;
}

CAIRN_EXPORT size_t cairn_stats_json(char *buffer, size_t size) {
    return format_into(buffer, size, stats_text_json);
}

CAIRN_EXPORT size_t cairn_stats_openmetrics(char *buffer, size_t size) {
    return format_into(buffer, size, stats_text_openmetrics);
}

CAIRN_EXPORT int cairn_stats_write_json(int fd) { return format_to(fd, stats_text_json); }

CAIRN_EXPORT int cairn_stats_write_openmetrics(int fd) {
    return format_to(fd, stats_text_openmetrics);
}

CAIRN_EXPORT const char *cairn_reason_sentence(enum cairn_reason reason) {
#define SENTENCE(NAME, name, group, sentence) [CAIRN_##NAME] = (sentence),
    static const char *const sentences[] = {CAIRN_REASONS(SENTENCE)};
    return (unsigned)reason < CAIRN_REASON_COUNT ? sentences[reason] : NULL;
}
