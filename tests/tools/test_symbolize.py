#!/usr/bin/env python3
"""cairn symbolize: reports of programs that are compiled for it, and what is no report."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

COMMAND = os.environ["CAIRN_COMMAND"]
LIBRARY = str(pathlib.Path(os.environ["CAIRN_LIBRARY"]).parent / "libcairn.so")
PROGRAM = """\
#include <stdlib.h>
static inline __attribute__((always_inline)) void release(char *volatile *at) {
    free(*at);
}
__attribute__((noinline)) static void twice(char *volatile *at) {
    release(at);
    release(at);
    __asm__ volatile("" ::: "memory");
}
int main(void) {
    char *volatile object = malloc(100);
    twice(&object);
    return 0;
}
"""
SENTENCE = "double free of an object of size class 112; thread "


def symbolize(*arguments, text=""):
    return subprocess.run([COMMAND, "symbolize", *arguments], input=text, capture_output=True,
                          text=True, timeout=60)


def kept_environment(**extra):
    return {k: v for k, v in os.environ.items() if not k.startswith("CAIRN_")} | extra


class Symbolize(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(suffix=" (a+0x1 b)")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(os.path.realpath(folder.name))
        self.source = self.folder / "program.c"
        self.source.write_text(PROGRAM)
        self.program = self.folder / "pro gram"
        self.build()

    def build(self, *flags, program=None):
        subprocess.run(["gcc", "-O2", "-g", "-fno-builtin", "-w", *flags, str(self.source), "-o",
                        str(program or self.program)], check=True)

    def report(self, **extra):
        done = subprocess.run([str(self.program)], capture_output=True, text=True, timeout=60,
                              env=kept_environment(LD_PRELOAD=LIBRARY, **extra))
        self.assertIn(SENTENCE, done.stderr)
        return done.stderr

    def fails(self, done, status, sentence):
        self.assertEqual(done.returncode, status, done)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertRegex(done.stderr, sentence)

    def expect_lines(self, text):
        source, program = re.escape(str(self.source)), re.escape(str(self.program))
        for function, line in (("release", 3), ("twice", 7), ("main", 12)):
            self.assertRegex(text, rf"(?m)^    {function} at {source}:{line} in {program}\+0x\w+$")
        self.assertNotIn("cairn symbolize", text)

    def test_text_from_input_and_file(self):
        report = self.report()
        done = symbolize(text=report)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.expect_lines(done.stdout)
        self.assertEqual(done.stdout.split("\n")[0], report.split("\n")[0])
        file = self.folder / "report"
        file.write_text(report)
        self.assertEqual(symbolize(str(file)).stdout, done.stdout)

    def test_position_independent_or_not(self):
        for flag in ("-no-pie", "-pie"):
            with self.subTest(flag):
                self.build(flag)
                self.expect_lines(symbolize(text=self.report()).stdout)

    def test_other_lines_stay(self):
        text = "before\n\n    0x12 not a frame\n" + self.report() + "behind\n    at the end"
        done = symbolize(text=text)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("before\n\n    0x12 not a frame\ncairn: "))
        self.assertTrue(done.stdout.endswith("\nbehind\n    at the end\n"))

    def test_json(self):
        report = self.report(CAIRN_REPORT_FORMAT="json")
        done = symbolize(text=report)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        before, after = json.loads(report), json.loads(done.stdout)
        frames = [frame["source"] for frame in after["stack"]]
        source = str(self.source)
        self.assertEqual(frames[0], [
            {"function": "release", "file": source, "line": 3},
            {"function": "twice", "file": source, "line": 7}])
        self.assertEqual(frames[1], [{"function": "main", "file": source, "line": 12}])
        for frame in after["stack"]:
            frame.pop("source", None)
        self.assertEqual(after, before)

    def test_leaks(self):
        """Of a program without a report of anything else."""
        self.source.write_text("#include <stdlib.h>\n"
                               "static void lose(void) { *(char *volatile *)malloc(8) = 0; }\n"
                               "int main(void) { for (int i = 0; i < 9; i++) lose(); return 0; }\n")
        self.build("-O0")
        told = subprocess.run([str(self.program)], capture_output=True, text=True, timeout=60,
                              env=kept_environment(LD_PRELOAD=LIBRARY, CAIRN_PROFILE="debug",
                                                   CAIRN_LEAKS="1")).stderr
        done = symbolize(text=told)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"    lose at {self.source}:2 in ", done.stdout)

    def test_under_run_at_once(self):
        done = subprocess.run([COMMAND, "run", "--", str(self.program)], capture_output=True,
                              text=True, timeout=60, env=kept_environment())
        self.assertEqual((done.returncode, done.stdout), (-6, ""))
        self.assertIn(SENTENCE, done.stderr)
        self.expect_lines(done.stderr)

    def test_under_run_with_an_empty_target(self):
        done = subprocess.run([COMMAND, "run", "--", str(self.program)], capture_output=True,
                              text=True, timeout=60, env=kept_environment(CAIRN_REPORT=""))
        self.expect_lines(done.stderr)

    def test_under_run_of_half_a_line(self):
        script = "import os; os.write(int(os.environ['CAIRN_REPORT'][3:]), b'a line\\ncairn: half')"
        done = subprocess.run([COMMAND, "run", "--", sys.executable, "-c", script],
                              capture_output=True, text=True, timeout=60, env=kept_environment())
        self.assertEqual((done.returncode, done.stderr), (0, "a line\ncairn: half\n"))

    def test_under_run_elsewhere(self):
        file = self.folder / "report"
        done = subprocess.run([COMMAND, "run", "--", str(self.program)], capture_output=True,
                              text=True, timeout=60, env=kept_environment(CAIRN_REPORT=str(file)))
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.expect_lines(symbolize(str(file)).stdout)

    def test_what_the_program_leaves_behind_is_not_waited_for(self):
        script = f'sleep 60 <&- >&- 2>&- & exec "{self.program}"'
        done = subprocess.run([COMMAND, "run", "--", "sh", "-c", script], capture_output=True,
                              text=True, timeout=30, env=kept_environment())
        self.expect_lines(done.stderr)

    def test_separate_debug_information(self):
        debug = self.folder / "debug"
        for command in (["objcopy", "--only-keep-debug", self.program, debug],
                        ["strip", self.program],
                        ["objcopy", f"--add-gnu-debuglink={debug}", self.program]):
            subprocess.run([str(word) for word in command], check=True)
        self.expect_lines(symbolize(text=self.report()).stdout)

    def test_no_such_file(self):
        self.fails(symbolize(str(self.folder / "none")), 125,
                   r"^cairn: cannot read '.*/none': No such file or directory$")

    def test_no_report(self):
        for text in ("", "nothing\n", "cairn: something else\n", "{}\n"):
            self.fails(symbolize(text=text), 125,
                       "^cairn: there is no report of cairn's in the input$")

    def test_folder(self):
        self.fails(symbolize(str(self.folder)), 125, "^cairn: cannot read '.*': Is a directory$")

    def test_program_is_gone(self):
        report = self.report()
        self.program.unlink()
        done = symbolize(text=report)
        self.fails(done, 1, "^cairn: cannot read '.*/pro gram', of which the report has addresses: "
                   "No such file or directory$")
        self.assertIn(re.search(r"(?m)^    0x\w+ .*pro gram.*$", report)[0], done.stdout)

    def test_program_was_built_anew(self):
        report = self.report()
        self.build("-Dtwice=thrice")
        done = symbolize(text=report)
        self.fails(done, 1, r"^cairn: '.*/pro gram' is another build than the report's: its "
                   r"build-id is \w{40} instead of \w{40}$")
        self.assertNotIn("program.c", done.stdout)

    def test_program_is_no_program(self):
        report = self.report()
        self.program.write_text("text")
        self.fails(symbolize(text=report), 1, "^cairn: '.*/pro gram' is not a program or library: ")

    def test_program_is_no_file(self):
        report = self.report()
        self.program.unlink()
        os.mkfifo(self.program)
        self.fails(symbolize(text=report), 1, "^cairn: '.*/pro gram', of which .* is no file$")

    def test_no_lines(self):
        report = re.sub(r"(?m)^    0x\w+ (?!.*pro gram).*\n", "", self.report())
        stripped = self.folder / "stripped"
        subprocess.run(["strip", "-o", str(stripped), str(self.program)], check=True)
        shutil.move(stripped, self.program)
        self.fails(symbolize(text=report), 1,
                   "^cairn: no line is known of any address; compile the program with -g$")

    def test_broken_frames(self):
        head = "cairn: free(0x1): " + SENTENCE + "1\n"
        for line in ("    0x", "    0x1 ", "    0x1 +", "    0x1 a+0x (build-id",
                     "    0x1  (build-id )",
                     "    0x1 (build-id +0x1)", '{"message":"cairn: {"address":"'):
            done = symbolize(text=head + line + "\n")
            self.assertIn(done.returncode, (1, 125), line)
            self.assertEqual(done.stdout, head + line + "\n")


if __name__ == "__main__":
    unittest.main()
