"""What serves now, read from the cloud: the stack's state and outputs know only what the last `up` or refresh saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from ml.clients.arm import manner
from ml.clients.data import DataAssets
from ml.clients.datastore import Folder
from ml.clients.endpoints import OnlineDeployment, OnlineEndpoint
from ml.clients.errors import CloudError
from ml.clients.jobs import Job, Jobs
from ml.clients.lease import rollout_lock
from ml.clients.models import ModelRecord, Models
from ml.gate.evaluation import KIND, RESULT, Result, parse, result_uri
from ml.gate.record import PROMOTED_TAG
from ml.gate.winner import DATA_SOURCE
from ml.rollout.core.ports import digest_of
from tools.deployed_system import DeployedSystem
from tools.progress import SetupError

# Whoever looks wants an answer now: what may pass is asked again for this long, and no request takes longer.
PATIENCE, REQUEST_SECONDS = 5.0, 10.0
Figures = Mapping[str, float]
T = TypeVar("T")


@dataclass(frozen=True)
class Champion:
    """The version that is said to serve: `data` is the digest of what it was trained on, `source` real or generated
    ("" when nobody noted it), `since` when it became the champion (ISO 8601).
    """

    version: int
    sha256: str
    figures: Figures
    data: str = ""
    source: str = ""
    since: str = ""
    job: str = ""


@dataclass(frozen=True)
class Share:
    """A deployment of the endpoint: `rejected` says why its image was, and is "" when it was not."""

    version: int | None
    deployment: str
    percent: int
    rejected: str = ""
    state: str = "Succeeded"


@dataclass(frozen=True)
class Challenger:
    """What the gate judged last. `verdict` is promoted, kept or refused; failed or running while there is none; ""
    when nobody noted it.
    """

    job: str
    evaluation: str
    version: int | None = None
    figures: Figures = field(default_factory=dict)
    against: Figures = field(default_factory=dict)
    verdict: str = ""
    reason: str = ""
    uri: str = ""
    lower: frozenset[str] = frozenset()
    """The metrics of which less is better."""


@dataclass(frozen=True)
class LiveSystem:
    """A system as it is now. `serving` are the deployments with traffic, most first; `standby` those without.

    `job` is the newest training job; `under_way` says what is being done to the endpoint and by whom ("": nothing);
    `problem` says what could not be read and why, "" when all was.
    """

    name: str
    champion: Champion | None = None
    serving: tuple[Share, ...] = ()
    standby: tuple[Share, ...] = ()
    challenger: Challenger | None = None
    job: Job | None = None
    scoring_uri: str = ""
    open_api_uri: str = ""
    under_way: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Endpoint:
    """What an endpoint has; `found` is None when it is gone."""

    found: OnlineEndpoint | None
    deployments: Sequence[OnlineDeployment] = ()


@dataclass(frozen=True)
class Registry:
    """The versions of a model, and which of them is the champion."""

    versions: Sequence[ModelRecord] = ()
    champion: int | None = None


class Readings:
    """Reads that go on at once, and what went wrong with them."""

    def __init__(self, pool: Executor) -> None:
        self.pool = pool
        self.problems: list[str] = []

    def begin(self, part: Callable[[], T]) -> Future[T]:
        """Starts one, with the manner of requests that this thread has."""
        return self.pool.submit(copy_context().run, part)

    def known(self, reading: Future[T], otherwise: T) -> T:
        """What it read; `otherwise` when it could not."""
        try:
            return reading.result()
        except (CloudError, SetupError) as error:
            self.problems.append(str(error))
            return otherwise


def read(system: DeployedSystem) -> LiveSystem:
    """The system now. Never fails: what cannot be read is named in `problem`."""
    with manner(patience=PATIENCE, seconds=REQUEST_SECONDS), ThreadPoolExecutor(4) as pool:
        reading = Readings(pool)
        begun = reading.begin(partial(read_endpoint, system)), reading.begin(partial(read_registry, system))
        lock = reading.begin(partial(read_lock, system))
        jobs = reading.known(reading.begin(partial(recent_jobs, system)), [])
        registry = reading.known(begun[1], Registry())
        champion = reading.begin(partial(read_champion, system, registry))
        challenger = reading.begin(partial(read_challenger, system, last_evaluation(jobs), registry.versions))
        endpoint = reading.known(begun[0], Endpoint(None))
        shares = sorted(to_shares(endpoint, registry.versions), key=lambda one: (-one.percent, one.deployment))
        return LiveSystem(
            name=system.name,
            champion=reading.known(champion, None),
            serving=tuple(one for one in shares if one.percent),
            standby=tuple(one for one in shares if not one.percent),
            challenger=reading.known(challenger, None),
            job=next((job for job in jobs if not is_evaluation(job)), None),
            scoring_uri=endpoint.found.scoring_uri if endpoint.found else "",
            open_api_uri=endpoint.found.open_api_uri if endpoint.found else "",
            under_way=reading.known(lock, ""),
            problem="; ".join(dict.fromkeys(reading.problems)),
        )


def read_endpoint(system: DeployedSystem) -> Endpoint:
    """The endpoint with its deployments.

    Raises:
        SetupError: it was never made, or it is gone.
    """
    client, found = system.online()
    return Endpoint(found, client.deployments())


def read_registry(system: DeployedSystem) -> Registry:
    """The model's versions and its champion."""
    models = Models(system.workspace, system.model)
    return Registry(models.list(), models.champion())


