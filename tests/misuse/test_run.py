#!/usr/bin/env python3
"""Tests of tests/misuse/run: the judgement on made-up runs, the whole on made-up allocators.

Needs the programs built: CAIRN_MISUSE_PROGRAMS names the folder.
"""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "bench")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from made_up import WRAPPER
from judge import entropy, measure, table
from judge.outcomes import (CHANCE, CRASHED, DETECTED, FAULTED, GUARDED, HUNG, NOT_POSSIBLE,
                            PREVENTED, SILENT, BadRun, Cell, judge)

PROGRAMS = os.environ.get("CAIRN_MISUSE_PROGRAMS",
                          os.path.join(ROOT, "build/release/tests/misuse"))


def cell(*outcomes):
    made = Cell()
    for outcome in outcomes:
        made.add(outcome)
    return made


class Judgement(unittest.TestCase):
    def test_reports_and_aborts_are_detection(self):
        self.assertEqual(judge(-6, "", "report\n"), DETECTED)
        self.assertEqual(judge(-6, "access\naccessed\n", ""), DETECTED)
        self.assertEqual(judge(-4, "", ""), DETECTED)
        self.assertEqual(judge(1, "", "report\n"), DETECTED)
        self.assertEqual(judge(-11, "access\n", "report\n"), DETECTED)

    def test_who_reports_and_goes_on_has_detected(self):
        self.assertEqual(judge(0, "silent: x\n", "report\n"), DETECTED)
        self.assertEqual(judge(0, "prevented\n", "report\n"), DETECTED)

    def test_faults_count_at_the_access_only(self):
        self.assertEqual(judge(-11, "access\n", ""), GUARDED)
        self.assertEqual(judge(-7, "access\n", ""), GUARDED)
        self.assertEqual(judge(-11, "access\naccessed\n", ""), CRASHED)
        self.assertEqual(judge(-11, "", ""), CRASHED)

    def test_faults_in_the_mistaken_call_are_told_apart(self):
        self.assertEqual(judge(-11, "call\n", ""), FAULTED)
        self.assertEqual(judge(-11, "call\ncalled\n", ""), CRASHED)

    def test_the_last_word_counts(self):
        self.assertEqual(judge(0, "access\naccessed\nprevented\n", ""), PREVENTED)
        self.assertEqual(judge(0, "access\naccessed\nsilent: why\n", ""), SILENT)
        self.assertEqual(judge(77, "not possible: why\n", ""), NOT_POSSIBLE)
        self.assertEqual(judge(None, "", ""), HUNG)

    def test_a_program_that_cannot_go_on_is_an_accident(self):
        self.assertEqual(judge(1, "", "/x/misuse.c:12: not so: object != NULL\n"), CRASHED)
        self.assertEqual(judge(1, "", "bad free\n/x/misuse.c:12: not so: x\n"), DETECTED)
        self.assertEqual(judge(-6, "", "terminate called after throwing an instance of 'x'\n"
                                       "  what():  std::bad_alloc\n"), CRASHED)
        self.assertEqual(judge(-8, "", ""), CRASHED)

    def test_what_tells_nothing_is_refused(self):
        for status, said in ((0, ""), (0, "access\naccessed\n"), (1, ""), (-9, ""), (77, "")):
            with self.assertRaises(BadRun):
                judge(status, said, "")


class Cells(unittest.TestCase):
    def test_stopped_means_in_every_run(self):
        self.assertTrue(cell(DETECTED, GUARDED, PREVENTED).stopped)
        self.assertEqual(cell(DETECTED, DETECTED, PREVENTED).outcome, DETECTED)
        for outcomes in ((DETECTED, SILENT), (CRASHED,), (SILENT, HUNG), (NOT_POSSIBLE,)):
            self.assertFalse(cell(*outcomes).stopped, outcomes)

    def test_luck_is_chance(self):
        lucky = cell(*[DETECTED] * 999, SILENT)
        self.assertEqual(lucky.outcome, CHANCE)
        self.assertAlmostEqual(lucky.stopped_share, 0.999)
        self.assertEqual(cell(SILENT, SILENT, CRASHED).outcome, SILENT)


