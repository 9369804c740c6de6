#!/usr/bin/env python3
"""Tests of bench/run: the arithmetic on made-up figures, the whole on made-up allocators."""

import os
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

# First, as it says where the driver is.
from made_up import HERE, TOOLS, WRAPPER, DriverCase
from driver import allocators, catalogue, inputs, measure, picture, programs, report, stats


def run(workload, allocator, wall, rss=1000, number=1, checksum="c"):
    return stats.Run(workload, allocator, number, wall, 0, 0, rss, 0, 0, checksum)


def three_rows():
    """cairn wins the first row, loses the second by a little and the third by much."""
    return stats.Results(
        [
            run("a", "glibc", 200, 100), run("a", "fast", 100, 400), run("a", "cairn", 50, 100),
            run("b", "glibc", 100, 100), run("b", "fast", 200, 400), run("b", "cairn", 105, 150),
            run("c", "glibc", 800, 100), run("c", "fast", 100, 400), run("c", "cairn", 200, 200),
        ],
        ["cairn", "glibc", "fast"],
    )


class Arithmetic(unittest.TestCase):
    def test_median_of_odd_and_even_counts(self):
        self.assertEqual(stats.median([3, 1, 2]), 2)
        self.assertEqual(stats.median([4, 1, 2, 3]), 2.5)
        self.assertEqual(stats.median([7]), 7)

    def test_spread_has_extremes_and_quartiles(self):
        spread = stats.spread([5, 1, 2, 4, 3])
        self.assertEqual((spread.low, spread.quartile1, spread.median), (1, 2, 3))
        self.assertEqual((spread.quartile3, spread.high), (4, 5))

    def test_geometric_mean(self):
        self.assertAlmostEqual(stats.geometric_mean([1, 4, 16]), 4)

    def test_median_is_not_moved_by_one_disturbed_round(self):
        results = stats.Results(
            run("a", "glibc", wall, number=i) for i, wall in enumerate([10, 11, 900, 9, 10])
        )
        self.assertEqual(results.medians("a", stats.TIME), {"glibc": 10})


class Ratios(unittest.TestCase):
    def test_cairn_is_never_its_own_best_peer(self):
        self.assertEqual(stats.best_peer({"cairn": 1, "x": 3, "y": 2}), ("y", 2))
        self.assertIsNone(stats.best_peer({"cairn": 1}))
        self.assertEqual(stats.best_peer({"cairn": 3, "cairn-tuned": 1, "x": 2}), ("x", 2))

    def test_ratios_are_to_the_best_peer_of_the_row(self):
        ratios = stats.ratios_to_best(three_rows().medians("b", stats.TIME))
        self.assertEqual(ratios, {"cairn": 1.05, "glibc": 1.0, "fast": 2.0})

    def test_geometric_means_have_one_reference(self):
        means = stats.geometric_means(three_rows(), stats.TIME)
        self.assertAlmostEqual(means["glibc"], 1)
        self.assertAlmostEqual(means["fast"], (1 / 2 * 2 * 1 / 8) ** (1 / 3))
        self.assertAlmostEqual(means["cairn"], (1 / 4 * 1.05 * 1 / 4) ** (1 / 3))

    def test_best_peers_of_time_and_memory_may_differ(self):
        results = three_rows()
        peer, ratio = stats.own_against_best(results, stats.TIME)
        self.assertEqual(peer, "fast")
        self.assertAlmostEqual(ratio, (0.5 * 0.525 * 2) ** (1 / 3))
        peer, ratio = stats.own_against_best(results, stats.MEMORY)
        self.assertEqual(peer, "glibc")
        self.assertAlmostEqual(ratio, 3 ** (1 / 3))

    def test_result_does_not_depend_on_the_reference(self):
        reordered = stats.Results(three_rows().all_runs(), ["fast", "glibc", "cairn"])
        self.assertEqual(
            stats.own_against_best(reordered, stats.TIME)[0],
            stats.own_against_best(three_rows(), stats.TIME)[0],
        )
        self.assertAlmostEqual(
            stats.own_against_best(reordered, stats.TIME)[1],
            stats.own_against_best(three_rows(), stats.TIME)[1],
        )

    def test_lost_rows_worst_first(self):
        lost = stats.lost_rows(three_rows(), stats.TIME)
        self.assertEqual([(name, peer) for name, _, peer in lost], [("c", "fast"), ("b", "glibc")])
        beyond = stats.lost_rows(three_rows(), stats.TIME, stats.ROW_LIMIT)
        self.assertEqual([name for name, _, _ in beyond], ["c"])

    def test_rows_that_one_allocator_missed_stay_out_of_the_means(self):
        results = three_rows()
        results.add(run("d", "glibc", 1))
        self.assertEqual(results.complete_rows(), ["a", "b", "c"])
        self.assertEqual(
            stats.geometric_means(results, stats.TIME),
            stats.geometric_means(three_rows(), stats.TIME),
        )

    def test_one_deviating_checksum_is_found(self):
        results = three_rows()
        self.assertEqual(stats.checksum_conflicts(results), {})
        results.add(run("b", "fast", 200, number=2, checksum="other"))
        self.assertEqual(
            stats.checksum_conflicts(results),
            {"b": {"c": ["cairn", "glibc", "fast"], "other": ["fast"]}},
        )


