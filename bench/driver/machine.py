"""What the figures were measured on."""

import os
import platform
import subprocess


def _first_value(path, key):
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(key):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return "unknown"


def _whole(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return "unknown"


def _version_line(command):
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return "unknown"
    return output.splitlines()[0] if output else "unknown"


def _distribution():
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    except OSError:
        return "unknown"


def _selected(path):
    """The word in brackets of a kernel setting like "always [madvise] never"."""
    text = _whole(path)
    return text.partition("[")[2].partition("]")[0] or text


def describe():
    """[(what, value)] in the order of the report."""
    memory_kb = _first_value("/proc/meminfo", "MemTotal").split()[0]
    memory = f"{int(memory_kb) / 2**20:.1f} GiB" if memory_kb.isdigit() else memory_kb
    return [
        ("cpu", f"{_first_value('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cpus"),
        ("memory", memory),
        ("kernel", f"{platform.release()} {platform.machine()}"),
        ("huge pages", _selected("/sys/kernel/mm/transparent_hugepage/enabled")),
        ("overcommit", _whole("/proc/sys/vm/overcommit_memory")),
        ("system", f"{_distribution()}, {os.confstr('CS_GNU_LIBC_VERSION')}"),
        ("compiler", _version_line(["cc", "--version"])),
        ("load at start", " ".join(f"{load:.2f}" for load in os.getloadavg())),
    ]
