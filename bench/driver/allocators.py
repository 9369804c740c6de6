"""The allocators: cairn, glibc's, those of Debian, and any other that is named by its path."""

import glob
import hashlib
import os
import re
import subprocess
from dataclasses import dataclass, field, replace

from .stats import OWN

LIBRARY_DIRS = ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib")

# name, file pattern, Debian package: what an apt-get install brings.
DEBIAN_PEERS = (
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
    ("mimalloc", "libmimalloc.so.2*", "libmimalloc2.0"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
    ("tbb", "libtbbmalloc_proxy.so.2", "libtbbmalloc2"),
)
DEFAULT_PEERS = ("glibc", *(name for name, _, _ in DEBIAN_PEERS))


class AllocatorError(Exception):
    """An allocator that was asked for cannot be used."""


@dataclass(frozen=True)
class Allocator:
    """`path` is what to preload; None is the C library's own malloc. `environment` is what tunes
    it."""

    name: str
    path: str | None
    version: str
    environment: dict = field(default_factory=dict)


def _find_library(pattern):
    for directory in LIBRARY_DIRS:
        found = sorted(glob.glob(os.path.join(directory, pattern)))
        if found:
            return os.path.realpath(found[0])
    return None


def _package_version(path):
    """Debian's package and version that the file belongs to, or None."""
    try:
        # dpkg knows files by either spelling of /lib and /usr/lib.
        for spelling in (path, path.removeprefix("/usr")):
            owner = subprocess.run(
                ["dpkg-query", "-S", spelling], capture_output=True, text=True, check=False
            )
            if owner.returncode == 0:
                package = owner.stdout.split(": ")[0]
                query = ["dpkg-query", "-W", "-f", "${Package} ${Version}", package]
                return subprocess.run(query, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pass
    return None


def describe_file(path):
    """Package and version if the distribution has it, else name and the hash's head."""
    package = _package_version(path)
    if package is not None:
        return package
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    return f"{os.path.basename(path)} sha256:{digest[:12]}"


def _usable(name, path):
    real = os.path.realpath(path)
    if not os.path.isfile(real):
        raise AllocatorError(f"{name}: there is no file {path}")
    if ":" in real or " " in real:
        raise AllocatorError(f"{name}: LD_PRELOAD cannot take the path {real}")
    return Allocator(name, real, describe_file(real))


def glibc():
    version = os.confstr("CS_GNU_LIBC_VERSION") or "C library"
    return Allocator("glibc", None, version)


def own(path):
    if not os.path.isfile(path):
        raise AllocatorError(
            f"there is no {path}: build it with `make`, name another with --cairn, "
            "or measure the peers alone with --no-cairn"
        )
    return _usable(OWN, path)


def default_peer(name):
    """glibc or one of Debian's."""
    if name == "glibc":
        return glibc()
    for known, pattern, package in DEBIAN_PEERS:
        if known == name:
            path = _find_library(pattern)
            if path is None:
                raise AllocatorError(
                    f"{name} is not installed: apt-get install {package}, "
                    "or name the peers to measure with --peers"
                )
            return _usable(name, path)
    raise AllocatorError(f"no default peer is called {name!r}; --peer {name}=PATH adds one")


def named_peer(argument):
    """NAME=PATH[,VARIABLE=VALUE...] of the command line; PATH may be the name of a default peer.

    A comma is a part of the value unless a name and `=` follow, so that a value may be a list.
    """
    first, *settings = re.split(r",(?=[A-Za-z_][A-Za-z0-9_]*=)", argument)
    name, equals, path = first.partition("=")
    if not equals or not name or not path:
        raise AllocatorError(f"--peer wants NAME=PATH[,VARIABLE=VALUE...], not {argument!r}")
    peer = replace(default_peer(path), name=name) if path in DEFAULT_PEERS else _usable(name, path)
    environment = dict(setting.split("=", 1) for setting in settings)
    version = " ".join([peer.version, *settings])
    return replace(peer, version=version, environment=environment)
