#!/usr/bin/env python3
"""cairn run: what it passes on, what it sets, and what it says when it cannot."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

COMMAND = os.environ["CAIRN_COMMAND"]
LIBRARY = str(pathlib.Path(os.environ["CAIRN_LIBRARY"]).parent / "libcairn.so")
INSTALLED = os.environ["CAIRN_INSTALLED"]
PRELOADED = ["sh", "-c", 'echo "$LD_PRELOAD"']


def environment(**extra):
    kept = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "CAIRN_SUMMARY")}
    return kept | extra


def cairn(*arguments, command=COMMAND, stdin=subprocess.DEVNULL, cwd=None, **extra):
    return subprocess.run([command, *arguments], env=environment(**extra), stdin=stdin, cwd=cwd,
                          capture_output=True, text=True, timeout=60)


class WithFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, text="", mode=0o755):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def build(self, name, *flags):
        path = str(self.folder / name)
        subprocess.run(["gcc", "-x", "c", "-", "-o", path, *flags], text=True, check=True,
                       input="int main(void) { return 0; }")
        return path

    def fails(self, status, message, *arguments, **options):
        """One sentence on stderr, nothing on stdout."""
        done = cairn(*arguments, **options)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(message, done.stderr)


class Command(WithFolder):
    def test_help_lists_the_commands(self):
        for arguments in (["help"], ["--help"]):
            done = cairn(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            for name in ("run", "options", "version", "help"):
                self.assertRegex(done.stdout, rf"(?m)^  {name} ")

    def test_help_of_a_command(self):
        done = cairn("help", "run")
        self.assertEqual(done.returncode, 0)
        self.assertIn("Usage: cairn run", done.stdout)
        self.assertEqual(cairn("run", "--help").stdout, done.stdout)

    def test_version(self):
        done = cairn("version")
        self.assertRegex(done.stdout, r"^cairn \d+\.\d+\.\d+\n$")
        self.assertEqual(cairn("--version").stdout, done.stdout)

    def test_options(self):
        done = cairn("options")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^CAIRN_SUMMARY \(default ''\)\n    \w")

    def test_what_is_not_a_command(self):
        self.fails(125, "no command 'walk'", "walk")
        self.fails(125, "no command 'walk'", "help", "walk")
        self.assertEqual(cairn().returncode, 125)
        self.assertEqual(cairn("run").returncode, 125)
        self.assertEqual(cairn("run", "--walk", "true").returncode, 125)


    def test_words_too_many(self):
        for arguments in (["options", "x"], ["version", "x"], ["help", "run", "x"]):
            with self.subTest(arguments):
                self.fails(125, "'x', which it does not take", *arguments)

    def test_output_that_cannot_be_written(self):
        for arguments in (["help"], ["options"], ["version"], ["help", "run"], ["run", "--help"]):
            for target in (">/dev/full", ">&-"):
                with self.subTest(arguments, target=target):
                    done = subprocess.run(["sh", "-c", f'exec "$@" {target}', "sh", COMMAND,
                                           *arguments], capture_output=True, text=True, timeout=60)
                    self.assertEqual(done.returncode, 125)
                    self.assertRegex(done.stderr, r"^cairn: cannot write: .+\n$")


class Run(WithFolder):
    def test_the_library_is_in_the_program(self):
        done = cairn("run", "--", "grep", "-c", "libcairn", "/proc/self/maps")
        self.assertEqual(done.returncode, 0, done)

    def test_preload_comes_first_and_keeps_others(self):
        self.assertEqual(cairn("run", *PRELOADED).stdout, f"{LIBRARY}\n")
        done = cairn("run", *PRELOADED, LD_PRELOAD="libm.so.6:libdl.so.2")
        self.assertEqual(done.stdout, f"{LIBRARY}:libm.so.6:libdl.so.2\n")

    def test_options_behind_the_program_are_the_programs(self):
        for separator in ([], ["--"]):
            arguments = ["run", *separator, "echo", "--summary", "-c"]
            self.assertEqual(cairn(*arguments).stdout, "--summary -c\n")

    def test_status_and_streams_pass_on(self):
        done = cairn("run", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (3, "out\n", "err\n"))
        self.assertEqual(cairn("run", "sh", "-c", "kill -9 $$").returncode, -signal.SIGKILL)

    def test_signals_reach_the_program(self):
        with subprocess.Popen([COMMAND, "run", "sh", "-c", "echo ready; exec sleep 60"],
                              env=environment(), stdout=subprocess.PIPE, text=True) as running:
            running.stdout.readline()
            running.send_signal(signal.SIGTERM)
            self.assertEqual(running.wait(30), -signal.SIGTERM)

    def test_input_passes_on(self):
        with open(self.file("input", "line\n")) as stdin:
            self.assertEqual(cairn("run", "cat", stdin=stdin).stdout, "line\n")

    def test_programs_that_do_not_run(self):
        self.fails(127, "'no-such-program' is not found", "run", "no-such-program")
        self.fails(127, "'/no/such' is not found", "run", "/no/such")
        self.fails(127, "'' is not found", "run", "")
        self.fails(126, "Permission denied", "run", self.file("plain", "text", 0o644))
        self.fails(126, "it is a directory", "run", str(self.folder))
        self.fails(126, "interpreter", "run", self.file("script", "#!/no/such/interpreter\n"))

    def test_programs_are_found_as_by_the_shell(self):
        self.file("plain-name", "#!/bin/sh\necho script\n")
        path = f"{self.folder}:{os.environ['PATH']}"
        self.assertEqual(cairn("run", "plain-name", PATH=path).stdout, "script\n")
        self.assertEqual(cairn("run", "./plain-name", cwd=self.folder).stdout, "script\n")
        self.file("plain-name", "", 0o644)
        self.fails(126, "Permission denied", "run", "plain-name", PATH=path)


class Library(WithFolder):
    def install(self, *, command, library=None):
        command, source = self.folder / command, COMMAND
        command.parent.mkdir(parents=True)
        shutil.copy(source, command)
        if library:
            (self.folder / library).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(LIBRARY, self.folder / library)
        return str(command)

    def test_beside_the_command_before_any_other(self):
        command = self.install(command="bin/cairn", library="bin/libcairn.so")
        self.install(command="other/cairn", library="lib/libcairn.so")
        done = cairn("run", *PRELOADED, command=command)
        self.assertEqual(done.stdout, f"{self.folder.resolve()}/bin/libcairn.so\n")

    def test_in_lib_also_through_a_link(self):
        command = self.install(command="bin/cairn", library="lib/libcairn.so")
        link = self.folder / "link"
        link.symlink_to(command)
        for name in (command, str(link)):
            done = cairn("run", *PRELOADED, command=name)
            self.assertEqual(done.stdout, f"{self.folder.resolve()}/lib/libcairn.so\n")

    def test_nowhere(self):
        command = self.install(command="bin/cairn")
        if os.path.exists(INSTALLED):
            self.assertEqual(cairn("run", *PRELOADED, command=command).stdout, f"{INSTALLED}\n")
        else:
            self.fails(125, "libcairn.so is neither beside", "run", "true", command=command)

    def test_where_ld_preload_cannot_name_it(self):
        command = self.install(command="a b/cairn", library="a b/libcairn.so")
        self.fails(125, "blank", "run", "true", command=command)


class Warnings(WithFolder):
    def warns(self, reason, *program):
        done = cairn("run", *program)
        self.assertEqual(done.returncode, 0, done)
        self.assertRegex(done.stderr, rf"^cairn: warning: '[^\n]*{reason}[^\n]*own malloc\n$")

    def test_static_programs(self):
        self.warns("is linked statically", self.build("static", "-static"))
        self.warns("is linked statically", self.build("static-pie", "-static-pie"))

    def test_scripts_of_static_programs(self):
        self.warns("is linked statically",
                   self.file("script", f"#! {self.build('static', '-static')} -x\n"))

    def test_setuid_programs(self):
        if os.getuid() == 0:
            program = self.build("setuid")
            os.chown(program, 65534, 65534)
            os.chmod(program, 0o4755)
            self.folder.chmod(0o755)
        else:
            program = shutil.which("su")
        self.warns("more rights", program, *(["--version"] if os.getuid() else []))

    def test_no_warning_for_others(self):
        for program in (self.build("dynamic"), self.build("no-pie", "-no-pie"), "true",
                        self.file("script", "#!/bin/sh\n")):
            self.assertEqual(cairn("run", program).stderr, "")


class Summary(WithFolder):
    def asked_for(self, *options, **more):
        return cairn("run", *options, "sh", "-c", 'echo "$CAIRN_SUMMARY"', **more).stdout

    def test_where_it_goes(self):
        self.assertEqual(self.asked_for(), "\n")
        self.assertEqual(self.asked_for("--summary"), "stderr\n")
        self.assertEqual(self.asked_for("--summary=stderr"), "stderr\n")
        expected = f"{self.folder.resolve()}/file\n"
        self.assertEqual(self.asked_for("--summary=file", cwd=self.folder), expected)

    def test_an_old_one_goes(self):
        path = self.file("file", "old\n", 0o644)
        self.asked_for(f"--summary={path}")
        self.assertNotIn("old", pathlib.Path(path).read_text())

    def test_where_it_cannot_go(self):
        self.fails(125, "cannot write the summary to '/no/such/file'", "run",
                   "--summary=/no/such/file", "true")


class Compare(WithFolder):
    def test_two_runs_and_a_table(self):
        log = self.folder / "log"
        done = cairn("run", "--compare", "--summary", "sh", "-c",
                     f'echo out; echo "$LD_PRELOAD;$CAIRN_SUMMARY" >>{log}; exit 3',
                     CAIRN_SUMMARY="/dev/null")
        self.assertEqual((done.returncode, done.stdout), (3, "out\n"))
        self.assertEqual(log.read_text(), f";\n{LIBRARY};stderr\n")
        number = r"[0-9]+(?:\.[0-9]+)?"
        for row in ("wall time", r"user \+ system", "peak RSS", "minor faults"):
            self.assertRegex(done.stderr, rf"(?m)^  {row} +{number} +{number} ")

    def test_input_is_empty(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        self.assertEqual(cairn("run", "--compare", "cat", stdin=reading).returncode, 0)

    def test_ends_as_the_run_under_cairn(self):
        done = cairn("run", "--compare", "sh", "-c", '[ -z "$LD_PRELOAD" ] || kill -SEGV $$')
        self.assertEqual(done.returncode, -signal.SIGSEGV)
        self.assertIn("under libc's malloc the program ended with exit status 0", done.stderr)
        self.assertIn("under cairn the program was ended by signal 11", done.stderr)

    def test_signals_pass_on_and_end_it(self):
        script = "trap 'echo got; exit 7' TERM; echo ready >&2; while :; do sleep 0.1; done"
        with subprocess.Popen([COMMAND, "run", "--compare", "sh", "-c", script], text=True,
                              env=environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as running:
            self.assertEqual(running.stderr.readline(), "ready\n")
            running.send_signal(signal.SIGTERM)
            self.assertEqual(running.communicate(timeout=30), ("", ""))
            self.assertEqual(running.returncode, 7)

    def test_programs_that_do_not_run(self):
        self.fails(127, "is not found", "run", "--compare", "no-such-program")
        self.fails(126, "Permission denied", "run", "--compare", self.file("plain", "x", 0o644))


if __name__ == "__main__":
    unittest.main(verbosity=2)