KINDS = [measure.Kind("one", "a", (8, 100), "rule of a"), measure.Kind("one", "b", (0,), "of b"),
         measure.Kind("two", "c", (4096,), "of c")]
OWN = measure.Column("cairn fast", "/x.so", "1", {}, "fast")
PEER = measure.Column("peer", None, "2")
RESULTS = {
    ("cairn fast", "one/a", 8): cell(DETECTED), ("cairn fast", "one/a", 100): cell(PREVENTED),
    ("cairn fast", "one/b", 0): cell(SILENT), ("cairn fast", "two/c", 4096): cell(GUARDED),
    ("peer", "one/a", 8): cell(DETECTED, SILENT), ("peer", "one/a", 100): cell(DETECTED, DETECTED),
    ("peer", "one/b", 0): cell(NOT_POSSIBLE), ("peer", "two/c", 4096): cell(CRASHED),
}


class Tables(unittest.TestCase):
    def test_counts(self):
        self.assertEqual(table.counts(RESULTS, OWN, KINDS), (2, 3, 4))
        self.assertEqual(table.counts(RESULTS, PEER, KINDS), (0, 1, 3))

    def test_letters_are_in_the_order_of_sizes(self):
        self.assertEqual(table.letters(RESULTS, OWN, KINDS[0]), "`DP`")
        self.assertEqual(table.letters(RESULTS, PEER, KINDS[0]), "`~D`")
        self.assertIn("| a | 8 B, 100 B | `DP` | `~D` |",
                      table.full_table(RESULTS, [OWN, PEER], KINDS))

    def test_chances_have_their_share(self):
        told = table.chances(RESULTS, [OWN, PEER], KINDS)
        self.assertIn("| one/a | 8 B | peer | 50.0% | 2 |", told)
        self.assertEqual(len(told.splitlines()), 3)

    def test_parts_of_a_document_are_replaced_whole(self):
        marks = table.BEGIN.format("x"), table.END.format("x")
        text = f"before\n{marks[0]}\nold\n{marks[1]}\nbehind\n"
        new = table.replace_part(text, "x", "new\n")
        self.assertEqual(new, f"before\n{marks[0]}\n\nnew\n\n{marks[1]}\nbehind\n")
        self.assertEqual(table.replace_part(new, "x", "new\n"), new)
        with self.assertRaises(ValueError):
            table.replace_part(text, "y", "new")

    def test_expectations_survive_writing_and_tell_every_deviation(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "fast.txt")
            table.write_expected(path, RESULTS, OWN, KINDS)
            expected = table.read_expected(path)
        self.assertEqual(len(expected), 4)
        self.assertEqual(table.deviations(RESULTS, OWN, KINDS, expected), [])
        expected["one/b", 0] = DETECTED
        expected["two/c", 4096] = SILENT
        expected["gone/d", 0] = SILENT
        del expected["one/a", 8]
        found = table.deviations(RESULTS, OWN, KINDS, expected)
        self.assertEqual(found, [
            "one/a 8: detected; the table does not have it",
            "one/b 0: silent, should be detected (WORSE)",
            "two/c 4096: guarded, should be silent",
            "gone/d 0: is in the table, but not a kind",
        ])
        self.assertEqual(table.deviations(RESULTS, OWN, KINDS[1:2], {("one/b", 0): CHANCE}), [])


class Entropy(unittest.TestCase):
    def test_bits_that_vary(self):
        self.assertEqual(entropy.bits([0x5000] * 100), 0)
        self.assertEqual(entropy.bits([(i * 0x9e3779b97f4a7c15 >> 40 & 0xff) << 12
                                       for i in range(1000)]), 8)
        self.assertEqual(entropy.bits([0x1000, 0x8000] * 50), 1)


