"""Runs workloads through the launcher, checks that the preload took effect, collects figures."""

import hashlib
import json
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass

from .stats import Run


class RunFailed(Exception):
    """A run ended badly; the message says how."""


@dataclass(frozen=True)
class Tools:
    """Where the built helpers are."""

    directory: str

    @property
    def launch(self):
        return os.path.join(self.directory, "launch")

    @property
    def probe(self):
        return os.path.join(self.directory, "probe.so")

    def workload(self, name):
        return os.path.join(self.directory, name)


def checksum_of(answer):
    if not answer:
        raise RunFailed("no output to compare")
    return hashlib.sha256(answer).hexdigest()[:16]


def clean_environment(extra, scratch):
    """Only what programs need: nothing of the caller's that could steer an allocator."""
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "LC_ALL": "C",
    }
    environment.update(extra)
    return environment


class Measurer:
    """Measures one run at a time in a scratch directory of its own."""

    def __init__(self, tools, timeout_s):
        self.tools = tools
        self.timeout_s = timeout_s
        self._scratch = tempfile.TemporaryDirectory(prefix="cairn-bench-")
        self.scratch = self._scratch.name
        self.c_library = self._provider([self.tools.workload("start_up"), "1"], None)[0]

    def close(self):
        self._scratch.cleanup()

    def preload_for(self, workload, allocator):
        """What to preload: for a program that is linked with an allocator, glibc's malloc has to
        be brought in front of it as well."""
        if allocator.path is None and workload.links_allocator:
            return self.c_library
        return allocator.path

    def warm_up(self, workload, allocator):
        """A run that is not counted, with the probe: fails if malloc came from elsewhere."""
        preload = self.preload_for(workload, allocator)
        expected = os.path.realpath(preload if preload is not None else self.c_library)
        probe_file = os.path.join(self.scratch, "probe")
        with open(probe_file, "wb"):
            pass
        run = self._run(workload, allocator, 0, probe_file)
        seen = self._read_probe(probe_file)
        if not seen:
            raise RunFailed("the preload did not take effect: no process loaded the probe")
        for libraries, program in seen:
            if any(os.path.realpath(library) != expected for library in libraries):
                raise RunFailed(
                    f"the preload did not take effect in {program}: malloc, free and realloc come "
                    f"from {', '.join(libraries)} instead of {expected}"
                )
        return run

    def measure(self, workload, allocator, round_number):
        return self._run(workload, allocator, round_number, None)

    def _provider(self, argv, preload):
        """The libraries that malloc, free and realloc of a program come from."""
        probe_file = os.path.join(self.scratch, "probe")
        self._launch(argv, preload, {"CAIRN_BENCH_PROBE": probe_file}, "/dev/null", "/dev/null")
        return self._read_probe(probe_file)[0][0]

    @staticmethod
    def _read_probe(probe_file):
        with open(probe_file, encoding="utf-8", errors="replace") as lines:
            fields = [line.rstrip("\n").split("\t") for line in lines]
        return [(entry[:3], entry[3]) for entry in fields if len(entry) == 4]

    def _command(self, argv, preload, probing, stdin, output, options):
        libraries = [self.tools.probe] if probing else []
        if preload is not None:
            libraries.append(preload)
        command = [self.tools.launch, "-i", stdin, "-o", output, *options]
        if libraries:
            command += ["-p", ":".join(libraries)]
        return command + ["--"] + argv

    def start(self, argv, preload, extra, stdin, output, options=()):
        """Starts the launcher, with options of its own; the caller waits with `finish`."""
        probing = "CAIRN_BENCH_PROBE" in extra
        errors = tempfile.TemporaryFile(dir=self.scratch)
        process = subprocess.Popen(
            self._command(argv, preload, probing, stdin, output, options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=clean_environment(extra, self.scratch),
            cwd=self.scratch,
            start_new_session=True,
        )
        return process, errors

    def finish(self, process, errors, expected_signal=0, may_fail=False):
        """The launcher's report; RunFailed with the end of stderr if the program failed."""
        try:
            out, _ = process.communicate(timeout=self.timeout_s)
        except subprocess.TimeoutExpired:
            self.kill(process)
            raise RunFailed(f"no end after {self.timeout_s} s") from None
        except BaseException:
            self.kill(process)
            raise
        errors.seek(0)
        said = errors.read()[-2000:].decode("utf-8", "replace").strip()
        errors.close()
        if process.returncode != 0:
            raise RunFailed(f"the launcher failed: {said}")
        report = json.loads(out)
        if may_fail:
            return report
        if report["signal"] != expected_signal:
            name = signal.Signals(report["signal"]).name
            raise RunFailed(f"killed by {name}: {said}")
        if report["exit"] > 0:
            raise RunFailed(f"exit status {report['exit']}: {said}")
        return report

    @staticmethod
    def kill(process):
        """Ends the launcher and everything it started: they are a session of their own."""
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    def _launch(self, argv, preload, extra, stdin, output, options=(), may_fail=False):
        started = self.start(argv, preload, extra, stdin, output, options)
        return self.finish(*started, may_fail=may_fail)

    def launch(self, workload, allocator, options=(), may_fail=False, probe_file=None):
        """One run; (the launcher's report, the program's output)."""
        extra = {**workload.environment, **allocator.environment}
        if probe_file is not None:
            extra["CAIRN_BENCH_PROBE"] = probe_file
        preload = self.preload_for(workload, allocator)
        output = os.path.join(self.scratch, "output")
        if workload.serve is not None:
            return workload.serve(self, workload, preload, extra)
        stdin = workload.stdin or "/dev/null"
        report = self._launch(workload.argv, preload, extra, stdin, output, options, may_fail)
        with open(output, "rb") as file:
            return report, file.read()

    def _run(self, workload, allocator, round_number, probe_file):
        report, answer = self.launch(workload, allocator, probe_file=probe_file)
        return Run(
            workload=workload.name,
            allocator=allocator.name,
            round=round_number,
            checksum=checksum_of(answer),
            **{name: report[name] for name in (
                "wall_ns", "user_us", "system_us", "peak_rss_kb", "minor_faults", "major_faults")},
        )
