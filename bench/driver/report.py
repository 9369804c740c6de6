"""Tables: for reading as text, for other programs as CSV."""

import csv
from dataclasses import asdict, fields

from . import stats
from .stats import MEMORY, OWN, TIME, Results, Run

RAW_FILE = "raw.csv"
MEDIANS_FILE = "medians.csv"


def write_raw(path, results):
    names = [field.name for field in fields(Run)]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(run) for run in results.all_runs())


def read_raw(path):
    kinds = {field.name: field.type for field in fields(Run)}
    with open(path, newline="", encoding="utf-8") as file:
        return Results(
            Run(**{name: kinds[name](value) for name, value in row.items()})
            for row in csv.DictReader(file)
        )


def write_medians(path, results):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        header = ["workload", "allocator", "rounds"]
        header += list(stats.QUANTITIES)
        header += ["wall_ns_min", "wall_ns_max", "wall_ns_q1", "wall_ns_q3"]
        writer.writerow(header + ["time_to_best_peer", "rss_to_leanest_peer"])
        for workload in results.workloads:
            time_ratios = stats.ratios_to_best(results.medians(workload, TIME))
            memory_ratios = stats.ratios_to_best(results.medians(workload, MEMORY))
            for allocator in results.allocators:
                if not results.runs(workload, allocator):
                    continue
                wall = results.spread(workload, allocator, TIME)
                row = [workload, allocator, len(results.runs(workload, allocator))]
                row += [
                    round(results.spread(workload, allocator, quantity).median)
                    for quantity in stats.QUANTITIES
                ]
                row += [round(value) for value in
                        (wall.low, wall.high, wall.quartile1, wall.quartile3)]
                row += [f"{ratios.get(allocator, float('nan')):.4f}"
                        for ratios in (time_ratios, memory_ratios)]
                writer.writerow(row)


def mark(allocator, ratio):
    """Rows that cairn loses are never hidden: `<` lost, `<<` lost by more than is acceptable."""
    if allocator != OWN or ratio <= 1:
        return "  "
    return "<<" if ratio > stats.ROW_LIMIT else "< "


def workload_table(results, workload, stresses=""):
    """One block of text for one workload."""
    time_row = results.medians(workload, TIME)
    memory_row = results.medians(workload, MEMORY)
    time_ratios = stats.ratios_to_best(time_row)
    memory_ratios = stats.ratios_to_best(memory_row)
    lines = [f"{workload}: {stresses}" if stresses else workload]
    lines.append(
        f"  {'':<16}{'time ms':>9} {'min..max':>17} {'ratio':>6}     "
        f"{'cpu ms':>8} {'RSS MB':>9} {'ratio':>6}     {'faults':>8}"
    )
    for allocator in sorted(time_row, key=time_row.get):
        wall = results.spread(workload, allocator, TIME)
        cpu_us = stats.median(
            [run.user_us + run.system_us for run in results.runs(workload, allocator)]
        )
        time_ratio = time_ratios.get(allocator, 1.0)
        memory_ratio = memory_ratios.get(allocator, 1.0)
        reach = f"{wall.low / 1e6:.0f}..{wall.high / 1e6:.0f}"
        faults = results.spread(workload, allocator, "minor_faults").median
        lines.append(
            f"  {allocator:<16}{wall.median / 1e6:>9.1f} {reach:>17} {time_ratio:>6.2f} "
            f"{mark(allocator, time_ratio)}  {cpu_us / 1e3:>8.1f} "
            f"{memory_row[allocator] * 1024 / 1e6:>9.1f} {memory_ratio:>6.2f} "
            f"{mark(allocator, memory_ratio)}  {faults:>8.0f}"
        )
    return "\n".join(lines) + "\n"


def _means_lines(results):
    peers = results.peers()
    times = stats.geometric_means(results, TIME)
    memories = stats.geometric_means(results, MEMORY)
    rows = len(results.complete_rows())
    if not times:
        return ["no workload was finished by every allocator"]
    lines = [f"geometric means over {rows} workloads, {peers[0]} = 1"]
    lines.append(f"  {'':<16}{'time':>7} {'peak RSS':>9}")
    for allocator in sorted(times, key=times.get):
        lines.append(f"  {allocator:<16}{times[allocator]:>7.3f} {memories[allocator]:>9.3f}")
    return lines


def _own_lines(results):
    lines = []
    for label, best, quantity in (("time", "best", TIME), ("peak RSS", "leanest", MEMORY)):
        against = stats.own_against_best(results, quantity)
        if against is not None:
            peer, ratio = against
            lines.append(f"{OWN}'s {label}: {ratio:.3f} of {peer}'s, the {best} peer over all rows")
    for label, quantity in (("slower than the best", TIME), ("larger than the leanest", MEMORY)):
        lost = stats.lost_rows(results, quantity)
        beyond = stats.lost_rows(results, quantity, stats.ROW_LIMIT)
        if OWN in results.allocators:
            lines.append(f"{label} peer of the row: {len(lost)} rows of {len(results.workloads)}, "
                         f"{len(beyond)} of them by more than {stats.ROW_LIMIT - 1:.0%}")
            lines += [f"  {workload:<20} {ratio:.2f} of {peer}'s" for workload, ratio, peer in lost]
    return lines


def summary(results, problems):
    """Geometric means, lost rows, whatever went wrong."""
    lines = _means_lines(results)
    left_out = [name for name in results.workloads if name not in results.complete_rows()]
    if left_out:
        lines.append(f"left out, as not every allocator finished them: {', '.join(left_out)}")
    lines += [""] + _own_lines(results)
    for workload, seen in stats.checksum_conflicts(results).items():
        told = "; ".join(f"{checksum} {', '.join(names)}" for checksum, names in seen.items())
        lines.append(f"PROBLEM: {workload}: outputs differ: {told}")
    lines += [f"PROBLEM: {problem}" for problem in problems]
    return "\n".join(lines).rstrip() + "\n"


def header(machine, allocators):
    lines = [f"{what + ':':<15}{value}" for what, value in machine]
    lines += [f"{allocator.name + ':':<15}{allocator.version}" for allocator in allocators]
    return "\n".join(lines) + "\n"
