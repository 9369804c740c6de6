"""Runs the programs of mistakes under allocators, several at a time."""

import concurrent.futures
import fnmatch
import os
import resource
import subprocess
from dataclasses import dataclass, field

from .outcomes import NOT_POSSIBLE, BadRun, Cell, judge

FAMILIES = ("bounds", "after_free", "double_free", "bad_pointer", "forms", "requests", "fresh",
            "metadata")
CONTROL = "control"


class MissingPrograms(Exception):
    """The programs are not where they should be, or are of another version."""


@dataclass(frozen=True)
class Kind:
    """`sizes` are those of the objects; 0 stands for none. `rule`: when it counts as prevented."""

    family: str
    name: str
    sizes: tuple
    rule: str

    @property
    def full_name(self):
        return f"{self.family}/{self.name}"


@dataclass(frozen=True)
class Column:
    """An allocator as it is run; `profile` names cairn's, None is a peer."""

    name: str
    path: str | None
    version: str
    environment: dict = field(default_factory=dict)
    profile: str | None = None


def program(directory, family):
    return os.path.join(directory, f"misuse_{family}")


def kinds_of(directory, family):
    try:
        done = subprocess.run([program(directory, family), "--list"], capture_output=True,
                              text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingPrograms(f"the programs are not in {directory}: build them with "
                              f"`scripts/build release` ({error})") from error
    kinds = []
    for line in done.stdout.splitlines():
        name, sizes, rule = line.split("\t")
        kinds.append(Kind(family, name, tuple(int(size) for size in sizes.split(",")), rule))
    return kinds


def choose_kinds(directory, patterns):
    """All kinds whose full name matches one of the patterns; all if there are none."""
    kinds = [kind for family in FAMILIES for kind in kinds_of(directory, family)]
    if not patterns:
        return kinds
    return [kind for kind in kinds
            if any(fnmatch.fnmatch(kind.full_name, pattern) for pattern in patterns)]


def environment_of(column):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("CAIRN_", "LD_PRELOAD", "MALLOC_", "GLIBC_TUNABLES"))}
    environment.update(column.environment)
    if column.path is not None:
        environment["LD_PRELOAD"] = column.path
    return environment


class Runner:
    """Starts the programs; nothing of it depends on which allocator it is."""

    def __init__(self, directory, jobs, timeout_s):
        self._directory = directory
        self._jobs = jobs
        self._timeout_s = timeout_s
        self.problems = []
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def run_once(self, column, kind, size):
        """(outcome, what was said on stdout, what on stderr)."""
        command = [program(self._directory, kind.family), kind.name, str(size)]
        try:
            done = subprocess.run(command, env=environment_of(column), capture_output=True,
                                  stdin=subprocess.DEVNULL, timeout=self._timeout_s, check=False,
                                  close_fds=False)
        except subprocess.TimeoutExpired:
            return judge(None, "", ""), "", ""
        said = done.stdout.decode(errors="replace")
        complaint = done.stderr.decode(errors="replace")
        try:
            return judge(done.returncode, said, complaint), said, complaint
        except BadRun as error:
            raise BadRun(f"{kind.full_name} of {size} under {column.name}: {error}") from error

    def check_preload(self, column):
        """Raises BadRun if malloc comes from elsewhere, or if the allocator finds fault with
        programs that make no mistake."""
        command = [program(self._directory, CONTROL), "--malloc"]
        done = subprocess.run(command, env=environment_of(column), capture_output=True, text=True,
                              check=False)
        provider = os.path.realpath(done.stdout.strip())
        if column.path is not None and provider != os.path.realpath(column.path):
            raise BadRun(f"{column.name}: malloc comes from {provider or 'nowhere'}, not from "
                         f"{column.path}: {done.stderr.strip()}")
        for kind in kinds_of(self._directory, CONTROL):
            for size in kind.sizes:
                outcome, said, complaint = self.run_once(column, kind, size)
                if outcome != "prevented":
                    raise BadRun(f"{column.name}: a correct program ({kind.name} of {size}) is "
                                 f"found {outcome}: {said.strip()} {complaint.strip()}")

    def run_all(self, columns, kinds, rounds, results=None):
        """results[column.name, kind.full_name, size] = Cell."""
        results = {} if results is None else results
        wanted = [(column, kind, size) for column in columns for kind in kinds
                  for size in kind.sizes]
        return self.run_cells(wanted, rounds, results)

    def run_cells(self, wanted, rounds, results):
        """`wanted` is [(column, kind, size)]; adds to the cells that are there already."""
        with concurrent.futures.ThreadPoolExecutor(self._jobs) as pool:
            for key, cell in pool.map(lambda entry: self._cell(entry, rounds), wanted):
                results.setdefault(key, Cell()).seen.update(cell.seen)
        return results

    def measure_chances(self, columns, kinds, runs, results):
        """Brings the cells that are stopped by chance to so many runs."""
        wanted = [(column, kind, size) for column in columns for kind in kinds
                  for size in kind.sizes
                  if not results[column.name, kind.full_name, size].certain]
        self.run_cells(wanted, runs, results)

    def _cell(self, entry, rounds):
        column, kind, size = entry
        cell = Cell()
        for _ in range(rounds):
            try:
                cell.add(self.run_once(column, kind, size)[0])
            except BadRun as error:
                self.problems.append(str(error))
                cell.add(NOT_POSSIBLE)
        return (column.name, kind.full_name, size), cell

    def addresses(self, column, size, runs):
        """[(first object, second object, a function of libc)] of so many processes."""
        command = [program(self._directory, CONTROL), "--addresses", str(size)]
        environment = environment_of(column)

        def once(_):
            done = subprocess.run(command, env=environment, capture_output=True, text=True,
                                  check=True, close_fds=False)
            return tuple(int(word, 16) for word in done.stdout.split())

        with concurrent.futures.ThreadPoolExecutor(self._jobs) as pool:
            return list(pool.map(once, range(runs)))
