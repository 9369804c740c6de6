"""The Redis row: a server under the allocator, a client that feeds it a fixed stream."""

import os
import subprocess
import time

from .measure import RunFailed, clean_environment

CLIENT = "/usr/bin/redis-cli"


def _client(arguments, measurer, timeout_s, stdin=subprocess.DEVNULL):
    return subprocess.run(
        [CLIENT, "-s", os.path.join(measurer.scratch, "redis.sock"), *arguments],
        stdin=stdin,
        capture_output=True,
        env=clean_environment({}, measurer.scratch),
        timeout=timeout_s,
        check=False,
    )


def _wait_until_up(measurer, process):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        if _client(["ping"], measurer, 10).stdout.strip() == b"PONG":
            return
        time.sleep(0.02)
    raise RunFailed("the server did not come up")


def serve_redis(measurer, workload, preload, extra):
    """(report, answer): the time is the client's, from the first command to the last reply; what
    the memory and the processor have to say is the server's. The answer is Redis' own digest of
    all its data."""
    options = ["--port", "0", "--unixsocket", "redis.sock", "--save", "", "--appendonly", "no",
               "--daemonize", "no", "--enable-debug-command", "yes"]
    output = os.path.join(measurer.scratch, "output")
    process, errors = measurer.start(workload.argv + options, preload, extra, "/dev/null", output)
    try:
        _wait_until_up(measurer, process)
        with open(workload.stdin, "rb") as commands:
            start = time.monotonic_ns()
            fed = _client(["--pipe"], measurer, measurer.timeout_s, commands)
            wall_ns = time.monotonic_ns() - start
        answer = _client(["debug", "digest"], measurer, 30).stdout
        if fed.returncode != 0 or b"errors: 0" not in fed.stdout:
            raise RunFailed(f"the client failed: {(fed.stdout + fed.stderr).decode()[-500:]}")
        _client(["shutdown", "nosave"], measurer, 30)
        report = measurer.finish(process, errors)
    except subprocess.TimeoutExpired:
        raise RunFailed("the client got no answer") from None
    finally:
        if process.poll() is None:
            measurer.kill(process)
    return {**report, "wall_ns": wall_ns}, answer
