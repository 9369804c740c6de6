#!/usr/bin/env python3
"""What the profile `debug` says of whole programs, by exact text, and what follows.
    reports_text.py LIBRARY PROGRAM
"""
import os
import re
import signal
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop()
LIBRARY = sys.argv.pop()


def run(mode, **options):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CAIRN_")}
    return subprocess.run([PROGRAM, mode], capture_output=True, text=True, timeout=60,
                          env=kept | {"LD_PRELOAD": LIBRARY, "CAIRN_PROFILE": "debug"} | options)


def first_lines(done):
    """Of each report, without what differs from run to run."""
    return [re.sub(r"\(0x[0-9a-f]+\)", "()", line) for line in
            re.findall(r"(?m)^cairn: (.*); thread \d+$", done.stderr)]


class Forms(unittest.TestCase):
    OBJECT = "an object of 100 bytes"
    SAME_SIZE = "; give the size that it was allocated with"
    SAME_ALIGNMENT = "; let both be the same"

    def says(self, mode, *lines):
        with self.subTest(mode):
            done = run(mode)
            self.assertEqual((first_lines(done), done.returncode),
                             (list(lines), -signal.SIGABRT), done.stderr)

    def test_families(self):
        new = f"{self.OBJECT} was allocated by operator new; free it by delete"
        array = f"{self.OBJECT} was allocated by operator new[]; free it by delete[]"
        malloc = f"{self.OBJECT} was allocated by malloc or its kin; free it by free"
        self.says("new_free", f"free(): {new}")
        self.says("new_array_free", f"free(): {array}".replace("100", "70000"))
        self.says("malloc_delete", f"delete(): {malloc}")
        self.says("malloc_delete_array", f"delete[](): {malloc}")
        self.says("new_delete_array", f"delete[](): {new}")
        self.says("new_array_delete", f"delete(): {array}")
        self.says("memalign_delete", f"delete(): {malloc}")
        only_malloc = (f"realloc(): {self.OBJECT} was allocated by operator new; only what malloc "
                       "and its kin gave can be resized")
        self.says("new_realloc", only_malloc)
        self.says("new_realloc_to_nothing", only_malloc)

    def test_alignments(self):
        new = f"delete(): {self.OBJECT} was allocated by operator new"
        self.says("aligned_new_delete", f"{new} with alignment 4096 and is freed without an "
                  f"alignment{self.SAME_ALIGNMENT}")
        self.says("new_aligned_delete", f"{new} without an alignment and is freed with alignment "
                  f"4096{self.SAME_ALIGNMENT}")
        self.says("other_alignment", f"{new} with alignment 4096 and is freed with alignment 64"
                  f"{self.SAME_ALIGNMENT}")
        malloc = "free_aligned_sized(): an object of 128 bytes was allocated by malloc or its kin"
        self.says("c_other_alignment", f"{malloc} with alignment 64 and is freed with alignment "
                  f"128{self.SAME_ALIGNMENT}")
        self.says("c_no_alignment", f"{malloc} without an alignment and is freed with alignment "
                  f"64{self.SAME_ALIGNMENT}")

    def test_sizes(self):
        was_called = f"{self.OBJECT} was called one of"
        self.says("smaller", f"delete(): {was_called} 96{self.SAME_SIZE}")
        self.says("larger_array", f"delete[](): {was_called} 104{self.SAME_SIZE}")
        self.says("aligned_smaller", f"delete(): {was_called} 10{self.SAME_SIZE}")
        self.says("c_smaller", "free_sized(): an object of 20000 bytes was called one of 19999"
                  f"{self.SAME_SIZE}")
        self.says("c_aligned_larger", "free_aligned_sized(): an object of 128 bytes was called one "
                  f"of 192{self.SAME_SIZE}")

    def test_what_is_right(self):
        done = run("matching")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_not_looked_at(self):
        for options in ({"CAIRN_MISMATCH": "0"}, {"CAIRN_PROFILE": "hardened"},
                        {"CAIRN_PROFILE": "fast"}):
            with self.subTest(options):
                done = run("go_on", **options)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "alive\n", ""))

    def test_the_object_is_freed_all_the_same(self):
        done = run("go_on", CAIRN_ON_FINDING="continue", CAIRN_CHECK_EVERY="10")
        self.assertEqual((done.returncode, done.stdout), (0, "alive\n"), done.stderr)
        lines = first_lines(done)
        self.assertEqual(len(lines), 4 * 11)
        self.assertEqual(sum("free(): " in line for line in lines), 11)
        self.assertEqual(sum("realloc(): " in line for line in lines), 22)


class Policy(unittest.TestCase):
    def test_leaks(self):
        lost = "that nothing points to\n"
        for policy, status in (("abort", 0), ("leak=continue", 0), ("leak=abort", -signal.SIGABRT),
                               ("continue,leak=trap", -signal.SIGILL), ("leak=abort,continue",
                                                                        -signal.SIGABRT)):
            with self.subTest(policy):
                done = run("leak", CAIRN_LEAKS="1", CAIRN_ON_FINDING=policy)
                self.assertIn(lost, done.stderr)
                self.assertIn("300 bytes in ", done.stderr)
                self.assertEqual(done.returncode, status, done.stderr)
        done = run("matching", CAIRN_LEAKS="1", CAIRN_ON_FINDING="leak=abort")
        self.assertIn("cairn: leaks: 0 bytes in 0 objects " + lost, done.stderr)
        self.assertEqual(done.returncode, 0)

    def test_by_kind(self):
        done = run("overflow_and_mismatch", CAIRN_ON_FINDING="abort,mismatch=continue")
        lines = first_lines(done)
        self.assertEqual((len(lines), done.returncode), (2, -signal.SIGABRT))
        self.assertIn("was allocated by operator new", lines[0])
        self.assertIn("1 byte was changed behind an object of 100 bytes", lines[1])
        done = run("overflow_and_mismatch", CAIRN_ON_FINDING="mismatch=continue,overflow=trap")
        self.assertEqual((len(first_lines(done)), done.returncode), (2, -signal.SIGILL))
        done = run("overflow_and_mismatch", CAIRN_ON_FINDING="overflow=continue")
        self.assertEqual((len(first_lines(done)), done.returncode), (1, -signal.SIGABRT))


if __name__ == "__main__":
    unittest.main()
