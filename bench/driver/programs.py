"""Real programs as rows. Their input is generated once, always the same, under one directory."""

import hashlib
import os
import random
import shutil
import subprocess

from . import inputs
from .catalogue import Workload
from .redis_server import serve_redis

# The program that must be installed, and the Debian package that brings it.
PACKAGES = {
    "/usr/bin/sqlite3": "sqlite3",
    "/usr/bin/python3": "python3",
    "/usr/bin/redis-server": "redis-server",
    "/usr/bin/redis-cli": "redis-tools",
    "/usr/bin/gcc": "gcc",
    "/usr/bin/lua5.4": "lua5.4",
    "/usr/bin/z3": "z3",
    "/usr/bin/gs": "ghostscript",
    "/usr/bin/git": "git",
    "/usr/bin/perl": "perl",
}

GIT_ENVIRONMENT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}


class MissingProgram(Exception):
    """A program of the default list is not installed."""


def check_installed():
    missing = sorted(package for path, package in PACKAGES.items() if not os.path.exists(path))
    if missing:
        raise MissingProgram(
            f"not installed: apt-get install {' '.join(missing)}, or measure with --no-programs"
        )


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


def _git_rows(made):
    repository = made.repository("history.git", inputs.git_history)
    git = ["/usr/bin/git", "--git-dir", repository]
    pack = ["pack-objects", "--all", "--stdout", "-q", "--no-reuse-delta", "--no-reuse-object",
            "--window=5"]
    return [
        Workload(
            "git-pack",
            "git, packing a history (the work of gc)",
            git + ["-c", "pack.threads=1"] + pack,
            environment=GIT_ENVIRONMENT,
        ),
        Workload(
            "git-fsck",
            "git, checking a repository",
            git + ["fsck", "--full", "--strict", "--root", "--no-progress"],
            environment=GIT_ENVIRONMENT,
        ),
    ]


def program_workloads(data_root, quick):
    check_installed()
    made = Inputs(data_root, quick)
    script = made.file("script.py", inputs.python_script)
    python = ["/usr/bin/python3", "-S", script]
    steady = {"PYTHONHASHSEED": "0"}
    return [
        Workload(
            "sqlite3",
            "SQLite, a scripted database in memory",
            ["/usr/bin/sqlite3", "-batch", ":memory:"],
            stdin=made.file("script.sql", inputs.sqlite_script),
        ),
        Workload("python3", "Python, as it is shipped", python, environment=steady),
        Workload(
            "python3-malloc",
            "Python, every object by malloc",
            python,
            environment={**steady, "PYTHONMALLOC": "malloc"},
        ),
        Workload(
            "redis",
            "Redis, a fixed stream of commands",
            ["/usr/bin/redis-server"],
            stdin=made.file("commands.resp", inputs.redis_commands),
            serve=serve_redis,
            links_allocator=True,
        ),
        Workload(
            "gcc",
            "gcc -O2, a generated source",
            ["/usr/bin/gcc", "-O2", "-S", "-o", "-", made.file("source.c", inputs.c_source)],
        ),
        Workload(
            "lua", "Lua, tables and strings", ["/usr/bin/lua5.4", made.file("script.lua", inputs.lua_script)]
        ),
        Workload(
            "z3", "Z3, a generated problem", ["/usr/bin/z3", made.file("problem.smt2", inputs.z3_problem)]
        ),
        Workload(
            "ghostscript",
            "Ghostscript, generated pages",
            ["/usr/bin/gs", "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-sDEVICE=pgmraw", "-r60",
             "-sOutputFile=-", made.file("pages.ps", inputs.postscript_pages)],
        ),
        *_git_rows(made),
        Workload(
            "perl", "Perl, hashes and strings", ["/usr/bin/perl", made.file("script.pl", inputs.perl_script)]
        ),
    ]