def read_lock(system: DeployedSystem) -> str:
    """What is being done to the endpoint, and by whom; "" when nothing is."""
    with rollout_lock(system.workspace, system.name) as lock:
        holder = lock.holder()
    return (
        f"{holder.about.get('doing', 'a rollout')}, by {holder.about.get('who', 'somebody')}" if holder.active else ""
    )


def read_champion(system: DeployedSystem, registry: Registry) -> Champion | None:
    """The champion with what it was trained on."""
    record = next((one for one in registry.versions if one.version == registry.champion), None)
    if record is None:
        return None
    data = record.properties.get("data", "")
    return Champion(
        version=record.version,
        sha256=record.sha256,
        figures=record.figures,
        data=data,
        source=data_source(system, data) or record.properties.get(DATA_SOURCE, ""),
        since=record.served,
        job=record.properties.get("job", ""),
    )


def data_source(system: DeployedSystem, digest: str) -> str:
    """`real` or `generated`, as the data version with this digest says; "" when there is none."""
    assets = DataAssets(system.workspace)
    found = (assets.find(name, digest) for name in system.assets if digest)
    return next((asset.tags.get("source", "") for asset in found if asset), "")


def to_shares(endpoint: Endpoint, versions: Sequence[ModelRecord]) -> list[Share]:
    """Every deployment with its part of the traffic."""
    rejections = {one.version: one.rejections for one in versions}
    traffic = endpoint.found.traffic if endpoint.found else {}
    found = []
    for one in endpoint.deployments:
        given = one.tags.get("version", "")
        version = int(given) if given.isdigit() else None
        refused = rejections.get(version, {}) if version is not None else {}
        reason = refused.get(digest_of(one.image)) if one.image else None
        said = "" if reason is None else reason or "no reason given"
        found.append(Share(version, one.name, traffic.get(one.name, 0), said, one.state))
    return found


def recent_jobs(system: DeployedSystem) -> list[Job]:
    """The newest jobs, newest first, as far back as the newest training and the evaluation that the gate stands on."""
    found: list[Job] = []
    trained = stands = False
    for job in Jobs(system.workspace).newest(system.name):
        found.append(job)
        # What is promoted was trained in another stack.
        trained = trained or not is_evaluation(job) or PROMOTED_TAG in job.tags
        stands = stands or (is_evaluation(job) and not job.archived)
        if trained and stands:
            break
    return found


def is_evaluation(job: Job) -> bool:
    """Whether a job evaluates models, rather than trains one."""
    return job.tags.get("kind") == "evaluation" or f"-{KIND}-" in job.name


def last_evaluation(jobs: Sequence[Job]) -> Job | None:
    """The evaluation that the gate stands on: it archives what it no longer stands on."""
    found = [job for job in jobs if is_evaluation(job)]
    return next((job for job in found if not job.archived), found[0] if found else None)


def read_challenger(
    system: DeployedSystem, evaluation: Job | None, versions: Sequence[ModelRecord]
) -> Challenger | None:
    """What an evaluation found and what the gate made of it."""
    if evaluation is None:
        return None
    result = read_result(system, evaluation)
    trained = evaluation.tags.get("challenger_job") or evaluation.tags.get("challenger", "")
    version = next((one.version for one in versions if result and one.sha256 == result.challenger.sha256), None)
    verdict = evaluation.tags.get("verdict", "")
    if not verdict and not evaluation.completed:
        verdict = "failed" if evaluation.failed else "running"
    return Challenger(
        job=trained,
        evaluation=evaluation.name,
        version=version,
        figures=result.challenger.metrics if result else {},
        against=result.champion.metrics if result and result.champion else {},
        verdict=verdict,
        reason=evaluation.tags.get("reason", ""),
        uri=evaluation.studio_uri,
        lower=result.lower if result else frozenset(),
    )


def read_result(system: DeployedSystem, evaluation: Job) -> Result | None:
    """What an evaluation wrote; None when it wrote nothing, or nothing usable."""
    if not evaluation.completed:
        return None
    content = Folder(system.workspace, result_uri(system.name, evaluation.name)).read(RESULT)
    try:
        return parse(content) if content is not None else None
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
