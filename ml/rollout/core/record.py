"""What a rollout and a rollback leave in the system's history. They stand without it: what goes wrong is a note."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml.clients.arm import manner
from ml.clients.errors import CloudError
from ml.clients.events import REQUEST_SECONDS, Event, Events
from ml.clients.jobs import Jobs
from ml.clients.models import ModelRecord
from ml.gate.verdict import GENERATED
from ml.gate.winner import PROMOTED_FROM
from ml.jobs.trained_model import data_source
from ml.progress import Failure
from ml.rollout.core.ports import Site
from ml.rollout.core.run import RolloutRun


@contextmanager
def recorded(site: Site, run: RolloutRun) -> Iterator[None]:
    """Records how a rollout ended."""
    before = site.models.champion()
    try:
        yield
    except Failure:
        if run.rejected:
            event = Event(kind="rejected", version=run.target.version, reason=run.rejected, before=before)
            say(site, Events(site.workspace, site.system).append(event))
        raise
    with courtesy(site):
        say(site, record_promotion(site, run.target.version, before))


@contextmanager
def courtesy(site: Site) -> Iterator[None]:
    """What is asked inside is asked once, and costs nothing but a note where nobody answers."""
    try:
        with manner(patience=0.0, seconds=REQUEST_SECONDS):
            yield
    except CloudError as error:
        say(site, f"the history of the system could not be written: {error}")


def record_promotion(site: Site, version: int, before: int | None) -> str:
    """Records that a version has all traffic, unless the history says so: a run that was killed before it could say so
    is followed by another one that finds nothing else to do.

    Raises:
        CloudError: what the history says of the version cannot be read.
    """
    events = Events(site.workspace, site.system)
    last = events.newest("promoted", "rolled_back", "lifted")
    if last is not None and last.kind != "lifted" and last.version == version:
        return ""
    found = site.models.client.get(version)
    by_hand = f"asked for by {last.who}" if last is not None and last.version == version else ""
    event = Event(
        kind="promoted",
        version=version,
        reason=f"{by_hand or gate_said(site, found) or 'rolled out'}{origin(found)}",
        job=found.properties.get("job", "") if found else "",
        before=before if before != version else None,
        figures=found.figures if found else {},
    )
    return events.append(event)


def origin(found: ModelRecord | None) -> str:
    """Where a version comes from that was not trained here."""
    source = found.properties.get(PROMOTED_FROM) if found else ""
    return f"; promoted from {source}" if source else ""


def gate_said(site: Site, found: ModelRecord | None) -> str:
    """Why the gate let a version through; empty when nobody noted it."""
    jobs = Jobs(site.workspace).of_experiment(site.system) if found else []
    promoted = [job.tags for job in jobs if job.tags.get("verdict") == "promoted"]
    job = found.properties.get("job") if found else None
    return next((tags.get("reason", "") for tags in promoted if tags.get("challenger_job") == job), "")


def record_return(site: Site, before: int | None, reason: str) -> None:
    """Records that a person went back to what serves now, and warns when that is no model of real data."""
    with courtesy(site):
        version = site.models.champion()
        found = site.models.client.get(version) if version is not None else None
        event = Event(
            kind="rolled_back", version=version, reason=reason, before=before, figures=found.figures if found else {}
        )
        say(site, Events(site.workspace, site.system).append(event))
        if found is not None and data_source(site.workspace, found) == GENERATED:
            say(site, generated_serves(found.version))


def generated_serves(version: int) -> str:
    """The warning that a version of generated data takes over."""
    return f"warning: version {version} was trained on generated data: what it says of customers means nothing"


def say(site: Site, problem: str) -> None:
    """Notes what went wrong, if anything did."""
    if problem:
        site.row.note(f"{site.system}: {problem}")
