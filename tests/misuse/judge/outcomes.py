"""What came of a mistake, told from how the program that made it ended and what it said."""

import re
import signal
from collections import Counter

DETECTED = "detected"
GUARDED = "guarded"
FAULTED = "faulted"
PREVENTED = "prevented"
CRASHED = "crashed"
HUNG = "hung"
SILENT = "silent"
NOT_POSSIBLE = "not possible"

# In the order of how much they are worth.
OUTCOMES = (DETECTED, GUARDED, FAULTED, PREVENTED, CRASHED, HUNG, SILENT, NOT_POSSIBLE)
STOPPED = frozenset((DETECTED, GUARDED, FAULTED, PREVENTED))
CHANCE = "chance"

# What stands for each in a table.
LETTERS = {DETECTED: "D", GUARDED: "G", FAULTED: "F", PREVENTED: "P", CRASHED: "c", HUNG: "h",
           SILENT: "-", NOT_POSSIBLE: ".", CHANCE: "~"}

ABORTS = frozenset((signal.SIGABRT, signal.SIGTRAP, signal.SIGILL))
FAULTS = frozenset((signal.SIGSEGV, signal.SIGBUS))
ACCIDENTS = FAULTS | {signal.SIGFPE, signal.SIGSYS}
# What the programs themselves say when they cannot go on, which is no merit of the allocator's.
OWN_WORDS = re.compile(r"^\S+\.(?:c|cc|h):\d+: |^terminate called |^ +what\(\): ")
EXIT_NOT_POSSIBLE = 77


class BadRun(Exception):
    """A run that tells nothing about the allocator: the program itself failed."""


def judge(status, said, complaint):
    """The outcome of one run.

    `status` is that of subprocess: minus a signal, an exit status, None if it had to be ended;
    `said` what it wrote to stdout, `complaint` what is on stderr.

    A fault is a guard's if it came at the mistaken access itself and ended the program there; one
    inside the mistaken call ends the program where the mistake is, too. Any other fault is an
    accident of what the mistake has destroyed, and so is a program that cannot go on.
    """
    if status is None:
        return HUNG
    lines = said.splitlines()
    last = lines[-1] if lines else ""
    complaints = [line for line in complaint.splitlines() if line.strip()]
    reported = any(not OWN_WORDS.match(line) for line in complaints)
    stuck = bool(complaints) and not reported
    if status < 0:
        return _judge_signal(-status, last, reported, stuck)
    if reported:
        return DETECTED
    if status == EXIT_NOT_POSSIBLE and last.startswith("not possible: "):
        return NOT_POSSIBLE
    if status == 0 and last == "prevented":
        return PREVENTED
    if status == 0 and last.startswith("silent: "):
        return SILENT
    if status == 1 and stuck:
        return CRASHED
    raise BadRun(f"exit status {status}, the last word was {last!r}")


def _judge_signal(number, last, reported, stuck):
    if reported or (number in ABORTS and not stuck):
        return DETECTED
    if number in FAULTS and last == "access":
        return GUARDED
    if number in FAULTS and last == "call":
        return FAULTED
    if number in ACCIDENTS or stuck:
        return CRASHED
    raise BadRun(f"ended by signal {number}")


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
