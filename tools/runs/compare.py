"""`make compare`: two training runs beside each other, and the holdout rows on which their models disagree most."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from ml.clients.errors import CloudError
from ml.jobkit.errors import JobError
from tools import words
from tools.deployed_system import DeployedSystem
from tools.progress import SetupError
from tools.runs.changes import Codes, changed_files, difference
from tools.runs.collect import Collected, TrainingRun, collect
from tools.runs.table import mark

LABEL = 14
MOST_LINES = 40
"""Of the difference of the code: enough to see what it is."""
MOST_FILES = 5
OURS = ("A", "B", "label")
"""Of a row on which two models disagree: the rest are its features."""


def show(system: DeployedSystem, a: str, b: str, console: Console) -> None:
    """Prints the comparison.

    Raises:
        SetupError: there is no such run, or both are the same.
    """
    found = collect(system)
    old, new = resolve(found, "A", a), resolve(found, "B", b)
    if old.job.name == new.job.name:
        raise SetupError(f"A={a} and B={b} are the same run: {old.job.name}")
    for name, one in (("A", old), ("B", new)):
        about = (one.job.name, mark(one.record, found.champion), words.when(one.job.created), one.verdict)
        console.print(words.hanging(f"{name}  ", "   ".join(filter(None, about)), console.width), markup=False)
    for line in (*figures(old.figures, new.figures), *parameters(old.parameters, new.parameters), *origins(old, new)):
        console.print(line, markup=False)
    with tempfile.TemporaryDirectory() as folder:
        codes = Codes(system.workspace, Path(folder))
        codes.fetch([old.job, new.job])
        for line in code(codes, old, new):
            console.print(line, markup=False)
        for line in rows(system, old, new, Path(folder), console.width):
            console.print(line, markup=False)


def resolve(found: Collected, name: str, given: str) -> TrainingRun:
    """The run that a person means: a job, a version, or `champion`.

    Raises:
        SetupError: there is none.
    """
    wanted = given.strip()
    champion = found.champion
    number = wanted.lower().removeprefix("v")
    for one in found.runs:
        version = one.record.version if one.record else None
        judged = one.evaluation.name if one.evaluation else ""
        is_champion = wanted == "champion" and champion is not None and version == champion.version
        if wanted in (one.job.name, judged) or is_champion or (number.isdecimal() and version == int(number)):
            return one
    known = ", ".join(one.job.name for one in found.runs[:MOST_FILES]) or "none yet"
    raise SetupError(f"{name}={given}: there is no such job or version. The newest jobs: {known} (`make runs`)")


def figures(old: Mapping[str, float], new: Mapping[str, float]) -> Iterator[str]:
    """Both runs' figures on the holdout set, and what B has more."""
    names = words.ordered({**old, **new})
    if not names:
        yield "\nfigures: none of the two has any"
        return
    width = max(map(len, ["figures", *names]))
    yield f"\n{'figures':<{width}}  {'A':>8}  {'B':>8}  {'B - A':>8}"
    for name in names:
        cells = [words.figure(side[name]) if name in side else "-" for side in (old, new)]
        more = f"{new[name] - old[name]:+.{words.DIGITS}f}" if name in old and name in new else "-"
        yield f"{name:<{width}}  {cells[0]:>8}  {cells[1]:>8}  {more:>8}"


def parameters(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """The settings that differ."""
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if not names:
        yield f"\n{'parameters':<{LABEL}}the same" if old or new else f"\n{'parameters':<{LABEL}}not known"
        return
    yield "\nparameters"
    width = max(map(len, names))
    for name in names:
        yield f"  {name:<{width}}  {old.get(name, '(none)')} -> {new.get(name, '(none)')}"


def origins(old: TrainingRun, new: TrainingRun) -> Iterator[str]:
    """What the two were made of besides settings and code."""
    if old.data.digest == new.data.digest:
        yield f"{'data':<{LABEL}}the same: {new.data}"
    else:
        yield f"{'data':<{LABEL}}A {old.data}"
        yield f"{'':<{LABEL}}B {new.data}"
    for label, pair in (("packages", environments(old, new)), ("command", (old.job.command, new.job.command))):
        yield f"{label:<{LABEL}}{'the same' if pair[0] == pair[1] else f'A {pair[0]}   B {pair[1]}'}"


def environments(old: TrainingRun, new: TrainingRun) -> tuple[str, str]:
    """The environments' names and versions."""

    def short(identifier: str) -> str:
        name, _, version = identifier.partition("/environments/")[2].partition("/versions/")
        return f"{name}:{version}" if version else identifier

    return short(old.job.environment), short(new.job.environment)


def code(codes: Codes, old: TrainingRun, new: TrainingRun) -> Iterator[str]:
    """The lines of code that differ."""
    names = changed_files(codes, new.job, old.job)
    if names is None:
        yield f"{'code':<{LABEL}}that of one of the two is gone"
        return
    if not names:
        yield f"{'code':<{LABEL}}the same"
        return
    before, after = codes.files(old.job) or {}, codes.files(new.job) or {}
    yield f"{'code':<{LABEL}}{words.count(len(names), 'file')} of the job"
    lines = [line for name in names for line in difference(name, before.get(name), after.get(name))]
    yield from (f"  {line}" for line in lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        yield f"  … and {len(lines) - MOST_LINES} more lines, in {', '.join(names)}"


def rows(system: DeployedSystem, old: TrainingRun, new: TrainingRun, folder: Path, width: int) -> Iterator[str]:
    """The holdout rows on which the two models disagree most."""
    from tools.runs.disagreement import Disagreement, disagree

    try:
        found: Disagreement = disagree(system, old, new, folder)
    except (CloudError, JobError) as error:
        yield words.hanging(f"{'rows':<{LABEL}}", f"cannot be compared: {error}", width)
        return
    yield ""
    yield words.hanging(f"{'rows':<{LABEL}}", found.summary, width)
    yield from listed(found.rows, width)


def listed(rows: Sequence[Mapping[str, object]], width: int) -> Iterator[str]:
    """Each row with both answers, the label, and what it says."""
    for number, row in enumerate(rows):
        if not number:
            yield f"  {'A':>6}  {'B':>6}  {'label':>5}"
        fields = "  ".join(
            words.together(f"{name} {value_of(value)}") for name, value in row.items() if name not in OURS
        )
        yield words.hanging(f"  {row['A']:>6.4f}  {row['B']:>6.4f}  {value_of(row['label']):>5}  ", fields, width)


def value_of(value: object) -> str:
    """A feature's value, `3` for 3.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)
