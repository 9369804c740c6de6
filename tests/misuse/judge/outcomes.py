"""What came of a mistake, told from how the program that made it ended and what it said."""

import signal
from collections import Counter

DETECTED = "detected"
GUARDED = "guarded"
PREVENTED = "prevented"
CRASHED = "crashed"
HUNG = "hung"
SILENT = "silent"
NOT_POSSIBLE = "not possible"

# In the order of how much they are worth.
OUTCOMES = (DETECTED, GUARDED, PREVENTED, CRASHED, HUNG, SILENT, NOT_POSSIBLE)
STOPPED = frozenset((DETECTED, GUARDED, PREVENTED))
CHANCE = "chance"

# What stands for each in a table.
LETTERS = {DETECTED: "D", GUARDED: "G", PREVENTED: "P", CRASHED: "c", HUNG: "h", SILENT: "-",
           NOT_POSSIBLE: ".", CHANCE: "~"}

ABORTS = frozenset((signal.SIGABRT, signal.SIGTRAP, signal.SIGILL))
FAULTS = frozenset((signal.SIGSEGV, signal.SIGBUS))
EXIT_NOT_POSSIBLE = 77


class BadRun(Exception):
    """A run that tells nothing about the allocator: the program itself failed."""


def judge(status, said, complained):
    """The outcome of one run.

    `status` is that of subprocess: minus a signal, an exit status, None if it had to be ended;
    `said` what it wrote to stdout, `complained` whether anything is on stderr.

    A fault is a guard's if it came at the mistaken access itself and ended the program there; any
    other fault is an accident of what the mistake has destroyed.
    """
    if status is None:
        return HUNG
    lines = said.splitlines()
    last = lines[-1] if lines else ""
    if status < 0:
        number = -status
        if number in ABORTS or complained:
            return DETECTED
        if number in FAULTS:
            return GUARDED if last == "access" else CRASHED
        raise BadRun(f"ended by signal {number}")
    if status == EXIT_NOT_POSSIBLE and last.startswith("not possible: "):
        return NOT_POSSIBLE
    if status == 0 and last == "prevented":
        return DETECTED if complained else PREVENTED
    if status == 0 and last.startswith("silent: "):
        return DETECTED if complained else SILENT
    if complained:
        return DETECTED
    raise BadRun(f"exit status {status}, the last word was {last!r}")


class Cell:
    """All runs of one kind, with one size, under one allocator."""

    def __init__(self):
        self.seen = Counter()

    def add(self, outcome):
        self.seen[outcome] += 1

    @property
    def runs(self):
        return sum(self.seen.values())

    @property
    def possible(self):
        return self.seen[NOT_POSSIBLE] == 0

    @property
    def stopped_share(self):
        return sum(self.seen[outcome] for outcome in STOPPED) / self.runs

    @property
    def certain(self):
        """Stopped in every run, or in none."""
        return self.stopped_share in (0, 1)

    @property
    def stopped(self):
        """For certain: a mistake that is stopped now and then is not."""
        return self.possible and self.stopped_share == 1

    @property
    def outcome(self):
        """The usual one if the cell is certain, CHANCE if it is not."""
        if not self.certain:
            return CHANCE
        return max(OUTCOMES, key=lambda outcome: self.seen[outcome])

    @property
    def letter(self):
        return LETTERS[self.outcome]
