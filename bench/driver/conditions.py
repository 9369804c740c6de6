"""What a row wants of the machine: a mode of huge pages, a cgroup with a limit of memory.

Both are the machine's, not the program's: whoever changes one puts it back, however the run ends.
"""

import contextlib
import os
import time

HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
MODES = ("always", "madvise", "never")


def huge_pages_mode(path=HUGE_PAGES):
    """The mode that is set; None where the kernel has none."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError:
        return None
    return text.partition("[")[2].partition("]")[0] or text.strip()


def can_set_huge_pages(path=HUGE_PAGES):
    return os.access(path, os.W_OK)


@contextlib.contextmanager
def huge_pages(mode, path=HUGE_PAGES):
    """Within it that mode is set, for the whole machine; None leaves it as it is. "never" is left
    to the launcher, which can set it for one process."""
    before = huge_pages_mode(path)
    if mode in (None, "never", before):
        yield
        return
    try:
        _write(path, mode)
        yield
    finally:
        _write(path, before)


def _write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def memory_cgroup(mounts="/proc/self/mounts"):
    """The directory of a cgroup (version 2) that we may make children of, whose memory can be
    limited; None if there is none."""
    with open(mounts, encoding="utf-8") as lines:
        fields = [line.split() for line in lines]
    for directory in [entry[1] for entry in fields if len(entry) > 2 and entry[2] == "cgroup2"]:
        try:
            with open(os.path.join(directory, "cgroup.subtree_control"), encoding="utf-8") as file:
                enabled = file.read().split()
        except OSError:
            continue
        if "memory" in enabled and os.access(directory, os.W_OK):
            return directory
    return None


@contextlib.contextmanager
def limited_cgroup(parent, limit_bytes):
    """A child of `parent` for as long as it lasts; gives its directory."""
    directory = os.path.join(parent, f"cairn-bench-{os.getpid()}")
    os.mkdir(directory)
    try:
        _write(os.path.join(directory, "memory.max"), str(limit_bytes))
        swap = os.path.join(directory, "memory.swap.max")
        if os.path.exists(swap):
            _write(swap, "0")
        yield directory
    finally:
        # A process that was killed leaves its cgroup a little later than it ends.
        for _ in range(50):
            with contextlib.suppress(OSError):
                os.rmdir(directory)
            if not os.path.exists(directory):
                return
            time.sleep(0.02)
        os.rmdir(directory)
