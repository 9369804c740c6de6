#!/usr/bin/env python3
"""Tests of bench/run --memory: time lines that are made up, allocators that keep or give back."""

import csv
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
import unittest.mock
import xml.etree.ElementTree

# First, as it says where the driver is.
from made_up import HERE, TOOLS, DriverCase
from driver import conditions, memory, memory_picture, memory_report, memory_rows, stats, timeline

MB = 1000000


def line_of(points, marks):
    """points: (ms, resident MB, faults); marks: (ms, live MB, phase)."""
    samples = [timeline.Sample(ms * MB, size * MB, faults, -1) for ms, size, faults in points]
    return timeline.Timeline(samples, [timeline.Mark(ms * MB, int(live * MB), phase)
                                       for ms, live, phase in marks])


def swing():
    """Two swings from 10 to 100 MB over a base of 2; then 20 MB are kept for 10 live."""
    points = [(0, 1, 0), (5, 2, 10), (12, 12, 20), (20, 102, 50), (30, 32, 60), (42, 102, 80),
              (49, 62, 90), (55, 42, 95), (60, 22, 99), (70, 2, 99)]
    marks = [(0, 0, "start"), (10, 10, "grow"), (20, 100, "top"), (22, 100, "shrink"),
             (30, 10, "bottom"), (32, 10, "grow"), (42, 100, "top"), (44, 100, "shrink"),
             (50, 10, "bottom"), (52, 10, "after"), (62, 10, "end")]
    return line_of(points, marks)


