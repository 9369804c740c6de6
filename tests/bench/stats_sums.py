#!/usr/bin/env python3
"""Every program of bench/, small, with the library's statistics compared with /proc/PID/smaps while
it runs (stats_probe.c): within 2 %, and some pages for small programs.

    stats_sums.py [--self-test] BENCH LIBCAIRN PROBE

BENCH is where the programs were built. A line for each: comparisons, and the worst deviation of the
heap's and of the process's resident bytes.
The self-test makes the probe's figures wrong, one after the other, and expects to hear of it.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
from driver.catalogue import OWN_WORKLOADS
from driver.memory_rows import ROWS

SAMPLES_MIN = 5
RUNS_MAX = 20  # of a program that ends sooner than that
SHARE = 0.02
PAGES_BYTES = {"heap": 16 * 1024, "process": 64 * 1024}
TELLING_BYTES = 1 << 20  # of less than this a share is not told
TIMEOUT_S = 60
FALSE_FIGURES = ("heap", "process", "metadata", "sum")


@dataclass(frozen=True)
class Sample:
    heap: int
    kernel_heap: int
    process: int
    kernel_process: int
    metadata: int
    wrong_sum: str

    def pairs(self):
        return (("heap", self.heap, self.kernel_heap),
                ("process", self.process, self.kernel_process))

    def mistakes(self):
        found = [f"not so: {self.wrong_sum}"] if self.wrong_sum != "-" else []
        return found + [f"resident bytes of the {what}: {ours}, {kernels} as the kernel counts"
                        for what, ours, kernels in self.pairs()
                        if abs(ours - kernels) > SHARE * kernels + PAGES_BYTES[what]]


def programs():
    """Name and command line of each: the workloads, and the memory rows that differ."""
    found = {}
    for name, program, _, short, *_ in OWN_WORKLOADS + ROWS:
        found.setdefault((program, *short.split()), name)
    return [(name, list(argv)) for argv, name in found.items()]


def run(argv, bench, preloads, false_figure=None):
    """The samples of a run, or of more until they are enough."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "samples")
        path.touch()
        environment = {**os.environ, "LD_PRELOAD": " ".join(preloads),
                       "CAIRN_STATS_PROBE": str(path)}
        if false_figure is not None:
            environment["CAIRN_STATS_PROBE_FALSE"] = false_figure
        for _ in range(RUNS_MAX):
            done = subprocess.run([os.path.join(bench, argv[0]), *argv[1:]], env=environment,
                                  timeout=TIMEOUT_S, capture_output=True, text=True, check=False)
            if done.returncode != 0 or done.stderr:
                sys.exit(f"{' '.join(argv)}: exit status {done.returncode}\n{done.stderr}")
            lines = path.read_text(encoding="utf-8").splitlines()
            if len(lines) >= SAMPLES_MIN:
                break
    return [read(line) for line in lines]


def read(line):
    *figures, wrong_sum = line.split(" ", 5)
    return Sample(*(int(figure) for figure in figures), wrong_sum)


def worst(samples, what):
    """In percent, and the bytes where they differ most."""
    pairs = [(ours, kernels) for sample in samples for which, ours, kernels in sample.pairs()
             if which == what]
    shares = [abs(ours - kernels) / kernels for ours, kernels in pairs
              if kernels >= TELLING_BYTES]
    percent = f"{100 * max(shares):5.2f} %" if shares else "   small"
    return f"{percent} {max(abs(ours - kernels) for ours, kernels in pairs) / 1024:6.0f} KiB"


def check(bench, preloads):
    failed = False
    print("program            samples  peak MB  heap: worst share, bytes  process: the same")
    for name, argv in programs():
        samples = run(argv, bench, preloads)
        mistakes = [mistake for sample in samples for mistake in sample.mistakes()]
        if len(samples) < SAMPLES_MIN:
            mistakes.append(f"{len(samples)} comparisons, fewer than {SAMPLES_MIN}")
        peak = max((sample.kernel_process for sample in samples), default=0) / 1e6
        print(f"{name:18} {len(samples):7} {peak:8.1f}", "      ", worst(samples, "heap"), "      ",
              worst(samples, "process"), flush=True)
        for mistake in mistakes[:5]:
            print(f"    {name}: {mistake}")
        failed = failed or bool(mistakes)
    return failed


def self_test(bench, preloads):
    """Each false figure is found in every sample, and none in a run without."""
    argv = next(argv for name, argv in programs() if name == "mixed-sizes")
    failed = False
    for figure in (None, *FALSE_FIGURES):
        samples = run(argv, bench, preloads, figure)
        found = sum(bool(sample.mistakes()) for sample in samples)
        print(f"{figure or 'nothing'} false: noticed in {found} of {len(samples)} samples")
        expected = 0 if figure is None else len(samples)
        failed = failed or found != expected or len(samples) < SAMPLES_MIN
    return failed


def main(arguments):
    what = self_test if arguments[0] == "--self-test" else check
    bench, *preloads = arguments[-3:]
    sys.exit(what(bench, preloads))


if __name__ == "__main__":
    main(sys.argv[1:])
