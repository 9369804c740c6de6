/* Statistics as text: JSON, and the OpenMetrics format. */
#ifndef CAIRN_FRONT_STATS_TEXT_H
#define CAIRN_FRONT_STATS_TEXT_H

#include <cairn/stats.h>

#include "base/output.h"

void stats_text_json(struct output *output, const struct cairn_heap_stats *stats);
void stats_text_openmetrics(struct output *output, const struct cairn_heap_stats *stats);

#endif