class Timelines(unittest.TestCase):
    def test_texts_are_read(self):
        samples = timeline.read_samples("5 4096 1 -1\n10 8192 2 0\n")
        self.assertEqual(samples[1], timeline.Sample(10, 8192, 2, 0))
        marks = timeline.read_marks("9 2 late\n7 1 early\n")
        self.assertEqual([mark.phase for mark in marks], ["early", "late"])

    def test_a_run_without_samples_or_reports_is_refused(self):
        with self.assertRaises(timeline.TimelineError):
            timeline.Timeline([], timeline.read_marks("1 1 start\n"))
        with self.assertRaises(timeline.TimelineError):
            timeline.Timeline(timeline.read_samples("5 4096 1 -1\n"), [])

    def test_base_is_the_end_of_the_start_and_what_follows_the_end_is_cut(self):
        line = swing()
        self.assertEqual(line.base, 2 * MB)
        self.assertEqual(line.samples[-1].time_ns, 60 * MB)
        self.assertEqual(line.peak, 102 * MB)

    def test_marks_of_one_phase_in_a_row_are_one_span(self):
        line = line_of([(0, 1, 0)], [(0, 0, "day"), (10, 0, "day"), (20, 0, "night"),
                                     (30, 0, "day"), (40, 0, "end")])
        spans = [(span.start_ns // MB, span.end_ns // MB) for span in line.spans("day")]
        self.assertEqual(spans, [(0, 20), (30, 40)])

    def test_live_bytes_are_linear_between_reports(self):
        line = swing()
        self.assertEqual(line.live_at(15 * MB), 55 * MB)
        self.assertEqual(line.live_at(21 * MB), 100 * MB)
        self.assertEqual(line.live_at(99 * MB), 10 * MB)
        self.assertEqual(line.live_at(-1), 0)

    def test_samples_before_and_after_a_time(self):
        line = swing()
        self.assertEqual(line.at(29 * MB).resident, 102 * MB)
        self.assertEqual(line.after(29 * MB).resident, 32 * MB)
        self.assertEqual(line.at(-1).resident, 1 * MB)
        self.assertEqual(line.after(999 * MB).resident, 22 * MB)

    def test_curve_keeps_the_highest(self):
        curve = swing().curve(points=3)
        self.assertEqual(len(curve), 3)
        self.assertEqual(max(resident for _, resident, _ in curve), 102 * MB)


class Figures(unittest.TestCase):
    REPORT = {"user_us": 2000, "system_us": 1000, "minor_faults": 77}

    def test_swing(self):
        row = memory_rows.row_named("swing-slow", TOOLS)
        figures = row.figures(swing(), self.REPORT, row)
        self.assertEqual(figures["swing_ms"], 10 + 8 + 10 + 6)
        self.assertEqual(figures["swing_faults"], 90 - 10)
        self.assertEqual(figures["peak_per_live"], 1)
        # At the ends of the lows, 30 and 60 MB are held.
        self.assertEqual(figures["low_per_live"], 4.5)
        self.assertEqual(figures["held_per_live"], 2)
        self.assertEqual(figures["cpu_ms"], 3)

    def test_idle(self):
        row = memory_rows.row_named("survivors-8", TOOLS)
        line = line_of([(0, 3, 0), (10, 103, 9), (21, 53, 9), (29, 23, 9), (33, 3, 9)],
                       [(0, 0, "start"), (5, 0, "fill"), (10, 99, "full"), (12, 99, "free"),
                        (20, 10, "idle"), (30, 10, "end")])
        figures = row.figures(line, self.REPORT, row)
        self.assertEqual((figures["before_mb"], figures["peak_mb"]), (3, 100))
        self.assertEqual((figures["at_once_mb"], figures["held_mb"]), (50, 20))
        self.assertEqual((figures["held_percent"], figures["held_per_live"]), (20, 2))

    def test_idle_threads_are_counted(self):
        row = memory_rows.row_named("idle-threads", TOOLS)
        line = line_of([(0, 10, 0), (9, 40, 0)], [(0, 0, "start"), (5, 9.52, "idle")])
        self.assertEqual(row.figures(line, self.REPORT, row)["thread_kib"], 100)

    def test_under_a_limit_the_reports_tell_how_far_it_went(self):
        row = memory_rows.row_named("limit-data", TOOLS)
        killed = line_of([(0, 1, 0)], [(0, 0, "start"), (4, 128 * 1.048576, "grow")])
        self.assertAlmostEqual(row.figures(killed, self.REPORT, row)["limit_per_live"], 2)

    def test_huge_pages_are_a_part_of_what_is_resident(self):
        row = memory_rows.row_named("huge-dense-always", TOOLS)
        samples = [timeline.Sample(1, MB, 0, 0), timeline.Sample(6, 5 * MB, 0, 4 * MB)]
        marks = timeline.read_marks("0 0 start\n5 2000000 idle\n7 2000000 end\n")
        figures = row.figures(timeline.Timeline(samples, marks), self.REPORT, row)
        self.assertEqual((figures["huge_percent"], figures["small_percent"]), (80, 20))
        self.assertEqual(figures["held_per_live"], 2)

    def test_names_of_rows_differ_and_all_can_be_made(self):
        names = [row[0] for row in memory_rows.ROWS]
        self.assertEqual(len(names), len(set(names)))
        for name in names:
            row = memory_rows.row_named(name, TOOLS, quick=True)
            self.assertIsNone(row.warm_up().limit)
            self.assertNotIn("-r", row.warm_up().argv)


class Conditions(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "enabled")
        self.write(self.path, "always [madvise] never\n")

    def tearDown(self):
        self.folder.cleanup()

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_huge_pages_are_set_and_put_back(self):
        self.assertEqual(conditions.huge_pages_mode(self.path), "madvise")
        with self.assertRaises(KeyboardInterrupt):
            with conditions.huge_pages("always", self.path):
                self.assertEqual(self.read(self.path), "always")
                raise KeyboardInterrupt
        self.assertEqual(self.read(self.path), "madvise")

    def test_never_and_the_mode_that_is_set_change_nothing(self):
        for mode in (None, "never", "madvise"):
            with conditions.huge_pages(mode, self.path):
                self.assertEqual(self.read(self.path), "always [madvise] never\n")
        self.assertIsNone(conditions.huge_pages_mode("/nonexistent"))

    def test_a_cgroup_needs_the_memory_controller(self):
        mounts = os.path.join(self.folder.name, "mounts")
        self.write(mounts, f"x {self.folder.name}/old cgroup rw 0 0\n"
                           f"x {self.folder.name} cgroup2 rw 0 0\n")
        self.assertIsNone(conditions.memory_cgroup(mounts))
        control = os.path.join(self.folder.name, "cgroup.subtree_control")
        self.write(control, "cpu pids\n")
        self.assertIsNone(conditions.memory_cgroup(mounts))
        self.write(control, "cpu memory pids\n")
        self.assertEqual(conditions.memory_cgroup(mounts), self.folder.name)

    def test_a_cgroup_is_limited_and_removed(self):
        removed = []
        with unittest.mock.patch("os.rmdir", removed.append), \
                unittest.mock.patch("os.path.exists", lambda path: path not in removed):
            with conditions.limited_cgroup(self.folder.name, 4096) as directory:
                self.assertEqual(self.read(os.path.join(directory, "memory.max")), "4096")
        self.assertEqual(removed, [directory])


class Launcher(unittest.TestCase):
    def launch(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            output = os.path.join(folder, "output")
            told = subprocess.run([TOOLS.launch, "-o", output, *arguments], capture_output=True,
                                  text=True, check=True).stdout
            with open(output, encoding="utf-8") as file:
                return json.loads(told), file.read()

    def test_limits_are_the_programs(self):
        _, said = self.launch("-v", str(300 << 20), "-d", str(200 << 20), "/bin/sh", "-c",
                              "ulimit -v; ulimit -d")
        self.assertEqual(said.split(), [str(300 << 10), str(200 << 10)])

    def test_huge_pages_can_be_refused(self):
        for options, expected in ((["-n"], "THP_enabled:\t0"), ([], "THP_enabled:\t1")):
            _, said = self.launch(*options, "/bin/cat", "/proc/self/status")
            if "THP_enabled" in said:
                self.assertIn(expected, said)

    def test_samples_are_of_the_program_and_in_time(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "samples")
            report, _ = self.launch("-s", path, "-e", "20", "-a", "/bin/sleep", "0.5")
            with open(path, encoding="utf-8") as file:
                samples = timeline.read_samples(file.read())
        self.assertGreater(report["wall_ns"], 500 * MB)
        self.assertGreater(len(samples), 12)
        self.assertLess(len(samples), 27)
        self.assertGreater(samples[-1].resident, 300000)
        self.assertLess(samples[-1].resident, 8 * MB)
        self.assertEqual(samples[-1].huge, 0)
        self.assertAlmostEqual(samples[-1].faults, report["minor_faults"], delta=100)

    def test_a_signal_mask_is_not_inherited(self):
        _, said = self.launch("/bin/grep", "SigBlk", "/proc/self/status")
        self.assertEqual(int(said.split()[1], 16), 0)

    def test_bad_numbers_are_refused(self):
        for option in ("-v", "-d", "-e"):
            done = subprocess.run([TOOLS.launch, option, "x", "/bin/true"], capture_output=True,
                                  check=False)
            self.assertEqual(done.returncode, 125)


def three_runs():
    """cairn holds the least in the first row and loses the second."""
    def run(workload, allocator, held, number=1):
        figures = {"before_mb": 1.0, "held_mb": held}
        return memory.MemoryRun(workload, allocator, number, "c", figures,
                                [(0.0, 2 * MB, MB), (1.0, 5 * MB, 3 * MB)])

    return stats.Results(
        [run("free-all", "cairn", 5.0), run("free-all", "cairn", 7.0, 2),
         run("free-all", "cairn", 6.0, 3), run("free-all", "x", 50.0),
         run("day", "cairn", 8.0), run("day", "x", 4.0)], ["cairn", "x"])


class Telling(unittest.TestCase):
    def test_raw_runs_survive_writing_and_reading(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "raw.csv")
            memory_report.write_raw(path, three_runs())
            self.assertEqual(memory_report.read_raw(path).all_runs(), three_runs().all_runs())

    def test_lost_figures_are_marked_and_named(self):
        self.assertNotIn("<", memory_report.workload_table(three_runs(), "free-all"))
        self.assertRegex(memory_report.workload_table(three_runs(), "day"), r"cairn .* 8\.0 <<\n")
        text = memory_report.summary(three_runs(), [("limit-cgroup", "no cgroup")], ["x failed"])
        self.assertIn("behind the best peer of the row: 1\n", text)
        self.assertRegex(text, r"day +held MB +8\.0, 2\.00 of x's 4\.0")
        self.assertIn("left out: limit-cgroup: no cgroup", text)
        self.assertIn("PROBLEM: x failed", text)

    def test_medians_and_timelines_are_of_the_middle_round(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "medians.csv")
            memory_report.write_medians(path, three_runs())
            with open(path, encoding="utf-8") as file:
                lines = list(csv.DictReader(file))
            self.assertIn("6.0000", [line["median"] for line in lines
                                     if line["figure"] == "held_mb"])
            memory_report.write_timelines(path, three_runs())
            with open(path, encoding="utf-8") as file:
                self.assertEqual(len(file.readlines()), 1 + 4 * 2)

    def test_picture_has_a_curve_for_each_and_stays_in_its_frame(self):
        shows = {"free-all": "a & b", "day": "c < d"}
        root = xml.etree.ElementTree.fromstring(memory_picture.draw(three_runs(), shows, "caption"))
        curves = root.findall("{http://www.w3.org/2000/svg}polyline")
        # Two rows; in each two allocators, and what is live.
        self.assertEqual(len(curves), 2 * 3)
        height = float(root.get("height"))
        for curve in curves:
            for point in curve.get("points").split():
                x, y = map(float, point.split(","))
                self.assertTrue(0 < x < 1080 and 60 < y < height, point)


# A page or more for every object, from a MiB that is its thread's; never used again. When all of a
# MiB is free it goes to the kernel, unless KEEP is in the environment.
PAGES = """
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
enum { PAGE = 4096, HEAD = 16 };
static const size_t MIB = 1 << 20;
struct piece { _Atomic(int) live; size_t size, used; };
static _Atomic(char *) next;
static __thread struct piece *open;
static size_t up(size_t n, size_t to) { return (n + to - 1) / to * to; }
static struct piece *piece_make(size_t size) {
    char *none = NULL;
    if (next == NULL) {
        char *all = mmap(NULL, 1ul << 35, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        atomic_compare_exchange_strong(&next, &none, (char *)up((size_t)all, MIB));
    }
    struct piece *piece = (struct piece *)atomic_fetch_add(&next, size);
    *piece = (struct piece){1, size, PAGE};
    return piece;
}
static void piece_leave(struct piece *piece) {
    if (atomic_fetch_sub(&piece->live, 1) == 1 && getenv("KEEP") == NULL) {
        madvise(piece, piece->size, MADV_DONTNEED);
    }
}
void *malloc(size_t n) {
    size_t taken = up(n + HEAD, PAGE);
    if (open == NULL || open->used + taken > open->size) {
        struct piece *full = open;
        open = piece_make(up(taken + PAGE, MIB));
        if (full != NULL) piece_leave(full);
    }
    size_t *p = (size_t *)((char *)open + open->used);
    open->used += taken;
    open->live++;
    p[0] = n;
    p[1] = (size_t)open;
    return p + 2;
}
void free(void *p) { if (p != NULL) piece_leave((struct piece *)((size_t *)p)[-1]); }
void *calloc(size_t n, size_t size) { return malloc(n * size); }
void *realloc(void *p, size_t n) {
    void *q = malloc(n);
    size_t had = p == NULL ? 0 : ((size_t *)p)[-2];
    if (p != NULL) memcpy(q, p, had < n ? had : n);
    free(p);
    return q;
}
"""
# Does not start with less than 4 GiB of address space.
DEMANDING = """
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
void *__libc_malloc(size_t);
__attribute__((constructor)) static void start(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    if (limit.rlim_cur < 4ul << 30) abort();
}
void *malloc(size_t n) { return __libc_malloc(n); }
void __libc_free(void *); void *__libc_realloc(void *, size_t);
void *realloc(void *p, size_t n) { return __libc_realloc(p, n); }
void free(void *p) { __libc_free(p); }
"""
# Has memory for 8 MB and then none.
POOR = """
#include <stddef.h>
void *__libc_malloc(size_t); void __libc_free(void *); void *__libc_realloc(void *, size_t);
void *malloc(size_t n) {
    static size_t given;
    if (n < 8192) given += n;
    return given > 8 << 20 ? NULL : __libc_malloc(n);
}
void *realloc(void *p, size_t n) { return __libc_realloc(p, n); }
void free(void *p) { __libc_free(p); }
"""


class Driver(DriverCase):
    """bench/run --memory itself."""

    def measured(self, *arguments):
        status, told, out = self.bench("--memory", *arguments)
        self.assertEqual(status, 0, told)
        for name in ("report.txt", "medians.csv", "timelines.csv", "memory.svg"):
            self.assertGreater(os.path.getsize(os.path.join(out, name)), 0)
        return memory_report.read_raw(os.path.join(out, "raw.csv"))

    def test_what_is_kept_is_seen_and_a_peer_can_be_tuned(self):
        frugal = self.library("frugal", PAGES)
        keeper = "keeper" + frugal.removeprefix("frugal") + ",KEEP=1"
        results = self.measured("--only", "free-all", "--only", "handover", "--only", "survivors-8",
                                "--peer", frugal, "--peer", keeper)
        held, percent = (results.medians("free-all", key) for key in ("held_mb", "held_percent"))
        # Four threads have a MiB open.
        self.assertLess(held["frugal"], 5)
        self.assertGreater(held["keeper"], 100)
        self.assertGreater(percent["keeper"], 99)
        # Two rounds of a page for each of 10 MB / 1008 objects: the first is not used again.
        held, low = (results.medians("handover", key) for key in ("held_mb", "low_mb"))
        self.assertLess(held["frugal"], 3)
        self.assertGreater(held["keeper"], 78)
        self.assertGreater(low["keeper"], 39)
        # A page for 1008 bytes, and one in eight lives.
        per_live = results.medians("survivors-8", "held_per_live")
        self.assertTrue(30 < per_live["keeper"] < 36, per_live)

    def test_waste_over_a_day_is_seen(self):
        results = self.measured("--only", "day", "--peer", self.library("pages", PAGES))
        per_live = results.medians("day", "mean_per_live")
        self.assertTrue(1 < per_live["glibc"] < 5, per_live)
        self.assertGreater(per_live["pages"], 2 * per_live["glibc"])

    def test_how_far_a_program_grows_is_seen(self):
        results = self.measured("--only", "limit-data", "--peer", self.library("poor", POOR))
        reached = results.medians("limit-data", "reached_mb")
        self.assertTrue(7 < reached["poor"] < 40, reached)
        self.assertGreater(reached["glibc"], 59)

    def test_an_allocator_that_does_not_start_under_a_limit_has_reached_nothing(self):
        results = self.measured("--only", "limit-as", "--peer",
                                self.library("demanding", DEMANDING))
        reached = results.medians("limit-as", "reached_mb")
        self.assertEqual(reached["demanding"], 0)
        self.assertGreater(reached["glibc"], 59)

    def test_huge_pages_never_needs_no_setting(self):
        results = self.measured("--keep-settings", "--only", "huge-sparse-never")
        self.assertEqual(results.medians("huge-sparse-never", "huge_percent"), {"glibc": 0})

    def test_an_end_by_a_signal_leaves_nothing_running(self):
        # A path of our own, so that the processes can be told from others'.
        build = os.path.join(self.folder.name, "linked")
        os.symlink(TOOLS.directory, build)
        command = [os.path.join(HERE, "run"), "--memory", "--no-cairn", "--peers", "glibc",
                   "--only", "day", "--build", build, "--out", self.folder.name]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True)
        day = os.path.join(build, "day")
        while not any(words[:2] == [day, "-r"] for words in self.commands_with(build)):
            self.assertIsNone(running.poll())
            time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
        told, _ = running.communicate(timeout=20)
        self.assertEqual(running.returncode, 1, told)
        self.assertIn("interrupted", told)
        self.assertEqual(self.commands_with(build), [])

    @staticmethod
    def commands_with(path):
        """Command lines of processes that run a program in that directory."""
        found = []
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{process}/cmdline", encoding="utf-8", errors="replace") as file:
                    words = file.read().split("\0")
            except OSError:
                continue
            if words[0].startswith(path + "/"):
                found.append(words)
        return found


if __name__ == "__main__":
    unittest.main()
