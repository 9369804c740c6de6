"""Resident memory over time as one SVG: a panel for each row, a curve for each allocator."""

import math

from .memory_report import median_run
from .stats import OWN
from .svg import OWN_COLOUR, WIDTH, Svg, colours

MARGIN, AXIS = 16, 44
PANEL_HEIGHT, GAP = 150, 52
LIVE_COLOUR = "#000"
# Rows that get the whole width.
WIDE = ("day",)


def _tick_step(highest):
    """1, 2 or 5 times a power of ten, for three to seven ticks."""
    power = 10 ** math.floor(math.log10(highest / 3))
    return next(power * factor for factor in (1, 2, 5, 10) if highest / (power * factor) <= 7)


def _ticks(highest):
    step = _tick_step(highest)
    return [step * i for i in range(int(highest / step) + 1)]


def _axes(svg, left, top, width, seconds, megabytes):
    bottom = top + PANEL_HEIGHT
    for tick in _ticks(megabytes):
        y = bottom - PANEL_HEIGHT * tick / megabytes
        svg.line(left, y, left + width, y, "#eee")
        svg.text(left - 6, y + 4, f"{tick:g}", 10, "end")
    for tick in _ticks(seconds):
        svg.text(left + width * tick / seconds, bottom + 14, f"{tick:g}", 10, "middle")


def _panel(svg, left, top, width, title, curves, colour):
    """`curves` are [(allocator, curve)], those on top last."""
    svg.text(left, top - 8, title, 13, weight="bold")
    left, width = left + AXIS, width - AXIS
    seconds = max(point[0] for _, curve in curves for point in curve) or 1
    megabytes = max(max(point[1:]) for _, curve in curves for point in curve) / 1e6
    _axes(svg, left, top, width, seconds, megabytes)

    def place(time, size):
        return (left + width * max(time, 0) / seconds,
                top + PANEL_HEIGHT * (1 - size / 1e6 / megabytes))

    live = [place(time, live) for time, _, live in curves[-1][1]]
    svg.path(live, LIVE_COLOUR, f"{title}: live", "3 2")
    for name, curve in curves:
        svg.path([place(time, resident) for time, resident, _ in curve], colour[name],
                 f"{title}: {name}")


def draw(results, shows, caption):
    """The whole picture as text; `shows` has the words beside each row's name."""
    svg = Svg()
    names = results.allocators
    colour = {**colours(names), OWN: OWN_COLOUR, "live": LIVE_COLOUR}
    svg.text(MARGIN, 26, "Resident memory over time: MB, seconds", 16, weight="bold")
    svg.text(MARGIN, 44, caption, 11, fill="#666")
    svg.legend(MARGIN, 68, names + ["live"], colour)
    top, column, half = 110, 0, WIDTH // 2
    for workload in results.workloads:
        runs = [(name, median_run(results, workload, name)) for name in names]
        curves = [(name, run.curve) for name, run in runs if run is not None]
        curves.sort(key=lambda entry: entry[0] == OWN)
        wide = workload in WIDE
        if wide and column == 1:
            top, column = top + PANEL_HEIGHT + GAP, 0
        width = (WIDTH if wide else half) - 2 * MARGIN
        _panel(svg, MARGIN + column * half, top, width, f"{workload}: {shows[workload]}", curves,
               colour)
        column = 0 if wide else 1 - column
        if column == 0:
            top += PANEL_HEIGHT + GAP
    return svg.document(top + (PANEL_HEIGHT + GAP if column == 1 else 0))
