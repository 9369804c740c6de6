"""One run over time: what the launcher sampled, and what the program said of itself.

Both use one clock. The launcher's samples are lines "time resident faults huge", the program's
reports lines "time live phase"; see bench/sampler.h and bench/memory/memory_util.h.
"""

import bisect
from dataclasses import dataclass

from . import stats


@dataclass(frozen=True)
class Sample:
    """`huge` is the part of the resident bytes in whole huge pages; -1 if nobody looked."""

    time_ns: int
    resident: int
    faults: int
    huge: int


@dataclass(frozen=True)
class Mark:
    """A phase begins, or goes on, with so many bytes asked for and not freed."""

    time_ns: int
    live: int
    phase: str


@dataclass(frozen=True)
class Span:
    """A phase from its beginning to that of the next."""

    start_ns: int
    end_ns: int

    @property
    def length_ns(self):
        return self.end_ns - self.start_ns


class TimelineError(Exception):
    """The files of a run do not hold what they should."""


def read_samples(text):
    return [Sample(*map(int, line.split())) for line in text.splitlines()]


def read_marks(text):
    marks = []
    for line in text.splitlines():
        time, live, phase = line.split()
        marks.append(Mark(int(time), int(live), phase))
    # Threads may report at the same time.
    return sorted(marks, key=lambda mark: mark.time_ns)


class Timeline:
    """Samples and marks from the beginning to the mark "end", or to the last there is."""

    def __init__(self, samples, marks):
        if not samples:
            raise TimelineError("not one sample was taken")
        if not marks:
            raise TimelineError("the program reported nothing")
        end = marks[-1].time_ns if marks[-1].phase == "end" else samples[-1].time_ns
        self.marks = marks
        self.samples = [sample for sample in samples if sample.time_ns <= end] or samples[:1]
        self._sample_times = [sample.time_ns for sample in self.samples]
        self._mark_times = [mark.time_ns for mark in marks]
        self.end_ns = max(end, marks[-1].time_ns)

    def spans(self, *phases):
        """All spans of these phases; marks of one phase in a row make one."""
        found, start, before = [], None, None
        for mark in self.marks + [Mark(self.end_ns, 0, "end")]:
            if mark.phase != before:
                if before in phases:
                    found.append(Span(start, mark.time_ns))
                start, before = mark.time_ns, mark.phase
        return found

    def at(self, time_ns):
        """The last sample not after that time; the first of all if there is none."""
        return self.samples[max(bisect.bisect_right(self._sample_times, time_ns) - 1, 0)]

    def after(self, time_ns):
        """The first sample not before that time; the last of all if there is none."""
        place = bisect.bisect_left(self._sample_times, time_ns)
        return self.samples[min(place, len(self.samples) - 1)]

    def within(self, span):
        """The samples in a span."""
        first = bisect.bisect_left(self._sample_times, span.start_ns)
        return self.samples[first:bisect.bisect_right(self._sample_times, span.end_ns)]

    def live_at(self, time_ns):
        """Live bytes, linear between reports."""
        place = bisect.bisect_right(self._mark_times, time_ns)
        if place == 0:
            return self.marks[0].live
        if place == len(self.marks):
            return self.marks[-1].live
        before, after = self.marks[place - 1], self.marks[place]
        part = (time_ns - before.time_ns) / max(after.time_ns - before.time_ns, 1)
        return before.live + part * (after.live - before.live)

    @property
    def base(self):
        """Resident before the program began: of the phase "start", the last sample."""
        starts = self.spans("start")
        return (self.at(starts[0].end_ns) if starts else self.samples[0]).resident

    @property
    def peak(self):
        return max(sample.resident for sample in self.samples)

    @property
    def peak_live(self):
        return max(mark.live for mark in self.marks)

    def mean_per_live(self, span):
        """Mean of resident bytes beyond the base, over the mean of live bytes."""
        samples = self.within(span)
        live = sum(self.live_at(sample.time_ns) for sample in samples)
        held = sum(sample.resident - self.base for sample in samples)
        return held / live if live > 0 else float("inf")

    def held_at_ends(self, *phases):
        """The median over the spans of what is resident beyond the base at their ends."""
        return stats.median([self.at(span.end_ns).resident - self.base
                             for span in self.spans(*phases)])

    def curve(self, points=600):
        """[(seconds since the start, resident bytes, live bytes)], thinned to that many: of
        neighbours the highest."""
        start = self.marks[0].time_ns
        step = -(-len(self.samples) // points)
        groups = [self.samples[i:i + step] for i in range(0, len(self.samples), step)]
        highest = [max(group, key=lambda sample: sample.resident) for group in groups]
        return [((sample.time_ns - start) / 1e9, sample.resident, self.live_at(sample.time_ns))
                for sample in highest]