class Telling(unittest.TestCase):
    def test_raw_runs_survive_writing_and_reading(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "raw.csv")
            report.write_raw(path, three_rows())
            self.assertEqual(report.read_raw(path).all_runs(), three_rows().all_runs())

    def test_lost_rows_are_marked(self):
        def line(workload):
            table = report.workload_table(three_rows(), workload)
            return next(line for line in table.splitlines() if "cairn" in line)

        self.assertNotIn("<", line("a"))
        self.assertRegex(line("b"), r"1\.05 <  .*1\.50 <<")
        self.assertRegex(line("c"), r"2\.00 <<")

    def test_summary_names_rows_ratios_and_problems(self):
        text = report.summary(three_rows(), ["a under b: exit status 1"])
        self.assertRegex(text, r"cairn's time: 0\.\d+ of fast's, the best peer over all rows")
        self.assertRegex(text, r"slower than the best peer of the row: 2 rows of 3, 1 of them")
        self.assertIn("PROBLEM: a under b: exit status 1", text)

    def test_picture_is_xml_and_shows_every_dot(self):
        results = three_rows()
        root = xml.etree.ElementTree.fromstring(picture.draw(results, "a & b < c"))
        dots = root.findall("{http://www.w3.org/2000/svg}circle")
        # Two matrices of three rows and three allocators, and the legend.
        self.assertEqual(len(dots), 2 * 3 * 3 + 3)

    def test_medians_have_a_line_per_workload_and_allocator(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "medians.csv")
            report.write_medians(path, three_rows())
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
        self.assertEqual(len(lines), 1 + 9)
        self.assertTrue(lines[4].endswith(",1.0500,1.5000"), lines[4])


class Inputs(unittest.TestCase):
    def test_generators_give_the_same_text_again(self):
        made = (inputs.sqlite_script, inputs.redis_commands, inputs.c_source, inputs.z3_problem,
                inputs.postscript_pages, inputs.git_history)
        for generate in made:
            texts = {generate(1, programs.random.Random("seed")) for _ in range(2)}
            self.assertEqual(len(texts), 1, generate.__name__)

    def test_names_of_rows_differ(self):
        names = [row[0] for row in catalogue.OWN_WORKLOADS + programs.PROGRAMS]
        self.assertEqual(len(names), len(set(names)))

    def test_peers_may_be_tuned(self):
        peer = allocators.named_peer("tuned=glibc,A=1,a:2,B_2=x=y")
        self.assertEqual((peer.name, peer.path), ("tuned", None))
        self.assertEqual(peer.environment, {"A": "1,a:2", "B_2": "x=y"})
        self.assertTrue(peer.version.endswith(" A=1,a:2 B_2=x=y"), peer.version)
        self.assertEqual(allocators.named_peer("plain=glibc").environment, {})

    def test_bad_peers_are_refused(self):
        for argument in ("nothing", "=x", "x=", "x=/nonexistent.so", "x=/nonexistent.so,A=1",
                         "A=1,x=glibc"):
            with self.assertRaises(allocators.AllocatorError):
                allocators.named_peer(argument)
        with self.assertRaises(allocators.AllocatorError):
            allocators.default_peer("nobody")


