"""What a gate is asked to judge: the model of a training job of this workspace, or one that serves in another stack."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ml.clients.jobs import Job, Jobs
from ml.clients.models import FILE
from ml.gate.winner import DATA_SOURCE, PROMOTED_FROM, Winner, promoted_version
from ml.identity.values import Properties
from ml.jobs.attempts import failure, going_on
from ml.jobs.trained_model import checked_provenance, whole_provenance
from ml.jobs.watch import watch
from ml.progress import Failure


@dataclass(frozen=True)
class Challenger:
    """Where its files lie, and where it comes from: the digest of its data, the job that trained it, the commit of
    that job's code, and the kind of data (`real`, `generated`, `unknown`). `promoted_from` is `dev:7`, or empty.
    """

    uri: str
    data: str
    job: str
    commit: str
    data_source: str
    promoted_from: str = ""

    @property
    def version(self) -> int | None:
        """The number that it has to be registered under; None where that is free."""
        return promoted_version({PROMOTED_FROM: self.promoted_from})

    def winner(self, model: str, sha256: str, metrics: dict[str, float]) -> Winner:
        """The challenger as what wins."""
        return Winner(
            sha256, model, self.uri, metrics, self.data, self.job, self.commit, self.data_source, self.promoted_from
        )


def challenger_of(jobs: Jobs, inputs: Properties, deadline: float) -> Challenger:
    """What the inputs of a gate name, with its files as they were written; waits for a training that still runs.

    Raises:
        Failure: the training failed or still runs at the deadline, or a file is another one.
    """
    origin = inputs.get("promoted")
    if origin:
        return promoted(jobs, inputs["artefact"], origin)
    training = finished(jobs, inputs["job"], deadline, going_on)
    found = checked_provenance(jobs, training, inputs["artefact"])
    return Challenger(inputs["artefact"], inputs["dataDigest"], training.name, found.commit, found.data)


def promoted(jobs: Jobs, uri: str, origin: Properties) -> Challenger:
    """A model of another stack, whose copy is still what was copied."""
    try:
        whole_provenance(jobs.workspace, uri, {FILE: origin["sha256"]})
    except ValueError as error:
        raise Failure(f"{error}. Nothing is promoted. {copied_again(origin)}") from None
    source = origin.get(DATA_SOURCE, "")
    return Challenger(uri, origin["data"], origin["job"], origin["commit"], source, origin[PROMOTED_FROM])


def copied_again(origin: Properties) -> str:
    """What brings the files of a promoted model back."""
    return f"`pulumi refresh` and `pulumi up` copy it again from {origin[PROMOTED_FROM]}."


def finished(jobs: Jobs, name: str, deadline: float, next_step: Callable[[Job], str]) -> Job:
    """The job when it has ended well.

    Raises:
        Failure: it failed, or still runs at the deadline; the next `up` goes on.
    """
    job = watch(jobs, name, max(deadline - time.monotonic(), 0))
    if job.failed:
        raise Failure(failure(jobs, job, next_step(job)))
    return job
