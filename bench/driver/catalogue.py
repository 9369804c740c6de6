"""The rows of the benchmark: our own workloads here, real programs in programs.py."""

from dataclasses import dataclass, field
from typing import Callable


@dataclass(frozen=True)
class Workload:
    """One row. `serve` replaces the plain run where the program is a server."""

    name: str
    stresses: str
    argv: list
    environment: dict = field(default_factory=dict)
    stdin: str | None = None
    serve: Callable | None = None
    links_allocator: bool = False


# name, program, arguments, arguments of a quick run, what it stresses.
# All threads are two unless the point is to have more than cores.
OWN_WORKLOADS = (
    ("factoriser", "factoriser", "34 150", "28 150", "short-lived small objects"),
    ("minimiser", "minimiser", "200 40", "20 40", "many small mixed objects, some long-lived"),
    ("mixed-sizes", "mixed_sizes", "100000 24000000", "20000 1000000",
     "many sizes with a long-lived remainder"),
    ("lifetimes", "lifetimes", "1 20000000", "1 500000", "random sizes and lifetimes"),
    ("lifetimes-2", "lifetimes", "2 10000000", "2 250000", "the same in two threads"),
    ("batches", "batches", "1 1 900 20000", "1 1 30 20000",
     "batches freed in order, in reverse, at random"),
    ("batches-2", "batches", "2 2 500 20000", "2 2 20 20000",
     "the same, each freed by the other thread"),
    ("fixed-sizes", "fixed_sizes", "1 1500", "1 50", "fixed patterns, one size at a time"),
    ("fixed-sizes-2", "fixed_sizes", "2 1000", "2 50", "the same in two threads"),
    ("trees", "trees", "6000 12", "300 12", "trees of many small nodes, folded and freed"),
    ("database", "database", "60000 3000000", "5000 100000", "a key-value store of strings"),
    ("containers", "containers", "10000 150", "700 150", "C++ strings, vectors, maps"),
    ("growing", "growing", "8 20000 40", "1 4000 20", "big and growing arrays by realloc"),
    ("large-objects", "large_objects", "16 600 20", "4 20 20", "objects of several MiB"),
    ("server", "server", "4 5000 300 20000", "4 2000 10 5000",
     "server with bleeding threads"),
    ("producers", "producers", "2 2000 2000", "2 100 1000", "producers and consumers"),
    ("exchange", "exchange", "2 3000 4001 32768", "2 200 2001 32768",
     "many sizes up to 32 KiB, threads that swap"),
    ("migration", "migration", "4 150 30000", "4 10 5000",
     "objects that migrate between threads and phases"),
    ("free-only", "free_only", "8 63 1000 1", "8 16 100 1", "a thread that only frees"),
    ("free-only-pooled", "free_only", "8 63 1000 2", "8 16 100 2",
     "the same, one bound for all producers"),
    ("thread-churn", "thread_churn", "16000 4 400", "1000 4 100", "thousands of short threads"),
    ("sharing-active", "false_sharing", "1 2 8000 20000 8", "1 2 500 20000 8",
     "false sharing, active"),
    ("sharing-passive", "false_sharing", "2 2 4000 20000 8", "2 2 500 20000 8",
     "false sharing, passive"),
    ("start-up", "start_up", "1500", "50", "start and end of a tiny program"),
)


def own_workloads(chosen, tools, quick):
    """The rows whose names are chosen."""
    return [
        Workload(name, stresses, [tools.workload(program)] + (short if quick else full).split())
        for name, program, full, short, stresses in OWN_WORKLOADS
        if name in chosen
    ]
