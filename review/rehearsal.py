"""What came of bringing BASE up for real, and the change after it while clients ask: measured, on an emulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Requests:
    """What clients got. `longest_gap`: seconds without a proper answer; `first`: what the first failure was."""

    sent: int
    failed: int
    longest_gap: float
    first: str = ""


@dataclass(frozen=True, kw_only=True)
class Return:
    """Going back to the version before. `seconds`: from the command on until nothing else answers any more; `problem`
    says why that did not work, and is "" where it did.
    """

    version: int
    seconds: float = 0.0
    requests: Requests | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One system: the version that served before and after, its jobs, what the gate said, what clients got."""

    name: str
    before: int | None = None
    after: int | None = None
    trained: int = 0
    judged: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)
    against: Mapping[str, float] = field(default_factory=dict)
    lower: tuple[str, ...] = ()
    """The metrics of which less is better."""
    verdict: str = ""
    """`promoted`, `kept` or `refused`; "" where the gate decided nothing."""
    reason: str = ""
    data: str = ""
    """Of which kind the rows were: `real` or `generated`."""
    requests: Requests | None = None
    back: Return | None = None
    problem: str = ""

    @property
    def kept(self) -> bool:
        """Whether the gate kept the champion: the change makes no better model."""
        return self.verdict == "kept"

    def better(self, metric: str) -> bool | None:
        """Whether the new model is better in a metric; None where it is neither better nor worse, or one has none."""
        new, old = self.figures.get(metric), self.against.get(metric)
        return None if new is None or old is None or new == old else (new < old) == (metric in self.lower)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What a rehearsal found wrong; `blocking` where it is this change's doing."""

    resource: str
    message: str
    fix: str
    blocking: bool = True


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """The rehearsal of one stack. `skipped`: why there is none for such a stack; `base_problem`: why BASE itself did
    not come up, so that there was nothing to try the change on; `problem`: why the change did not.
    """

    base_seconds: float = 0.0
    head_seconds: float = 0.0
    systems: tuple[Tried, ...] = ()
    skipped: str = ""
    base_problem: str = ""
    problem: str = ""
    notes: tuple[str, ...] = ()
    """What was another than in the stack: shorter stages, generated data."""

    @property
    def kept(self) -> list[str]:
        """Systems whose champion the gate kept."""
        return [one.name for one in self.systems if one.kept]

    @property
    def problems(self) -> list[Problem]:
        """Everything that went wrong. No figures: these differ from run to run, and the section has them."""
        if self.base_problem:
            fix = "See that BASE comes up with `make up`; what this change does was not tried."
            return [Problem(resource="stack", message=f"not tried: {self.base_problem}", fix=fix, blocking=False)]
        found = []
        if self.problem:
            fix = "Run `make up STACK=local` in the branch: it ends the same way."
            found.append(Problem(resource="stack", message=f"the change does not come up: {self.problem}", fix=fix))
        for one in self.systems:
            found += _of_system(one)
        return found

    @property
    def worrying(self) -> bool:
        """Whether somebody should look at it."""
        return self.outcome not in ("passed", "skipped")

    @property
    def outcome(self) -> str:
        """In a word: `skipped`, `failed`, `not tried`, `kept` where a champion stays, else `passed`."""
        if self.skipped:
            return "skipped"
        if self.base_problem:
            return "not tried"
        return "failed" if self.problems else "kept" if self.kept else "passed"


def _of_system(one: Tried) -> list[Problem]:
    found = []
    if one.problem:
        found.append(Problem(resource=one.name, message=one.problem, fix="`make status` and `make logs` say more."))
    if one.requests is not None and one.requests.failed:
        fix = "Clients must not notice a rollout: see the fold “Rehearsal” for what they got."
        found.append(Problem(resource=one.name, message="requests fail while the change is brought up", fix=fix))
    if one.back is not None and one.back.problem:
        fix = "Do not merge what cannot be taken back: `make rollback` must bring the version before."
        found.append(Problem(resource=one.name, message=f"rolling back fails: {one.back.problem}", fix=fix))
    return found
