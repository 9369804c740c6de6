#!/usr/bin/env python3
"""Reports of a whole program, by exact text: what they say, where they go, and what follows.
    report_text.py PROGRAM
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

PROGRAM = sys.argv.pop()
NAME = pathlib.Path(PROGRAM).name
FIRST = "cairn: free(0xA): double free of an object of size class 112; thread T\n"
BESIDE = """\
  the object before it: 112 bytes at 0xA, live
  the object behind it: 112 bytes at 0xA, live
"""
HINT = "  'cairn symbolize' turns these addresses into functions and lines"
DEBUG = "; CAIRN_PROFILE=debug tells who allocated and freed the object\n"
FRAMES = "  called from:\n    0xA PROGRAM+0xA (build-id B)\n"
PLAIN = FIRST + FRAMES + BESIDE + HINT + DEBUG


def run(mode, *, pass_fds=(), **options):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CAIRN_")}
    return subprocess.run([PROGRAM, mode], env=kept | options, capture_output=True, text=True,
                          timeout=60, pass_fds=pass_fds, errors="surrogateescape")


def normalise(text):
    """Numbers as letters; frames of the C library go, those of the program become one."""
    text = re.sub(r"0x[0-9a-f]+", "0xA", text)
    text = re.sub(r"; thread \d+", "; thread T", text)
    text = re.sub(r"\(build-id [0-9a-f]+\)", "(build-id B)", text)
    text = re.sub(rf"(?m)^(    0xA) \S*/{NAME}\+", r"\1 PROGRAM+", text)
    text = re.sub(r"(?m)^    0xA(?! PROGRAM).*\n", "", text)
    return re.sub(r"(    0xA PROGRAM.*\n)+", r"\1", text)


class Text(unittest.TestCase):
    maxDiff = None

    def dies(self, done, text, by=signal.SIGABRT):
        self.assertEqual(normalise(done.stderr), text)
        self.assertEqual((done.returncode, done.stdout), (-by, ""))

    def test_plain(self):
        done = run("plain")
        self.dies(done, PLAIN)
        frames = re.findall(rf"(?m)^    0x[0-9a-f]+ \S*/{NAME}\+(0x[0-9a-f]+) ", done.stderr)
        self.assertGreaterEqual(len(frames), 3, done.stderr)
        functions = subprocess.run(["addr2line", "-f", "-e", PROGRAM, *frames],
                                   capture_output=True, text=True, check=True).stdout
        self.assertEqual(functions.split("\n")[0::2][:3], ["free_middle_twice", "plain", "main"])

    def test_build_id_is_the_files(self):
        told = re.search(rf"{NAME}\+0x\w+ \(build-id (\w+)\)", run("plain").stderr)[1]
        notes = subprocess.run(["readelf", "-n", PROGRAM], capture_output=True, text=True,
                               check=True).stdout
        self.assertIn(f"Build ID: {told}\n", notes)

    def test_not_of_the_heap(self):
        self.dies(run("no_object"), "cairn: free(0xA): pointer that cairn never allocated; "
                  "thread T\n" + FRAMES + HINT + "\n")

    def test_wrong_size(self):
        self.dies(run("misuse"), "cairn: cairn_free_sized(0xA): an object of 112 usable bytes was "
                  "called one of 200; give the size that it was allocated with; thread T\n" +
                  FRAMES + BESIDE + HINT + DEBUG)

    def test_anywhere(self):
        for mode in ("small_stack", "signal_handler", "closed_output", "in_child"):
            with self.subTest(mode):
                self.dies(run(mode), PLAIN)

    def test_closed_stderr(self):
        self.dies(run("closed_stderr"), "")

    def test_json(self):
        report = json.loads(run("plain", CAIRN_REPORT_FORMAT="json").stderr)
        self.assertEqual(normalise(report["message"] + "\n"), FIRST)
        self.assertEqual((report["function"], report["kind"]), ("free", "double-free"))
        thing = report["object"]
        self.assertEqual(thing["address"], report["address"])
        self.assertEqual(thing["size"], 112)
        for neighbour, distance in (("before", -112), ("behind", 112)):
            self.assertEqual(int(thing[neighbour]["address"], 16) - int(thing["address"], 16),
                             distance)
            self.assertEqual(thing[neighbour]["live"], True)
        frame = report["stack"][0]
        self.assertEqual(frame.keys(), {"address", "module", "offset", "build_id"})
        self.assertEqual(os.path.realpath(frame["module"]), os.path.realpath(PROGRAM))
        self.assertIn(f"; thread {report['thread']}", report["message"])

    def test_json_without_object(self):
        report = json.loads(run("no_object", CAIRN_REPORT_FORMAT="json").stderr)
        self.assertNotIn("object", report)
        self.assertEqual((report["kind"], report["address"]), ("foreign-pointer", "0x1230"))


class Target(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / "reports"

    def test_file(self):
        for times in (1, 2):
            done = run("plain", CAIRN_REPORT=str(self.file))
            self.assertEqual(normalise(done.stderr), FIRST)
            self.assertEqual(normalise(self.file.read_text()), PLAIN * times)

    def test_json_file(self):
        done = run("plain", CAIRN_REPORT=str(self.file), CAIRN_REPORT_FORMAT="json")
        self.assertEqual(normalise(done.stderr), FIRST)
        self.assertEqual(json.loads(self.file.read_text())["kind"], "double-free")

    def test_file_that_cannot_be(self):
        done = run("plain", CAIRN_REPORT=str(self.file / "x"))
        self.assertEqual(normalise(done.stderr), PLAIN)

    def test_descriptor(self):
        with self.file.open("w") as out:
            done = run("plain", CAIRN_REPORT=f"fd:{out.fileno()}", pass_fds=[out.fileno()])
        self.assertEqual((done.stderr, normalise(self.file.read_text())), ("", PLAIN))

    def test_descriptor_that_is_not_open(self):
        self.assertEqual(normalise(run("plain", CAIRN_REPORT="fd:999").stderr), PLAIN)

    def test_pipe_that_nobody_reads(self):
        reading, writing = os.pipe()
        os.close(reading)
        done = run("plain", CAIRN_REPORT=f"fd:{writing}", pass_fds=[writing])
        os.close(writing)
        self.assertEqual((normalise(done.stderr), done.returncode), (PLAIN, -signal.SIGABRT))

    def test_values_that_make_no_sense(self):
        for variable, value, must in (
                ("CAIRN_REPORT", "fd:", "stderr, fd: and a number, or a file"),
                ("CAIRN_REPORT", "fd:7x", "stderr, fd: and a number, or a file"),
                ("CAIRN_REPORT_FORMAT", "xml", "text or json"),
                *(("CAIRN_ON_FINDING", value, "abort, trap or continue, or a list of these and of "
                   "KIND=one of these") for value in (
                       "ignore", "abort,", ",abort", "abort,foo=trap", "leak", "leak=", "=abort",
                       "leak=abort=trap", "double-fre=continue", "double-free=continue,trapp"))):
            with self.subTest(value):
                done = run("plain", **{variable: value})
                complaint = f"cairn: {variable}={value} is ignored: it must be {must}\n"
                self.assertEqual(normalise(done.stderr), complaint + PLAIN)


class Policy(unittest.TestCase):
    maxDiff = None

    def test_trap(self):
        done = run("plain", CAIRN_ON_FINDING="trap")
        self.assertEqual((normalise(done.stderr), done.returncode), (PLAIN, -signal.SIGILL))
        self.assertEqual(run("trapped").returncode, -signal.SIGILL)

    def test_continue(self):
        done = run("go_on", CAIRN_ON_FINDING="continue")
        self.assertEqual((done.returncode, done.stdout), (0, "alive\n"), done.stderr)
        said = [re.sub(r"0x\w+", "0xA", line) for line in
                re.findall(r"(?m)^cairn: (.*); thread", done.stderr)]
        self.assertEqual(said, [
            "free(0xA): double free of an object of size class 112",
            "free(0xA): pointer 8 bytes into an object of size class 112 that starts at 0xA",
            "free(0xA): pointer that cairn never allocated",
            "free(0xA): pointer 4096 bytes into a large object of 1048576 bytes that starts at "
            "0xA",
            "free(0xA): pointer into memory that was released",
            "free(0xA): double free of an object of size class 112"])

    def test_by_kind(self):
        """A later entry of the list counts more."""
        self.assertEqual(run("plain", CAIRN_ON_FINDING="continue,double-free=trap").returncode,
                         -signal.SIGILL)
        self.assertEqual(run("plain", CAIRN_ON_FINDING="double-free=trap,continue").returncode, 0)
        self.assertEqual(run("plain", CAIRN_ON_FINDING="trap,double-free=continue,"
                             "foreign-pointer=abort").returncode, 0)
        self.assertEqual(run("no_object", CAIRN_ON_FINDING="foreign-pointer=trap").returncode,
                         -signal.SIGILL)
        self.assertEqual(run("plain", CAIRN_ON_FINDING="foreign-pointer=trap").returncode,
                         -signal.SIGABRT)
        self.assertEqual(run("misuse", CAIRN_ON_FINDING="wrong-size=trap").returncode,
                         -signal.SIGILL)
        done = run("go_on", CAIRN_ON_FINDING="double-free=continue,interior-pointer=continue")
        self.assertEqual(done.returncode, -signal.SIGABRT)
        self.assertEqual(re.findall(r"(?m)^cairn: (?:.*)(double free|pointer)", done.stderr),
                         ["double free", "pointer", "pointer"])
        self.assertIn("pointer that cairn never allocated", done.stderr)

    def test_what_cannot_continue(self):
        done = run("misuse", CAIRN_ON_FINDING="continue")
        self.assertEqual(done.returncode, -signal.SIGABRT)

    def test_handler(self):
        done = run("handler")
        self.assertEqual(done.returncode, -signal.SIGABRT)
        told = normalise(done.stdout).splitlines()
        self.assertEqual(told[:4:2], ["double-free of free(objects[1]): can continue: 1"] * 2)
        self.assertEqual(told[4], "double-free of realloc(objects[1]): can continue: 0")
        self.assertEqual([line + "\n" for line in told[1:4:2]], [FIRST] * 2)

    def test_mistake_of_the_handler(self):
        done = run("nested")
        self.assertEqual((done.returncode, normalise(done.stderr)), (-signal.SIGABRT,
                                                                     PLAIN + FIRST))

    def test_threads(self):
        done = run("crowd", CAIRN_ON_FINDING="continue")
        self.assertEqual(done.returncode, 0)
        reports = normalise(done.stderr).split(HINT + DEBUG)
        self.assertEqual(reports, [(FIRST + FRAMES + BESIDE)] * 200 + [""])


if __name__ == "__main__":
    unittest.main()