SLOW = """
static int is_mine(void *p) { (void)p; return 0; }
""" + WRAPPER + """
void *malloc(size_t n) { for (volatile int i = 0; i < 300; i++); return __libc_malloc(n); }
"""
FAT = """
static int is_mine(void *p) { (void)p; return 0; }
""" + WRAPPER + """
#include <string.h>
void *malloc(size_t n) {
    static int taken;
    if (!taken) { taken = 1; memset(__libc_malloc(64 << 20), 1, 64 << 20); }
    return __libc_malloc(n);
}
"""
# Hands out one and the same memory for all requests of some sizes.
OVERLAPPING = """
static char pool[1024];
static int is_mine(void *p) { return p == (void *)pool; }
""" + WRAPPER + """
void *malloc(size_t n) { return n > 600 && n < 1000 ? pool : __libc_malloc(n); }
"""
CRASHING = """
static int is_mine(void *p) { (void)p; return 0; }
""" + WRAPPER + """
void *malloc(size_t n) { if (n == 16) __builtin_trap(); return __libc_malloc(n); }
"""
USELESS = "int nothing_to_see_here;\n"


class Driver(DriverCase):
    """bench/run itself, on allocators that are slow, fat or broken."""

    def test_slow_allocator_is_slow(self):
        status, told, out = self.bench("--only", "fixed-sizes", "--rounds", "3",
                                       "--peer", self.library("slow", SLOW))
        self.assertEqual(status, 0, told)
        results = report.read_raw(os.path.join(out, report.RAW_FILE))
        self.assertEqual(len(results.all_runs()), 6)
        self.assertGreater(
            stats.ratios_to_best(results.medians("fixed-sizes", stats.TIME))["slow"], 2
        )
        for name in ("report.txt", "medians.csv", "bench.svg"):
            self.assertGreater(os.path.getsize(os.path.join(out, name)), 0)

    def test_peak_memory_is_the_workloads_own(self):
        status, told, out = self.bench("--only", "fixed-sizes",
                                       "--peer", self.library("fat", FAT))
        self.assertEqual(status, 0, told)
        rss_kb = report.read_raw(os.path.join(out, report.RAW_FILE)).medians(
            "fixed-sizes", stats.MEMORY
        )
        self.assertLess(rss_kb["glibc"], 4 << 10)
        self.assertGreater(rss_kb["fat"], 64 << 10)
        self.assertLess(rss_kb["fat"], 70 << 10)

    def test_launcher_hides_a_large_parent(self):
        ballast = bytearray(os.urandom(1 << 10)) * (100 << 10)
        told = subprocess.run([TOOLS.launch, "/bin/true"], capture_output=True, check=True).stdout
        self.assertEqual(len(ballast), 100 << 20)
        self.assertLess(measure.json.loads(told)["peak_rss_kb"], 3 << 10)

    def test_overlapping_objects_are_noticed(self):
        status, told, _ = self.bench("--only", "server",
                                     "--peer", self.library("overlapping", OVERLAPPING))
        self.assertEqual(status, 1, told)
        self.assertIn("server under overlapping: exit status 1: workload failed", told)

    def test_crash_is_told_and_the_others_go_on(self):
        status, told, out = self.bench("--only", "fixed-sizes",
                                       "--peer", self.library("crashing", CRASHING))
        self.assertEqual(status, 1, told)
        self.assertRegex(told, "fixed-sizes under crashing: killed by SIG(ILL|TRAP)")
        self.assertEqual(report.read_raw(os.path.join(out, report.RAW_FILE)).allocators, ["glibc"])

    def test_preload_without_effect_is_told(self):
        status, told, _ = self.bench("--only", "fixed-sizes",
                                     "--peer", self.library("useless", USELESS))
        self.assertEqual(status, 1, told)
        self.assertIn("fixed-sizes under useless: the preload did not take effect", told)

    def test_bad_requests(self):
        for arguments in (["--only", "nobody"], ["--peer", "nothing"], ["--rounds", "0"],
                          ["--peers", "nobody"], ["--peer", self.library("glibc", SLOW)]):
            status, told, _ = self.bench(*arguments)
            self.assertEqual(status, 2, told)

    def test_missing_library_is_told(self):
        command = [os.path.join(HERE, "run"), "--cairn", "/nonexistent.so", "--quick"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("there is no /nonexistent.so: build it with `make`", done.stderr)


if __name__ == "__main__":
    unittest.main()
