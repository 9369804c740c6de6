"""The tables: for docs/SAFETY.md, as CSV, and the one that a profile is held to."""

import csv
import os

from .outcomes import CHANCE, LETTERS, NOT_POSSIBLE, OUTCOMES, STOPPED

BEGIN = "<!-- made by tests/misuse/run: {} -->"
END = "<!-- end of what is made by tests/misuse/run: {} -->"
ALL_STOPPED = "all"


def size_name(size):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B" if size else "none"


def cells_of(results, column, kind):
    return [results[column.name, kind.full_name, size] for size in kind.sizes]


def kind_stopped(results, column, kind):
    """Every cell of it that is possible under this allocator is stopped for certain."""
    cells = [cell for cell in cells_of(results, column, kind) if cell.possible]
    return bool(cells) and all(cell.stopped for cell in cells)


def counts(results, column, kinds):
    """(kinds stopped with every size, cells stopped, cells that are possible)."""
    cells = [cell for kind in kinds for cell in cells_of(results, column, kind) if cell.possible]
    return (sum(kind_stopped(results, column, kind) for kind in kinds),
            sum(cell.stopped for cell in cells), len(cells))


def _row(words):
    return "| " + " | ".join(words) + " |"


def markdown(header, rows):
    return "\n".join([_row(header), "|" + "---|" * len(header), *map(_row, rows)]) + "\n"


def versions(columns):
    return markdown(["allocator", "version", "set in its environment"],
                    [[column.name, column.version,
                      " ".join(f"{name}={value}" for name, value in column.environment.items())]
                     for column in columns])


def summary(results, columns, kinds):
    families = list(dict.fromkeys(kind.family for kind in kinds))
    header = ["allocator", f"kinds stopped, of {len(kinds)}", "cells stopped", "detected",
              "guarded", "faulted", "prevented", "by chance", "crashed", "hung", "silent",
              *(family.replace("_", " ") for family in families)]
    rows = []
    for column in columns:
        whole, stopped, possible = counts(results, column, kinds)
        outcomes = [cell.outcome for kind in kinds for cell in cells_of(results, column, kind)]
        row = [column.name, f"**{whole}**", f"{stopped} of {possible}"]
        row += [str(outcomes.count(outcome)) for outcome in
                ("detected", "guarded", "faulted", "prevented", CHANCE, "crashed", "hung",
                 "silent")]
        for family in families:
            own = [kind for kind in kinds if kind.family == family]
            row.append(f"{counts(results, column, own)[0]} of {len(own)}")
        rows.append(row)
    return markdown(header, rows)


def letters(results, column, kind):
    return "`" + "".join(cell.letter for cell in cells_of(results, column, kind)) + "`"


def full_table(results, columns, kinds):
    """A table for each family; a cell has a letter for each size."""
    parts = []
    for family in dict.fromkeys(kind.family for kind in kinds):
        rows = [[kind.name, ", ".join(size_name(size) for size in kind.sizes),
                 *(letters(results, column, kind) for column in columns)]
                for kind in kinds if kind.family == family]
        header = ["kind", "sizes", *(column.name for column in columns)]
        parts.append(f"**{family.replace('_', ' ')}**\n\n{markdown(header, rows)}")
    return "\n".join(parts)


def chances(results, columns, kinds):
    """What is stopped now and then: how often."""
    rows = []
    for kind in kinds:
        for size in kind.sizes:
            for column in columns:
                cell = results[column.name, kind.full_name, size]
                if cell.outcome == CHANCE:
                    rows.append([kind.full_name, size_name(size), column.name,
                                 f"{cell.stopped_share:.1%}", str(cell.runs)])
    return markdown(["kind", "size", "allocator", "stopped", "runs"], rows)


def rules(kinds):
    rows = [[f"{kind.family}/{kind.name}", kind.rule] for kind in kinds]
    return markdown(["kind", "counts as prevented if"], rows)


def write_csv(path, results, columns, kinds):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["family", "kind", "size", "allocator", "outcome", "runs",
                         *(outcome.replace(" ", "_") for outcome in OUTCOMES)])
        for kind in kinds:
            for size in kind.sizes:
                for column in columns:
                    cell = results[column.name, kind.full_name, size]
                    writer.writerow([kind.family, kind.name, size, column.name, cell.outcome,
                                     cell.runs, *(cell.seen[outcome] for outcome in OUTCOMES)])


def replace_part(text, part, new):
    """The document with the part between its marks made anew."""
    begin, end = BEGIN.format(part), END.format(part)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"the document must have the marks of {part} once each")
    before, rest = text.split(begin)
    return before + begin + "\n\n" + new.rstrip("\n") + "\n\n" + end + rest.split(end)[1]


# --- what a profile is held to ------------------------------------------------------------------

def read_expected(path):
    """{(kind, size): outcome}; lines are KIND SIZE OUTCOME."""
    expected = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split(None, 2)
            if words:
                expected[words[0], int(words[1])] = words[2].strip()
    return expected


def write_expected(path, results, column, kinds):
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"# What must come of each mistake under the profile {column.profile}: kind, "
                   "size of the object, outcome.\n# Made by tests/misuse/run --update.\n")
        for kind in kinds:
            for size in kind.sizes:
                cell = results[column.name, kind.full_name, size]
                file.write(f"{kind.full_name} {size} {cell.outcome}\n")


def deviations(results, column, kinds, expected):
    """A line for each cell that is not as the table says, be it better or worse."""
    found = []
    known = {(kind.full_name, size) for kind in kinds for size in kind.sizes}
    for kind in kinds:
        for size in kind.sizes:
            cell = results[column.name, kind.full_name, size]
            must = expected.get((kind.full_name, size))
            if must is None:
                found.append(f"{kind.full_name} {size}: {cell.outcome}; the table does not have it")
            elif must not in (CHANCE, cell.outcome):
                worse = must in STOPPED and not cell.stopped
                found.append(f"{kind.full_name} {size}: {cell.outcome}, should be {must}"
                             f"{' (WORSE)' if worse else ''}")
    found += [f"{name} {size}: is in the table, but not a kind"
              for name, size in expected if (name, size) not in known]
    return found


LEGEND = "; ".join(f"`{letter}` {name}" for name, letter in LETTERS.items()
                   if name != NOT_POSSIBLE)