class Runs(unittest.TestCase):
    """The runner itself, on allocators that are compiled from their source."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def library(self, name, action):
        """The argument of --peer: glibc's malloc, but `action` for frees of odd addresses."""
        source = f"""
            #include <stdlib.h>
            #include <unistd.h>
            static int is_mine(void *p) {{
                if (((unsigned long)p & 15) == 0) return 0;
                {action}
                return 1;
            }}
            void *malloc(unsigned long n) {{ extern void *__libc_malloc(unsigned long);
                                             return __libc_malloc(n); }}
        """ + WRAPPER
        path = os.path.join(self.folder.name, name + ".so")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-fno-builtin", "-x", "c", "-", "-o",
                        path], input=source, text=True, check=True)
        return f"{name}={path}"

    def run_it(self, *arguments):
        command = [os.path.join(HERE, "run"), "--programs", PROGRAMS, "--no-cairn", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def outcome(self, action):
        status, told = self.run_it("--peers", "none", "--only", "bad_pointer/free-interior-1",
                                   "--peer", self.library("made-up", action), "--tell",
                                   "--timeout", "1")
        self.assertEqual(status, 0, told)
        self.assertEqual(len(told.splitlines()), 5, told)
        return {line.split(": ")[2] for line in told.splitlines()}

    def test_reports_are_seen(self):
        self.assertEqual(self.outcome('(void)!write(2, "odd\\n", 4); abort();'), {DETECTED})
        self.assertEqual(self.outcome('(void)!write(2, "odd\\n", 4);'), {DETECTED})
        self.assertEqual(self.outcome("abort();"), {DETECTED})

    def test_what_is_ignored_is_prevented(self):
        self.assertEqual(self.outcome(""), {PREVENTED})

    def test_hangs_and_crashes_are_seen(self):
        self.assertEqual(self.outcome("for (;;) pause();"), {HUNG})
        self.assertEqual(self.outcome("*(volatile char *)16 = 0;"), {FAULTED})

    def test_runs_that_tell_nothing_are_problems(self):
        status, told = self.run_it("--peers", "none", "--only", "bad_pointer/free-interior-1",
                                   "--peer", self.library("leaving", "_exit(3);"))
        self.assertEqual(status, 1, told)
        self.assertIn("PROBLEM: bad_pointer/free-interior-1 of 8 under leaving: exit status 3",
                      told)

    def test_false_alarms_are_refused(self):
        path = os.path.join(self.folder.name, "alarmed.so")
        source = """
            #include <unistd.h>
            extern void *__libc_malloc(unsigned long);
            void *malloc(unsigned long n) { if (n == 100) (void)!write(2, "100\\n", 4);
                                            return __libc_malloc(n); }
        """
        subprocess.run(["cc", "-shared", "-fPIC", "-fno-builtin", "-x", "c", "-", "-o", path],
                       input=source, text=True, check=True)
        status, told = self.run_it("--peers", "none", "--peer", f"alarmed={path}")
        self.assertEqual(status, 1, told)
        self.assertIn("alarmed: a correct program (use of 100) is found detected", told)

    def test_preload_without_effect_is_told(self):
        path = os.path.join(self.folder.name, "useless.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", path],
                       input="int nothing;", text=True, check=True)
        status, told = self.run_it("--peers", "none", "--peer", f"useless={path}")
        self.assertEqual(status, 1, told)
        self.assertIn("useless: malloc comes from", told)

    def test_documents_and_csv_are_written(self):
        document = os.path.join(self.folder.name, "document.md")
        parts = ("allocators", "counts", "table", "chances", "rules", "addresses")
        with open(document, "w", encoding="utf-8") as file:
            for part in parts:
                file.write(f"{table.BEGIN.format(part)}\n{table.END.format(part)}\n")
        csv = os.path.join(self.folder.name, "cells.csv")
        status, told = self.run_it("--only", "requests/malloc-*", "--rounds", "2", "--chance", "3",
                                   "--entropy", "8", "--document", document, "--csv", csv)
        self.assertEqual(status, 0, told)
        with open(document, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("| malloc-minus-1 | none | `P` |", text)
        with open(csv, encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertEqual(len(lines), 4)
        self.assertIn("requests,malloc-minus-1,0,glibc,prevented,2,0,0,0,2,0,0,0,0", lines)

    def test_bad_requests(self):
        for arguments in (["--only", "nothing"], ["--rounds", "0"], ["--peers", "nobody"],
                          ["--programs", "/nonexistent"], ["--peers", "none"],
                          ["--peer", "glibc=glibc"]):
            status, told = self.run_it(*arguments)
            self.assertEqual(status, 2, told)


if __name__ == "__main__":
    unittest.main()
