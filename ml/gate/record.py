"""A gate's decision where others can read it: as tags of its evaluation job, and in the system's history."""

from __future__ import annotations

from dataclasses import dataclass

from ml.clients.errors import CloudError
from ml.clients.events import Event, Events, now
from ml.clients.jobs import Job, Jobs
from ml.clients.models import ModelRecord
from ml.gate.challenger import Challenger
from ml.gate.evaluation import Result
from ml.gate.verdict import Verdict
from ml.gate.winner import canonical
from ml.progress import note

NONE = "none"
PROMOTED_TAG = "promoted_from"
# Azure ML takes 1,000 characters: https://learn.microsoft.com/azure/machine-learning/resource-limits-capacity
LONGEST_TAG = 1000


@dataclass(frozen=True)
class Decided:
    """A verdict with what it is about. `registered` is the challenger's version, when its file has one already."""

    verdict: Verdict
    result: Result
    evaluation: Job
    challenger: Challenger
    champion: ModelRecord | None
    registered: ModelRecord | None

    @property
    def tags(self) -> dict[str, str]:
        """The decision as tags: `verdict`, `reason`, `challenger_job`, `challenger_version` and `against` (versions, or
        `none`), `data_source` (the challenger's), `promoted_from` (`dev:7`, of a model of another stack) and `decided`,
        because an adopted evaluation may be decided on again.
        """
        source = self.challenger.promoted_from
        return {
            **({PROMOTED_TAG: source} if source else {}),
            "verdict": self.verdict.kind,
            "reason": self.verdict.text[:LONGEST_TAG],
            "challenger_job": self.challenger.job,
            "challenger_version": str(self.registered.version) if self.registered else NONE,
            "against": str(self.champion.version) if self.champion else NONE,
            "data_source": self.result.challenger.data,
            "decided": now(),
        }

    @property
    def event(self) -> Event | None:
        """What the history says of it; None for a promotion, which counts once the version has all traffic."""
        if self.verdict.kind == "promoted":
            return None
        return Event(
            kind=self.verdict.kind,
            version=self.registered.version if self.registered else None,
            reason=self.verdict.text,
            job=self.challenger.job,
            before=self.champion.version if self.champion else None,
            figures=canonical(self.result.challenger.metrics),
        )


def record(jobs: Jobs, system: str, decided: Decided) -> None:
    """Writes the decision down. It stands without that, so what goes wrong is a note."""
    try:
        jobs.tag(decided.evaluation, decided.tags, archived=False)
        event, events = decided.event, Events(jobs.workspace, system)
        problem = events.append(event) if event is not None and not repeated(events, event) else ""
    except CloudError as error:
        problem = f"the verdict could not be written down: {error}"
    if problem:
        note(f"{system}: {problem}")


def repeated(events: Events, event: Event) -> bool:
    """Whether the last verdict in the history says the same: a gate that refuses is asked again by every `up`.

    Raises:
        CloudError: the history cannot be read.
    """
    last = events.newest("kept", "refused")
    return last is not None and (last.kind, last.job, last.reason) == (event.kind, event.job, event.reason)
