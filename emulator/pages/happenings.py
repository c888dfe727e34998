"""What happened last: jobs, model versions, champions and deployments, by the times their documents have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.errors import ServiceError
from emulator.pages.client import Json
from emulator.pages.cloud import Cloud, changed, created, newest, tags
from emulator.pages.rendering import moment
from emulator.pages.systems import System, status
from emulator.resource_id import ResourceId

SERVED = "served"
"""The tag of a version with the time it became champion at."""


@dataclass(frozen=True)
class Happening:
    """One thing that happened: when, what kind, what it is about."""

    time: float
    what: str
    level: str
    about: Json
    detail: str = ""

    @property
    def name(self) -> str:
        """What it is about; a version with the name of its model."""
        names = ResourceId.parse(self.about["id"]).names
        return f"{names[-2]} v{names[-1]}" if "/versions/" in self.about["id"] else str(names[-1])


def last(cloud: Cloud, found: Sequence[System], most: int) -> list[Happening]:
    """What happened last, newest first."""
    # A job is written to long after its end, as a tag for instance: only its run knows when it ended.
    jobs = newest([job for system in found for job in system.jobs])[:most]
    seen = [of_job(job, run(cloud, job)) for job in jobs]
    seen += [one for system in found for one in of_models(system)]
    seen += [
        Happening(changed(one.document), f"deployment {phrase(one.state)}", level(one.state), one.document)
        for system in found
        for endpoint in system.endpoints
        for one in endpoint.deployments
    ]
    return sorted(seen, key=lambda one: -one.time)[:most]


def run(cloud: Cloud, job: Json) -> Json:
    """A job's run; nothing of one that has just gone."""
    try:
        return cloud.client.run(job["id"])
    except ServiceError:
        return {}


def of_job(job: Json, run: Json) -> Happening:
    """How far a job has come, with the reason of a verdict."""
    said, state = tags(job), status(job)
    when = moment(run.get("endTimeUtc")) or moment(run.get("startTimeUtc")) or created(job)
    what = f"{said.get('kind', '')} job {phrase(state)}".strip()
    return Happening(when, what, level(state), job, said.get("reason", ""))


def of_models(system: System) -> list[Happening]:
    """Versions that were registered, became champion or were rejected.

    The model itself does not know when its champion was named: whoever registers a version writes to it too.
    """
    seen = []
    for model in system.models:
        for version in model.versions:
            seen.append(Happening(version.created, "model version registered", "good", version.document))
            if since := moment(version.tags.get(SERVED)):
                seen.append(Happening(since, "became champion", "good", version.document))
            seen += [
                Happening(changed(version.document), "model version rejected", "bad", version.document, why)
                for _, why in version.rejected
            ]
    return seen


def phrase(state: str) -> str:
    """A state as a sentence goes on with it."""
    known = {"Succeeded": "ready", "NotStarted": "submitted", "Canceled": "canceled"}
    return known.get(state, state.lower())


def level(state: str) -> str:
    """How a state looks."""
    return {"Completed": "good", "Succeeded": "good", "Running": "busy", "Failed": "bad", "Canceled": "idle"}.get(
        state, "busy"
    )
