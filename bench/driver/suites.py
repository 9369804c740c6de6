"""The two things that bench/run measures: time and peak memory of many workloads, and resident
memory over time. Both are rows, measured in the same way: round by round, allocator by allocator.
"""

import os

from . import (allocators, catalogue, measure, memory, memory_picture, memory_report, memory_rows,
               picture, programs, report)


def _write(directory, texts):
    os.makedirs(directory, exist_ok=True)
    for name, content in texts.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            file.write(content)


def _caption(results, conditions):
    told = dict(conditions)
    rounds = max((run.round for run in results.all_runs()), default=0)
    return f"{told['cpu']}; {told['system']}; kernel {told['kernel']}; rounds: {rounds}"


class Workloads:
    """Our own workloads and real programs."""

    peers = allocators.DEFAULT_PEERS
    rounds = 5
    folder = "bench-results"
    files = ("report.txt", report.RAW_FILE, report.MEDIANS_FILE, "bench.svg")

    def __init__(self, with_programs):
        self._with_programs = with_programs

    def named(self):
        """[(name, what it stresses)] of all rows."""
        named = [(row[0], row[-1]) for row in catalogue.OWN_WORKLOADS]
        if self._with_programs:
            named += [(row[0], row[1]) for row in programs.PROGRAMS]
        return named

    @staticmethod
    def own_rows(names, tools, quick):
        """Those whose programs are built by us."""
        return catalogue.own_workloads(names, tools, quick)

    @staticmethod
    def other_rows(names, data, quick):
        return programs.program_workloads(names, data, quick)

    @staticmethod
    def measurer(tools, timeout_s):
        return measure.Measurer(tools, timeout_s)

    @staticmethod
    def table(results, row):
        return report.workload_table(results, row.name, row.stresses)

    @staticmethod
    def summary(results, problems):
        return report.summary(results, problems)

    def write(self, directory, results, conditions, text):
        _write(directory, {
            self.files[0]: text,
            self.files[3]: picture.draw(results, _caption(results, conditions)),
        })
        report.write_raw(os.path.join(directory, self.files[1]), results)
        report.write_medians(os.path.join(directory, self.files[2]), results)


class MemoryOverTime:
    """Programs whose resident memory is watched."""

    # TBB's malloc is left to --peers: it stands for no idea of its own here.
    peers = ("glibc", "jemalloc", "mimalloc", "tcmalloc")
    rounds = 3
    folder = "bench-memory"
    files = ("report.txt", report.RAW_FILE, report.MEDIANS_FILE, memory_report.TIMELINES_FILE,
             "memory.svg")

    def __init__(self, keep_settings):
        self._keep_settings = keep_settings
        self._left_out = []

    @staticmethod
    def named():
        return [(row[0], row[-1]) for row in memory_rows.ROWS]

    def own_rows(self, names, tools, quick):
        rows = [memory_rows.row_named(name, tools, quick) for name in names]
        reasons = {row.name: memory_rows.missing_condition(row, self._keep_settings)
                   for row in rows}
        self._left_out = [(name, why) for name, why in reasons.items() if why is not None]
        return [row for row in rows if reasons[row.name] is None]

    @staticmethod
    def other_rows(_names, _data, _quick):
        return []

    @staticmethod
    def measurer(tools, timeout_s):
        return memory.MemoryMeasurer(tools, timeout_s)

    @staticmethod
    def table(results, row):
        return memory_report.workload_table(results, row.name, row.stresses)

    def summary(self, results, problems):
        return memory_report.summary(results, self._left_out, problems)

    def write(self, directory, results, conditions, text):
        drawn = memory_picture.draw(results, dict(self.named()), _caption(results, conditions))
        _write(directory, {self.files[0]: text, self.files[4]: drawn})
        memory_report.write_raw(os.path.join(directory, self.files[1]), results)
        memory_report.write_medians(os.path.join(directory, self.files[2]), results)
        memory_report.write_timelines(os.path.join(directory, self.files[3]), results)
