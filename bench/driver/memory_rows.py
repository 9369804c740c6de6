"""The rows of resident memory over time: programs, conditions, and which figures tell of each."""

from dataclasses import dataclass, replace
from typing import Callable

from . import conditions
from .catalogue import Workload

MB = 1e6
MIB = 1 << 20
# Held bytes below this are not told apart: samples are off by some pages.
FLOOR_MB = 0.1


@dataclass(frozen=True)
class Figure:
    """One column. Of ranked ones the smallest is the best."""

    key: str
    head: str
    decimals: int = 1
    ranked: bool = True


FIGURES = {figure.key: figure for figure in (
    Figure("before_mb", "before MB", ranked=False),
    Figure("peak_mb", "peak MB"),
    Figure("at_once_mb", "at once MB"),
    Figure("held_mb", "held MB"),
    Figure("held_percent", "of peak %", ranked=False),
    Figure("held_per_live", "held/live", 2, ranked=False),  # held MB ranks in the same way
    Figure("peak_per_live", "peak/live", 2),
    Figure("mean_per_live", "mean/live", 2),
    Figure("low_per_live", "low/live", 2),
    Figure("low_mb", "low MB"),
    Figure("night_per_live", "night/live", 2),
    Figure("thread_kib", "KiB/thread"),
    Figure("huge_percent", "huge %", 0, ranked=False),
    Figure("small_percent", "not huge %", 0),
    Figure("reached_mb", "reached MB", ranked=False),
    Figure("limit_per_live", "limit/live", 2),
    Figure("swing_ms", "swing ms", 0),
    Figure("swing_faults", "its faults", 0),
    Figure("grow_ms", "time ms", 0),
    Figure("cpu_ms", "cpu ms", 0),
    Figure("faults", "faults", 0),
)}


@dataclass(frozen=True)
class MemoryRow(Workload):
    """`small` is the program's command line for a warm-up, without reports. A row with a limit ends
    as it may: how far the program came is its figure."""

    small: tuple = ()
    figures: Callable | None = None
    huge_pages: str | None = None
    limit: str | None = None  # "as", "data" or "cgroup"
    limit_bytes: int = 0

    def warm_up(self):
        """The same program, small, under no conditions."""
        return replace(self, argv=list(self.small), huge_pages=None, limit=None)


def _held(timeline, sample):
    return max((sample.resident - timeline.base) / MB, FLOOR_MB)


def _cost(report):
    return {"cpu_ms": (report["user_us"] + report["system_us"]) / 1e3,
            "faults": max(report["minor_faults"], 1)}


def _idle(timeline, report, _):
    """Fill, free, idle."""
    span = timeline.spans("idle")[0]
    peak, held = (timeline.peak - timeline.base) / MB, _held(timeline, timeline.at(span.end_ns))
    live = timeline.live_at(span.end_ns) / MB
    figures = {
        "before_mb": timeline.base / MB,
        "peak_mb": peak,
        "at_once_mb": _held(timeline, timeline.after(span.start_ns)),
        "held_mb": held,
        "held_percent": 100 * held / peak,
    }
    if live > 0:
        figures["held_per_live"] = held / live
    return {**figures, **_cost(report)}


def _swing(timeline, report, _):
    """Grow, top, shrink, bottom, again and again; then after."""
    spans, after = timeline.spans("grow", "shrink"), timeline.spans("after")[0]
    first, last = timeline.at(spans[0].start_ns), timeline.at(after.start_ns)
    held = _held(timeline, timeline.at(after.end_ns))
    low_mb = max(timeline.held_at_ends("bottom") / MB, FLOOR_MB)
    live = timeline.live_at(after.end_ns) / MB
    figures = {
        "swing_ms": sum(span.length_ns for span in spans) / 1e6,
        "swing_faults": max(last.faults - first.faults, 1),
        "peak_per_live": (timeline.peak - timeline.base) / timeline.peak_live,
        "mean_per_live": timeline.mean_per_live(_whole(spans)),
        "held_mb": held,
    }
    if live > 0:
        figures |= {"low_per_live": low_mb / live, "held_per_live": held / live}
    else:
        figures["low_mb"] = low_mb
    return {**figures, "cpu_ms": _cost(report)["cpu_ms"]}


def _whole(spans):
    """From the first's beginning to the last's end."""
    return replace(spans[0], end_ns=spans[-1].end_ns)


def _day(timeline, report, _):
    night = timeline.spans("night")
    return {
        "mean_per_live": timeline.mean_per_live(_whole(timeline.spans("day", "night"))),
        "peak_per_live": (timeline.peak - timeline.base) / timeline.peak_live,
        "night_per_live": timeline.mean_per_live(_whole(night)),
        **_cost(report),
    }


