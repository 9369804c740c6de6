"""Real programs as rows. Their input is generated once, always the same, under one directory."""

import hashlib
import os
import random
import shutil
import subprocess

from . import inputs
from .catalogue import Workload
from .redis_server import serve_redis

# Where Debian's package of that name puts the program.
PACKAGES = {
    "sqlite3": "/usr/bin/sqlite3",
    "python3": "/usr/bin/python3",
    "redis-server": "/usr/bin/redis-server",
    "redis-tools": "/usr/bin/redis-cli",
    "gcc": "/usr/bin/gcc",
    "lua5.4": "/usr/bin/lua5.4",
    "z3": "/usr/bin/z3",
    "ghostscript": "/usr/bin/gs",
    "git": "/usr/bin/git",
    "perl": "/usr/bin/perl",
}

GIT_ENVIRONMENT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}


class MissingProgram(Exception):
    """A program of the default list is not installed."""


class Inputs:
    """Files that are generated when they are not there yet. The directory's name carries a hash
    of the generators, so inputs of another version are never used."""

    def __init__(self, root, quick):
        digest = hashlib.sha256()
        for module in (inputs.__file__, __file__):
            with open(module, "rb") as source:
                digest.update(source.read())
        size = "quick" if quick else "full"
        self.directory = os.path.join(root, f"{size}-{digest.hexdigest()[:12]}")
        self.scale = 1 if quick else 10
        os.makedirs(self.directory, exist_ok=True)

    def file(self, name, generate):
        """The path of a file whose content generate(scale, random generator) returns."""
        path = os.path.join(self.directory, name)
        if not os.path.exists(path):
            content = generate(self.scale, random.Random(name))
            with open(path + ".new", "wb") as file:
                file.write(content if isinstance(content, bytes) else content.encode())
            os.rename(path + ".new", path)
        return path

    def repository(self, name, generate):
        """A bare git repository with the history that generate() gives to fast-import."""
        path = os.path.join(self.directory, name)
        if not os.path.exists(path):
            fresh = path + ".new"
            shutil.rmtree(fresh, ignore_errors=True)
            environment = {**os.environ, **GIT_ENVIRONMENT}
            git = ["/usr/bin/git"]
            subprocess.run(git + ["init", "-q", "--bare", fresh], env=environment, check=True)
            subprocess.run(
                git + ["--git-dir", fresh, "fast-import", "--quiet", "--depth=0"],
                input=generate(self.scale, random.Random(name)),
                env=environment,
                check=True,
            )
            os.rename(fresh, path)
        return path


def _git(made, *command):
    repository = made.repository("history.git", inputs.git_history)
    return {
        "argv": ["/usr/bin/git", "--git-dir", repository, *command],
        "environment": GIT_ENVIRONMENT,
    }


def _python(made, **environment):
    return {
        "argv": ["/usr/bin/python3", "-S", made.file("script.py", inputs.python_script)],
        "environment": {"PYTHONHASHSEED": "0", **environment},
    }


def _sqlite(made):
    return {
        "argv": ["/usr/bin/sqlite3", "-batch", ":memory:"],
        "stdin": made.file("script.sql", inputs.sqlite_script),
    }


def _redis(made):
    return {
        "argv": ["/usr/bin/redis-server"],
        "stdin": made.file("commands.resp", inputs.redis_commands),
        "serve": serve_redis,
        "links_allocator": True,
    }


def _gcc(made):
    source = made.file("source.c", inputs.c_source)
    return {"argv": ["/usr/bin/gcc", "-O2", "-S", "-o", "-", source]}


def _ghostscript(made):
    options = ["-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-sDEVICE=pgmraw", "-r60"]
    pages = made.file("pages.ps", inputs.postscript_pages)
    return {"argv": ["/usr/bin/gs", *options, "-sOutputFile=-", pages]}


def _git_pack(made):
    """What gc does, without touching the repository."""
    return _git(made, "-c", "pack.threads=1", "pack-objects", "--all", "--stdout", "-q",
                "--no-reuse-delta", "--no-reuse-object", "--window=5")


# name, what it stresses, packages that it needs, how it is run.
PROGRAMS = (
    ("sqlite3", "SQLite, a scripted database in memory", ["sqlite3"], _sqlite),
    ("python3", "Python, as it is shipped", ["python3"], _python),
    ("python3-malloc", "Python, every object by malloc", ["python3"],
     lambda made: _python(made, PYTHONMALLOC="malloc")),
    ("redis", "Redis, a fixed stream of commands", ["redis-server", "redis-tools"], _redis),
    ("gcc", "gcc -O2, a generated source", ["gcc"], _gcc),
    ("lua", "Lua, tables and strings", ["lua5.4"],
     lambda made: {"argv": ["/usr/bin/lua5.4", made.file("script.lua", inputs.lua_script)]}),
    ("z3", "Z3, a generated problem", ["z3"],
     lambda made: {"argv": ["/usr/bin/z3", made.file("problem.smt2", inputs.z3_problem)]}),
    ("ghostscript", "Ghostscript, generated pages", ["ghostscript"], _ghostscript),
    ("git-pack", "git, packing a history (the work of gc)", ["git"], _git_pack),
    ("git-fsck", "git, checking a repository", ["git"],
     lambda made: _git(made, "fsck", "--full", "--strict", "--root", "--no-progress")),
    ("perl", "Perl, hashes and strings", ["perl"],
     lambda made: {"argv": ["/usr/bin/perl", made.file("script.pl", inputs.perl_script)]}),
)


def program_workloads(chosen, data_root, quick):
    """The rows whose names are chosen, with their input generated."""
    rows = [row for row in PROGRAMS if row[0] in chosen]
    missing = sorted({package for _, _, packages, _ in rows for package in packages
                      if not os.path.exists(PACKAGES[package])})
    if missing:
        raise MissingProgram(
            f"not installed: apt-get install {' '.join(missing)}, or measure with --no-programs"
        )
    made = Inputs(data_root, quick) if rows else None
    return [Workload(name, stresses, **build(made)) for name, stresses, _, build in rows]
