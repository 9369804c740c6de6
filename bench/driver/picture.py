"""The results as one SVG: bars of geometric means, and a dot per allocator and workload."""

import math

from . import stats
from .stats import MEMORY, OWN, TIME
from .svg import OWN_COLOUR, WIDTH, Svg, colours

LABELS = 150
HALF = WIDTH // 2
BAR = 20
LINE = 18
LOWEST, HIGHEST = 0.4, 6.0


def _bars(svg, left, top, title, means, colour):
    """Horizontal bars, the best first; returns where they end."""
    svg.text(left, top, title, 13, weight="bold")
    longest = max(means.values())
    room = HALF - LABELS - 70
    for i, name in enumerate(sorted(means, key=means.get)):
        y = top + 12 + i * BAR
        width = room * means[name] / longest
        weight = "bold" if name == OWN else "normal"
        svg.text(left + LABELS - 8, y + BAR * 0.65, name, anchor="end", weight=weight)
        svg.bar(left + LABELS, y + 3, width, BAR - 6, colour[name])
        svg.text(left + LABELS + width + 6, y + BAR * 0.65, f"{means[name]:.2f}", weight=weight)
    return top + 12 + len(means) * BAR


def _place(ratio, left, width):
    """Where a ratio lies on the logarithmic axis; what is off the scale lies on its end."""
    bounded = min(max(ratio, LOWEST), HIGHEST)
    return left + width * math.log(bounded / LOWEST) / math.log(HIGHEST / LOWEST)


def _dots(svg, left, top, title, results, quantity, colour):
    width = HALF - LABELS - 30
    start = left + LABELS
    bottom = top + 26 + LINE * len(results.workloads)
    svg.text(left, top, title, 13, weight="bold")
    for tick in (0.5, 1.0, 2.0, 4.0):
        x = _place(tick, start, width)
        svg.line(x, top + 20, x, bottom, "#888" if tick == 1.0 else "#ddd")
        svg.text(x, top + 16, f"{tick:g}", 10, "middle")
    for i, workload in enumerate(results.workloads):
        y = top + 26 + LINE * i + LINE / 2
        ratios = stats.ratios_to_best(results.medians(workload, quantity))
        lost = ratios.get(OWN, 0) > stats.ROW_LIMIT
        svg.text(start - 8, y + 4, workload, 11, "end", fill=OWN_COLOUR if lost else "#222")
        svg.line(start, y, start + width, y, "#f0f0f0")
        for name in sorted(ratios, key=lambda allocator: allocator == OWN):
            svg.dot(_place(ratios[name], start, width), y, 5 if name == OWN else 3.5, colour[name],
                    f"{workload}, {name}: {ratios[name]:.2f} of the best peer's")
    return bottom


def draw(results, caption):
    """The whole picture as text."""
    svg = Svg()
    colour = colours(results.allocators)
    svg.text(16, 26, "Time and memory of allocators, smaller is better", 16, weight="bold")
    svg.text(16, 44, caption, 11, fill="#666")
    bottom = 70
    times = stats.geometric_means(results, TIME)
    if times:
        rows = len(results.complete_rows())
        reference = results.peers()[0]
        note = f"geometric mean of {rows} workloads, {reference} = 1"
        memories = stats.geometric_means(results, MEMORY)
        _bars(svg, 16, 76, f"Time, {note}", times, colour)
        bottom = _bars(svg, HALF + 8, 76, f"Peak RSS, {note}", memories, colour)
    top = bottom + 36
    svg.legend(16, top, results.allocators, colour)
    top += 28
    _dots(svg, 16, top, "Time over the best peer's of the row", results, TIME, colour)
    bottom = _dots(svg, HALF + 8, top, "Peak RSS over the leanest peer's of the row", results,
                   MEMORY, colour)
    return svg.document(bottom + 16)
