"""What the tests of bench/run share: where the built programs are, allocators that are made up, and
bench/run itself as a command.

Needs the workloads built: CAIRN_BUILD_DIR names the build, build/release otherwise.
"""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from driver import measure

BUILD = os.environ.get("CAIRN_BUILD_DIR", os.path.join(HERE, "../build/release"))
TOOLS = measure.Tools(os.path.abspath(os.path.join(BUILD, "bench")))

# The rest of an allocator that hands most requests on to glibc's.
WRAPPER = """
#include <stddef.h>
void *__libc_malloc(size_t); void __libc_free(void *); void *__libc_realloc(void *, size_t);
void free(void *p) { if (!is_mine(p)) __libc_free(p); }
void *realloc(void *p, size_t n) { return __libc_realloc(p, n); }
"""


class DriverCase(unittest.TestCase):
    """Runs bench/run on allocators that are compiled from their source."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def library(self, name, source):
        """The argument of --peer for it."""
        path = os.path.join(self.folder.name, name + ".so")
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-fno-builtin", "-x", "c", "-", "-o", path],
            input=source, text=True, check=True,
        )
        return f"{name}={path}"

    def bench(self, *arguments):
        """(exit status, all that was said, where the results are)."""
        out = os.path.join(self.folder.name, "out")
        command = [os.path.join(HERE, "run"), "--quick", "--no-cairn", "--no-programs",
                   "--peers", "glibc", "--build", TOOLS.directory, "--out", out, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr, out
