"""What a training noted beside its model, and whether the files are still those it wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ml.clients.datastore import Folder
from ml.clients.errors import CloudError
from ml.clients.jobs import DAMAGED, Job, Jobs
from ml.clients.models import ModelRecord
from ml.clients.workspace import Workspace
from ml.gate.verdict import GENERATED, REAL, UNKNOWN
from ml.gate.winner import DATA_SOURCE
from ml.jobs.attempts import repeating
from ml.progress import Failure

PROVENANCE = "provenance.json"


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from: the git commit (`unknown` when its training knew none), the kind of data (`real`,
    `generated` or `unknown`), and the sha256 of each file as it was written.
    """

    commit: str
    data: str
    files: Mapping[str, str] = field(default_factory=dict)


def read_provenance(workspace: Workspace, folder: str) -> Provenance:
    """What lies beside a model (ml/jobkit/provenance.py writes it).

    Raises:
        ValueError: nothing usable lies there.
    """
    content = Folder(workspace, folder).read(PROVENANCE)
    try:
        document = json.loads(content or b"")
        data = (document.get("data") or {}).get("source")
        return Provenance(
            str(document["commit"] or UNKNOWN),
            data if data in (REAL, GENERATED) else UNKNOWN,
            dict(document.get("artefacts") or {}),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(f"{folder}{PROVENANCE} is missing or unusable") from None


def whole_provenance(
    workspace: Workspace, folder: str, expected: Mapping[str, str] = MappingProxyType({})
) -> Provenance:
    """The same after a look at every file it recorded, and at those that are `expected`, by name and sha256.

    Raises:
        ValueError: a file is missing or another one.
    """
    found = read_provenance(workspace, folder)
    for name, recorded in {**found.files, **expected}.items():
        stored = Folder(workspace, folder).sha256(name)
        if stored != recorded:
            raise ValueError(differs(f"{folder}{name}", stored, recorded))
    return found


def checked_provenance(jobs: Jobs, training: Job, folder: str) -> Provenance:
    """The same for a job that has ended.

    Raises:
        Failure: a file is another one. The job is marked, so that the next `up` starts another attempt.
    """
    try:
        return whole_provenance(jobs.workspace, folder)
    except ValueError as error:
        raise damaged(jobs, training, str(error)) from None


def differs(file: str, stored: str | None, recorded: str) -> str:
    """Words for a file that is not the one that was recorded."""
    now = f"is {stored}" if stored else "cannot be taken, the file is missing"
    return f"{file}: its sha256 differs from the recorded one (recorded {recorded}, now it {now})"


def damaged(jobs: Jobs, training: Job, problem: str) -> Failure:
    """Marks a job whose files cannot be used; the failure to raise."""
    jobs.tag(training, {DAMAGED: problem}, archived=training.archived)
    return Failure(f"{problem}. Nothing is promoted. {repeating(training)} Log: {training.studio_uri}")


def data_source(workspace: Workspace, record: ModelRecord) -> str:
    """What a registered version was trained on: `real`, `generated`, or `unknown` where nobody noted it."""
    noted = record.properties.get(DATA_SOURCE)
    if noted:
        return noted
    try:  # registered before versions carried it
        return read_provenance(workspace, record.properties.get("source") or record.uri).data
    except (ValueError, CloudError):
        return UNKNOWN
