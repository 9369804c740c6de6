"""Medians, spreads, ratios to the best peer, geometric means. No input or output here."""

import math
from dataclasses import dataclass

OWN = "cairn"


def is_own(allocator):
    """cairn, or cairn with options, like cairn-x: neither is its own peer."""
    return allocator == OWN or allocator.startswith(OWN + "-")


# The quantities that allocators are ranked by; the smaller, the better.
TIME = "wall_ns"
MEMORY = "peak_rss_kb"
# The acceptable loss against the best peer of a row, noise included.
ROW_LIMIT = 1.10


@dataclass(frozen=True)
class Run:
    """One measured run of a workload under an allocator."""

    workload: str
    allocator: str
    round: int
    wall_ns: int
    user_us: int
    system_us: int
    peak_rss_kb: int
    minor_faults: int
    major_faults: int
    checksum: str

    def value(self, quantity):
        return getattr(self, quantity)


QUANTITIES = ("wall_ns", "user_us", "system_us", "peak_rss_kb", "minor_faults", "major_faults")


@dataclass(frozen=True)
class Spread:
    """What the rounds of one quantity came to."""

    median: float
    low: float
    high: float
    quartile1: float
    quartile3: float


def quantile(values, q):
    """The q-quantile with linear interpolation between order statistics."""
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median(values):
    return quantile(values, 0.5)


def spread(values):
    return Spread(
        median(values), min(values), max(values), quantile(values, 0.25), quantile(values, 0.75)
    )


def geometric_mean(values):
    values = list(values)
    return math.exp(sum(math.log(value) for value in values) / len(values))


class Results:
    """All runs, by workload and allocator. Allocators keep the order of `allocators`, others
    follow in the order in which they are first seen."""

    def __init__(self, runs=(), allocators=()):
        self.workloads = []
        self._order = list(allocators)
        self._runs = {}
        for run in runs:
            self.add(run)

    def add(self, run):
        if run.workload not in self.workloads:
            self.workloads.append(run.workload)
        if run.allocator not in self._order:
            self._order.append(run.allocator)
        self._runs.setdefault((run.workload, run.allocator), []).append(run)

    @property
    def allocators(self):
        """Those that have finished at least one run."""
        seen = {allocator for _, allocator in self._runs}
        return [allocator for allocator in self._order if allocator in seen]

    def all_runs(self):
        return [run for runs in self._runs.values() for run in runs]

    def runs(self, workload, allocator):
        return self._runs.get((workload, allocator), [])

    def spread(self, workload, allocator, quantity):
        """The spread over the rounds; None if the allocator has no run in this row, or its runs do
        not have the quantity."""
        values = [run.value(quantity) for run in self.runs(workload, allocator)]
        values = [value for value in values if value is not None]
        return spread(values) if values else None

    def medians(self, workload, quantity):
        """Allocator -> median of the rounds, for those that ran."""
        row = {}
        for allocator in self.allocators:
            measured = self.spread(workload, allocator, quantity)
            if measured is not None:
                row[allocator] = measured.median
        return row

    def peers(self):
        return [allocator for allocator in self.allocators if not is_own(allocator)]

    def complete_rows(self):
        """The workloads that every allocator finished: only these enter geometric means."""
        return [
            workload
            for workload in self.workloads
            if all(self.runs(workload, allocator) for allocator in self.allocators)
        ]


def best_peer(row):
    """(name, value) of the smallest value that is not cairn's, or None."""
    peers = {allocator: value for allocator, value in row.items() if not is_own(allocator)}
    if not peers:
        return None
    name = min(peers, key=peers.get)
    return name, peers[name]


def ratios_to_best(row):
    """Allocator -> its value over the best peer's."""
    best = best_peer(row)
    if best is None or best[1] <= 0:
        return {}
    return {allocator: value / best[1] for allocator, value in row.items()}


def geometric_means(results, quantity, workloads=None):
    """Allocator -> geometric mean over the complete rows of its median over the first peer's.

    The reference is one and the same allocator in all rows, so the quotient of two of these
    figures is the geometric mean of the two allocators' quotients, whichever the reference.
    """
    rows = results.complete_rows() if workloads is None else workloads
    peers = results.peers()
    if not rows or not peers:
        return {}
    medians = {workload: results.medians(workload, quantity) for workload in rows}
    return {
        allocator: geometric_mean(
            max(medians[workload][allocator], 1) / max(medians[workload][peers[0]], 1)
            for workload in rows
        )
        for allocator in results.allocators
    }


def own_against_best(results, quantity):
    """(best peer over all rows, cairn's geometric mean over its); None without cairn or peers."""
    means = geometric_means(results, quantity)
    best = best_peer(means)
    if best is None or OWN not in means:
        return None
    return best[0], means[OWN] / best[1]


def lost_rows(results, quantity, limit=1.0):
    """[(workload, ratio, best peer)] where cairn is above `limit` times the best peer, worst
    first."""
    lost = []
    for workload in results.workloads:
        row = results.medians(workload, quantity)
        ratio = ratios_to_best(row).get(OWN)
        if ratio is not None and ratio > limit:
            lost.append((workload, ratio, best_peer(row)[0]))
    return sorted(lost, key=lambda entry: -entry[1])


def checksum_conflicts(results):
    """Workloads whose runs do not all have one checksum -> {checksum: [allocators]}."""
    conflicts = {}
    for workload in results.workloads:
        seen = {}
        for allocator in results.allocators:
            for run in results.runs(workload, allocator):
                names = seen.setdefault(run.checksum, [])
                if allocator not in names:
                    names.append(allocator)
        if len(seen) > 1:
            conflicts[workload] = seen
    return conflicts
