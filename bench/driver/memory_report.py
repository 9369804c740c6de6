"""Tables of resident memory over time: for reading as text, for other programs as CSV."""

import csv

from . import conditions, stats
from .memory import MemoryRun
from .memory_rows import FIGURES
from .report import mark
from .stats import OWN, Results

NAMES, COLUMN = 16, 11
TIMELINES_FILE = "timelines.csv"


def figures_of(results, workload):
    """The figures that the row's runs have, in their order."""
    for allocator in results.allocators:
        for run in results.runs(workload, allocator):
            return [FIGURES[key] for key in run.figures]
    return []


def write_raw(path, results):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["workload", "allocator", "round", "checksum", "figure", "value"])
        for run in results.all_runs():
            for key, value in run.figures.items():
                writer.writerow([run.workload, run.allocator, run.round, run.checksum, key, value])


def read_raw(path):
    runs = {}
    with open(path, newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            key = (line["workload"], line["allocator"], int(line["round"]), line["checksum"])
            runs.setdefault(key, {})[line["figure"]] = float(line["value"])
    return Results(MemoryRun(*key, figures) for key, figures in runs.items())


def write_medians(path, results):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["workload", "allocator", "rounds", "figure", "median", "min", "max",
                         "to_best_peer"])
        for workload in results.workloads:
            for figure in figures_of(results, workload):
                medians = results.medians(workload, figure.key)
                ratios = stats.ratios_to_best(medians) if figure.ranked else {}
                for allocator in medians:
                    spread = results.spread(workload, allocator, figure.key)
                    ratio = f"{ratios[allocator]:.4f}" if allocator in ratios else ""
                    writer.writerow(
                        [workload, allocator, len(results.runs(workload, allocator)), figure.key,
                         f"{spread.median:.4f}", f"{spread.low:.4f}", f"{spread.high:.4f}", ratio])


def median_run(results, workload, allocator):
    """Of the rounds the one whose first figure is in the middle."""
    runs = results.runs(workload, allocator)
    ordered = sorted(runs, key=lambda run: next(iter(run.figures.values())))
    return ordered[len(ordered) // 2] if ordered else None


def write_timelines(path, results):
    """What the picture shows."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["workload", "allocator", "round", "seconds", "resident_bytes",
                         "live_bytes"])
        for workload in results.workloads:
            for allocator in results.allocators:
                run = median_run(results, workload, allocator)
                for seconds, resident, live in run.curve if run is not None else []:
                    writer.writerow([workload, allocator, run.round, f"{seconds:.4f}", resident,
                                     round(live)])


def workload_table(results, workload, shows=""):
    """One block of text for one row; allocators in the order of its first ranked figure."""
    figures = figures_of(results, workload)
    lines = [f"{workload}: {shows}" if shows else workload]
    lines.append(" " * (NAMES + 2) + "".join(f"{figure.head:>{COLUMN}}   " for figure in figures))
    medians = {figure.key: results.medians(workload, figure.key) for figure in figures}
    first = next((medians[figure.key] for figure in figures if figure.ranked), {})
    for allocator in sorted(first, key=first.get):
        line = f"  {allocator:<{NAMES}}"
        for figure in figures:
            row = medians[figure.key]
            ratio = stats.ratios_to_best(row).get(allocator, 1.0) if figure.ranked else 1.0
            line += f"{row[allocator]:>{COLUMN}.{figure.decimals}f} {mark(allocator, ratio)}"
        lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def lost_figures(results):
    """[(workload, figure, cairn's value, ratio, best peer, its value)], worst first."""
    lost = []
    for workload in results.workloads:
        for figure in figures_of(results, workload):
            row = results.medians(workload, figure.key)
            ratio = stats.ratios_to_best(row).get(OWN)
            if figure.ranked and ratio is not None and ratio > 1:
                lost.append((workload, figure, row[OWN], ratio, *stats.best_peer(row)))
    return sorted(lost, key=lambda entry: -entry[3])


def _huge_page_lines(results):
    """What each mode does to a sparse heap: of its size without huge pages."""
    held = {mode: results.medians(f"huge-sparse-{mode}", "held_mb") for mode in conditions.MODES}
    lines = []
    for mode in ("always", "madvise"):
        both = [name for name in held[mode] if name in held["never"]]
        if both:
            told = ", ".join(f"{name} {held[mode][name] / held['never'][name]:.2f}"
                             for name in both)
            lines.append(f"huge-sparse, held under {mode} over held under never: {told}")
    return lines


def summary(results, left_out, problems):
    """Lost figures, rows that this machine cannot run, whatever went wrong."""
    lines = _huge_page_lines(results)
    if OWN in results.allocators:
        lost = lost_figures(results)
        lines.append(f"figures in which {OWN} is behind the best peer of the row: {len(lost)}")
        for workload, figure, value, ratio, peer, best in lost:
            lines.append(f"  {workload:<20} {figure.head:<12} {value:.{figure.decimals}f}, "
                         f"{ratio:.2f} of {peer}'s {best:.{figure.decimals}f}")
    lines += [f"left out: {row}: {why}" for row, why in left_out]
    for workload, seen in stats.checksum_conflicts(results).items():
        lines.append(f"PROBLEM: {workload}: outputs differ: {seen}")
    lines += [f"PROBLEM: {problem}" for problem in problems]
    return "\n".join(lines) + "\n"