def _idle_threads(timeline, report, row):
    span = timeline.spans("idle")[0]
    held, live = timeline.at(span.end_ns).resident - timeline.base, timeline.live_at(span.end_ns)
    threads = int(row.argv[3])
    return {
        "thread_kib": max((held - live) / 1024 / threads, FLOOR_MB),
        "peak_mb": (timeline.peak - timeline.base) / MB,
        "held_mb": max(held / MB, FLOOR_MB),
        **_cost(report),
    }


def _huge(timeline, report, row):
    """Sparse heaps are to be small under any mode, dense ones to lie in huge pages if asked."""
    last = timeline.at(timeline.spans("idle")[0].end_ns)
    held = _held(timeline, last)
    huge = 100 * max(last.huge, 0) / last.resident
    figures = {"held_mb": held, "held_per_live": held * MB / timeline.live_at(last.time_ns)}
    figures["huge_percent"] = huge
    if row.name.endswith("dense-always"):
        figures["small_percent"] = max(100 - huge, 1)
    return {**figures, **_cost(report)}


def _limit(timeline, _, row):
    reached = timeline.peak_live
    return {"limit_per_live": row.limit_bytes / max(reached, MB), "reached_mb": reached / MB}


def _doubling(timeline, report, _):
    return {
        "grow_ms": sum(span.length_ns for span in timeline.spans("grow")) / 1e6,
        "peak_per_live": (timeline.peak - timeline.base) / timeline.peak_live,
        **_cost(report),
    }


# name, program, arguments, arguments of a quick run, figures, conditions, what it shows.
SPARSE, SPARSE_QUICK = "4 260 64 500", "4 26 64 100"
DENSE, DENSE_QUICK = "2 200 3000000", "2 20 20000"
ROWS = (
    ("free-all", "idle", "4 260 0 2000", "4 26 0 100", _idle, {},
     "four threads free all and idle for 2 s"),
    ("survivors-8", "idle", "4 260 8 2000", "4 26 8 100", _idle, {}, "the same, 1 in 8 survives"),
    ("survivors-64", "idle", "4 260 64 2000", "4 26 64 100", _idle, {},
     "the same, 1 in 64 survives"),
    ("survivors-512", "idle", "4 260 512 2000", "4 26 512 100", _idle, {},
     "the same, 1 in 512 survives"),
    ("swing-quick", "oscillate", "2 200 10 30 0 1000", "2 20 10 3 0 100", _swing, {},
     "grow and shrink by 10 x in tens of ms"),
    ("swing-slow", "oscillate", "2 200 10 4 500 1000", "2 20 10 2 60 100", _swing, {},
     "grow and shrink by 10 x in a second"),
    ("day", "day", "20 200", "1 20", _day, {}, "a day in a server's life, compressed"),
    ("handover", "handover", "2 100 5 1000", "2 10 2 100", _swing, {},
     "a backlog made by producers, freed by consumers"),
    ("idle-threads", "idle_threads", "200 1024 16 1000", "20 1024 16 100", _idle_threads, {},
     "200 threads that worked once"),
    *((f"huge-sparse-{mode}", "idle", SPARSE, SPARSE_QUICK, _huge, {"huge_pages": mode},
       f"survivors-64, huge pages: {mode}") for mode in conditions.MODES),
    *((f"huge-dense-{mode}", "steady", DENSE, DENSE_QUICK, _huge, {"huge_pages": mode},
       f"random replacement in a dense heap, huge pages: {mode}") for mode in conditions.MODES),
    ("limit-as", "grow", "2000", "60", _limit, {"limit": "as", "limit_bytes": 512 * MIB},
     "how far a program grows in 512 MiB of address space (ulimit -v)"),
    ("limit-data", "grow", "2000", "60", _limit, {"limit": "data", "limit_bytes": 256 * MIB},
     "the same with RLIMIT_DATA of 256 MiB"),
    ("limit-cgroup", "grow", "2000", "60", _limit, {"limit": "cgroup", "limit_bytes": 256 * MIB},
     "the same in a cgroup (version 2) of 256 MiB"),
    ("doubling", "doubling", "1024", "32", _doubling, {}, "an array doubled by realloc to 1 GiB"),
)


def row_named(name, tools, quick=False):
    """The row of that name."""
    name, program, full, short, figures, wants, shows = next(row for row in ROWS if row[0] == name)
    path = tools.workload(program)
    argv = [path, "-r", "3", *(short if quick else full).split()]
    return MemoryRow(name, shows, argv, small=(path, *short.split()), figures=figures, **wants)


def missing_condition(row, keep_settings):
    """Why the row cannot be run on this machine; None if it can."""
    if row.huge_pages not in (None, "never", conditions.huge_pages_mode()):
        if keep_settings:
            return f"{conditions.HUGE_PAGES} is not {row.huge_pages!r} and is to be kept"
        if not conditions.can_set_huge_pages():
            return f"{conditions.HUGE_PAGES} is not {row.huge_pages!r} and cannot be set"
    if row.limit == "cgroup" and conditions.memory_cgroup() is None:
        return "there is no cgroup (version 2) with a memory controller that may have children"
    return None
