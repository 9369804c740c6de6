#!/usr/bin/env python3
"""What the profile `debug` says of whole programs, by exact text, and what follows.
    reports_text.py LIBRARY FOLDER
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

PROGRAMS = pathlib.Path(sys.argv.pop())
LIBRARY = sys.argv.pop()
HERE = pathlib.Path(__file__).parent


def run(mode, *, program="reports", **options):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CAIRN_")}
    kept |= {"LD_PRELOAD": LIBRARY, "CAIRN_PROFILE": "debug"} | options
    return subprocess.run([PROGRAMS / f"guard_{program}", mode], capture_output=True, text=True,
                          timeout=60, env=kept)


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
                self.assertRegex(done.stderr, r"(?m)^  \d+00 bytes in \d+ objects, allocated at:$")
                self.assertEqual(done.returncode, status, done.stderr)
        done = run("matching", CAIRN_LEAKS="1", CAIRN_ON_FINDING="leak=abort")
        self.assertIn("cairn: leaks: 0 bytes in 0 objects " + lost, done.stderr)
        self.assertEqual(done.returncode, 0)

    def test_leaks_go_where_reports_go(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "reports"
            done = run("leak", CAIRN_LEAKS="1", CAIRN_REPORT=str(path))
            told = path.read_text()
            self.assertRegex(done.stderr, r"^cairn: leaks: .* that nothing points to\n$")
            self.assertTrue(told.startswith(done.stderr), told)
            self.assertRegex(told, r"(?m)^  \d+00 bytes in \d+ objects, allocated at:\n    0x")
        done = run("leak", CAIRN_LEAKS="1", CAIRN_REPORT_FORMAT="json")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        leaks = json.loads(done.stderr)
        self.assertRegex(leaks["message"], "^cairn: leaks: .* that nothing points to$")
        self.assertEqual((leaks["kind"], leaks["function"]), ("leak", "exit"))
        for group in leaks["lost"], leaks["kept"]:
            self.assertLessEqual(sum(call["bytes"] for call in group["calls"]), group["bytes"])
        call = leaks["lost"]["calls"][0]
        self.assertGreater(call["objects"], 0)
        self.assertIn("module", call["stack"][0])

    def test_leaks_of_who_closes_stderr(self):
        done = run("leak_and_close", CAIRN_LEAKS="1", CAIRN_ON_FINDING="leak=abort")
        self.assertIn("that nothing points to\n", done.stderr)
        self.assertEqual(done.returncode, -signal.SIGABRT)

    def test_damage_of_who_closes_stderr(self):
        done = run("damage_and_close")
        self.assertEqual(done.returncode, -signal.SIGABRT)
        self.assertIn("100 bytes", first_lines(done)[0])

    def test_leaks_asked(self):
        asked = (r"leak\|exit\|cairn: leaks: \d+ bytes in \d+ objects that nothing points to"
                 r"\|yes\n")
        # What the function says counts, and not the option.
        for mode, policy, status in (("go_on", "leak=abort", 0),
                                     ("abort", "abort", -signal.SIGABRT),
                                     ("trap", "leak=continue", -signal.SIGILL)):
            with self.subTest(mode):
                done = run(f"leak_to_{mode}", CAIRN_LEAKS="1", CAIRN_ON_FINDING=policy)
                self.assertRegex(done.stdout, f"^{asked}$")
                self.assertIn(done.stdout.split("|")[2] + "\n", done.stderr)
                self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(run("leak_to_abort").stdout, "")

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


def line_of(file, remark):
    lines = (HERE / file).read_text().splitlines()
    return next(i + 1 for i, line in enumerate(lines) if f" LINE {remark}" in line)


class Sites(unittest.TestCase):
    """File and line of call sites, of programs that were compiled with them."""

    @staticmethod
    def site(remark, file="site_mistakes.h"):
        return rf"\S*tests/guard/{re.escape(file)}:{line_of(file, remark)}"

    def test_double_free(self):
        for program in ("sites", "sites_cxx"):
            with self.subTest(program):
                done = run("double_free", program=program)
                self.assertRegex(done.stderr, "^cairn: free")
                self.assertRegex(done.stderr, rf"(?m)^  called at {self.site('called')}, from:$")
                self.assertRegex(done.stderr, rf"(?m)^  allocated at {self.site('allocated')} by "
                                 r"thread \d+, \d+ ms before:$")
                self.assertRegex(done.stderr, rf"(?m)^  freed at {self.site('freed')} by thread "
                                 r"\d+, \d+ ms before:$")
                self.assertEqual(done.returncode, -signal.SIGABRT)

    def test_overflow(self):
        done = run("overflow", program="sites")
        self.assertRegex(done.stderr, "^cairn: free.*: 1 byte was changed behind an object of 13 ")
        self.assertRegex(done.stderr, rf"(?m)^  called at {self.site('found')}, from:$")
        self.assertRegex(done.stderr, rf"(?m)^  allocated at {self.site('copied')} by ")

    def test_no_object(self):
        done = run("foreign", program="sites")
        self.assertRegex(done.stderr, rf"(?m)^  called at {self.site('foreign')}, from:$")
        self.assertNotIn("allocated at", done.stderr)

    def test_standard_names(self):
        done = run("standard", program="sites_cxx")
        site = self.site("standard", "sites_cxx.cc")
        self.assertRegex(done.stderr, rf"(?m)^  allocated at {site} by ")

    def test_json(self):
        report = json.loads(run("double_free", program="sites", CAIRN_REPORT_FORMAT="json").stderr)
        for where, remark in ((report, "called"), (report["allocated"], "allocated"),
                              (report["freed"], "freed")):
            self.assertTrue(where["site"]["file"].endswith("tests/guard/site_mistakes.h"))
            self.assertEqual(where["site"]["line"], line_of("site_mistakes.h", remark))

    def test_leaks(self):
        done = run("leak", program="sites", CAIRN_LEAKS="1")
        self.assertRegex(done.stderr, r"(?m)^  \d+ bytes in \d+ objects, allocated at "
                         rf"{self.site('lost', 'sites.c')}, from:$")

    def test_leaks_among_many_places(self):
        done = run("leak_after_many", program="sites", CAIRN_LEAKS="1",
                   CAIRN_ON_FINDING="leak=abort")
        self.assertRegex(done.stderr, r"(?m)^cairn: leaks: \d+ bytes in (2\d|30) objects that "
                         "nothing points to$")
        self.assertRegex(done.stderr, r"(?m)^  \d+ bytes in \d+ objects, allocated at "
                         rf"{self.site('lost', 'sites.c')}, from:$")
        kept = re.search(r"(?m)^cairn: leaks: \d+ bytes in (\d+) objects that were not freed, but",
                         done.stderr)
        self.assertGreaterEqual(int(kept[1]), 6000)
        self.assertTrue(done.stderr.endswith("\n  and more of other call stacks\n"))
        self.assertEqual(done.returncode, -signal.SIGABRT)

    def test_what_there_is_no_room_for(self):
        done = run("many", program="sites")
        self.assertRegex(done.stderr, "^cairn: free.*: double free of an object of 100 bytes;")

    def test_they_do_as_malloc_does(self):
        for program in ("sites", "sites_cxx"):
            for profile in ("fast", "hardened", "debug"):
                with self.subTest((program, profile)):
                    done = run("all", program=program, CAIRN_PROFILE=profile)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_none_in_other_profiles(self):
        done = run("double_free", program="sites", CAIRN_PROFILE="fast")
        self.assertNotIn("site_mistakes.h", done.stderr)


class Failures(unittest.TestCase):
    LIBRARY = PROGRAMS / "libguard_failing_library.so"

    def failed(self, **options):
        """How many of 100 allocations of the program failed, and of the library's."""
        done = run(self.LIBRARY, program="failing", **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return tuple(map(int, done.stdout.split()))

    def test_of_one_module(self):
        self.assertEqual(self.failed(), (0, 0))
        self.assertEqual(self.failed(CAIRN_FAIL_MODULE="guard_failing"), (0, 0))
        for module, expected in (("failing_library.so", (0, 1)), ("guard_failing_library", (0, 1)),
                                 ("/guard_failing", (1, 0)), ("no such module", (0, 0))):
            with self.subTest(module):
                self.assertEqual(self.failed(CAIRN_FAIL_MODULE=module, CAIRN_FAIL_NTH="50"),
                                 expected)
        self.assertEqual(self.failed(CAIRN_FAIL_MODULE="failing_library", CAIRN_FAIL_ONE_IN="1"),
                         (0, 100))
        own, others = self.failed(CAIRN_FAIL_MODULE="failing_library", CAIRN_FAIL_ONE_IN="3")
        self.assertEqual(own, 0)
        self.assertTrue(10 < others < 60, others)


class Edges(unittest.TestCase):
    def faults(self, mode, edges, line):
        with self.subTest((mode, edges)):
            done = run(mode, CAIRN_GUARD_EDGES=edges)
            self.assertRegex(done.stderr, rf"^cairn: fault\(0x[0-9a-f]+\): {line} from its start "
                             r"0x[0-9a-f]+; thread \d+\n  called from:\n")
            self.assertRegex(done.stderr, r"(?m)^  allocated by thread \d+, \d+ ms before:$")
            self.assertEqual(done.returncode, -signal.SIGSEGV)

    def test_faults(self):
        self.faults("write_behind", "after", "write behind an object of 100 bytes, at offset 112")
        self.faults("read_before", "before", "read before an object of 100 bytes, at offset -1")
        for edges in ("after", "before"):
            self.faults("read_after_free", edges,
                        "read after free of an object of 100 bytes, at offset 7")
        done = run("read_after_free", CAIRN_GUARD_EDGES="after")
        self.assertRegex(done.stderr, r"(?m)^  freed by thread \d+, \d+ ms before:$")

    def test_without_a_mistake(self):
        for edges in ("after", "before"):
            done = run("matching", CAIRN_GUARD_EDGES=edges)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_forms_and_sites(self):
        done = run("new_free", CAIRN_GUARD_EDGES="after")
        self.assertEqual(first_lines(done), ["free(): an object of 100 bytes was allocated by "
                                             "operator new; free it by delete"])
        done = run("double_free", program="sites", CAIRN_GUARD_EDGES="after")
        self.assertRegex(done.stderr, r"(?m)^  called at \S*site_mistakes.h:\d+, from:$")
        self.assertRegex(done.stderr, r"(?m)^  allocated at \S*site_mistakes.h:\d+ by thread ")
        self.assertRegex(done.stderr, r"(?m)^  freed at \S*site_mistakes.h:\d+ by thread ")

    def test_leaks(self):
        done = run("leak", CAIRN_LEAKS="1", CAIRN_GUARD_EDGES="after")
        self.assertRegex(done.stderr, r"(?m)^  \d+00 bytes in \d+ objects, allocated at:$")
        self.assertIn("that nothing points to\n", done.stderr)


if __name__ == "__main__":
    unittest.main()
