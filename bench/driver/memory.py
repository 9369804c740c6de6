"""Runs the rows of resident memory over time and collects their figures."""

import contextlib
import os
from dataclasses import dataclass, field

from . import conditions, timeline
from .measure import Measurer, RunFailed, checksum_of

INTERVAL_MS = 5


@dataclass(frozen=True)
class MemoryRun:
    """One measured run; `curve` is what is drawn of it."""

    workload: str
    allocator: str
    round: int
    checksum: str
    figures: dict
    curve: list = field(default_factory=list, compare=False)

    def value(self, quantity):
        return self.figures.get(quantity)


class MemoryMeasurer:
    """Measures one run at a time, under the conditions that its row asks for."""

    def __init__(self, tools, timeout_s):
        self._measurer = Measurer(tools, timeout_s)

    def close(self):
        self._measurer.close()

    def warm_up(self, row, allocator):
        return self._measurer.warm_up(row.warm_up(), allocator)

    def measure(self, row, allocator, round_number):
        with contextlib.ExitStack() as stack:
            stack.enter_context(conditions.huge_pages(row.huge_pages))
            self._forget_the_last_run()
            cgroup = None
            if row.limit == "cgroup":
                cgroup = stack.enter_context(
                    conditions.limited_cgroup(conditions.memory_cgroup(), row.limit_bytes))
            report, answer = self._measurer.launch(
                row, allocator, self._options(row, cgroup), may_fail=row.limit is not None)
        over_time = self._timeline(row)
        return MemoryRun(
            workload=row.name,
            allocator=allocator.name,
            round=round_number,
            # Under a limit the end may be the kernel's.
            checksum="-" if row.limit is not None else checksum_of(answer),
            figures=row.figures(over_time, report, row),
            curve=over_time.curve(),
        )

    def _options(self, row, cgroup):
        options = ["-s", self._file("samples"), "-r", self._file("marks"), "-e", str(INTERVAL_MS)]
        if row.huge_pages is not None:
            options.append("-a")
        if row.huge_pages == "never":
            options.append("-n")
        if cgroup is not None:
            options += ["-g", cgroup]
        elif row.limit is not None:
            options += ["-v" if row.limit == "as" else "-d", str(row.limit_bytes)]
        return options

    def _forget_the_last_run(self):
        for name in ("samples", "marks"):
            with open(self._file(name), "wb"):
                pass

    def _file(self, name):
        return os.path.join(self._measurer.scratch, name)

    def _timeline(self, row):
        texts = []
        for name in ("samples", "marks"):
            with open(self._file(name), encoding="utf-8") as file:
                texts.append(file.read())
        samples, marks = timeline.read_samples(texts[0]), timeline.read_marks(texts[1])
        if row.limit is not None and not marks:
            # The limit was too low for the program to come as far as its first report.
            samples = samples or [timeline.Sample(0, 0, 0, -1)]
            marks = [timeline.Mark(samples[0].time_ns, 0, "start")]
        try:
            return timeline.Timeline(samples, marks)
        except timeline.TimelineError as error:
            raise RunFailed(str(error)) from None
