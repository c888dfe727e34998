"""Systems: an endpoint, the models behind it and the jobs that make them, brought together by what they say themselves.

What belongs together has the same tag `system`, else the same experiment or name. Nothing here knows who made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from emulator.pages import models, traffic
from emulator.pages.client import Json
from emulator.pages.cloud import Cloud, created, tags
from emulator.pages.models import Model, Version
from emulator.pages.rendering import moment
from emulator.pages.traffic import Traffic

SYSTEM = "system"
REJECTED = 3
DECIDED = "decided"
"""The tag of a job with the time of its verdict, which may be later than the job."""
ENDED = frozenset({"Completed", "Failed", "Canceled"})
BUSY = frozenset({"Creating", "Updating", "Scaling", "Deleting"})


@dataclass(frozen=True)
class Health:
    """`level` is good, busy, idle, warning or bad; `text` says why."""

    level: str
    text: str


@dataclass(frozen=True)
class Deployment:
    """What stands behind an endpoint, with its share of the requests."""

    document: Json
    share: int
    image: str
    version: Version | None

    @property
    def name(self) -> str:
        """The deployment's name."""
        return str(self.document["name"])

    @property
    def state(self) -> str:
        """As ARM says it."""
        return str(self.document["properties"].get("provisioningState") or "")


@dataclass(frozen=True)
class Endpoint:
    """An online endpoint."""

    document: Json
    deployments: Sequence[Deployment]
    traffic: Traffic
    health: Health

    @property
    def serving(self) -> list[Deployment]:
        """Deployments with traffic, the largest share first."""
        return sorted((one for one in self.deployments if one.share), key=lambda one: -one.share)


@dataclass(frozen=True)
class Judgement:
    """A verdict that a job carries as tags, and the job that it is about where a tag names one."""

    job: Json
    subject: Json | None
    verdict: str
    reason: str


@dataclass
class System:
    """What has one name; jobs newest first."""

    name: str
    endpoints: list[Endpoint] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)
    jobs: list[Json] = field(default_factory=list)

    @property
    def running(self) -> list[Json]:
        """Jobs that have not ended."""
        return [job for job in self.jobs if status(job) not in ENDED]

    @property
    def champions(self) -> list[Version]:
        """The versions that the models' tags name."""
        return [model.champion for model in self.models if model.champion]

    @property
    def waiting(self) -> list[Version]:
        """The newest versions of models of which none serves."""
        return [model.versions[0] for model in self.models if model.versions and not model.champion]

    @property
    def rejected(self) -> list[Version]:
        """The newest versions that were refused in some image."""
        found = [version for model in self.models for version in model.versions if version.rejected]
        return sorted(found, key=lambda one: -one.created)[:REJECTED]

    @property
    def judged(self) -> Judgement | None:
        """The newest verdict."""
        return next(iter(judgements(self.jobs)), None)

    @property
    def health(self) -> Health:
        """The worst of its endpoints."""
        order = ("bad", "warning", "busy", "idle", "good")
        found = sorted((one.health for one in self.endpoints), key=lambda one: order.index(one.level))
        worst = found[0] if found else Health("idle", "no endpoint")
        if worst.level == "idle" and self.running:
            return Health("busy", f"{worst.text} yet, {len(self.running)} running")
        return worst


def every(cloud: Cloud) -> list[System]:
    """All systems by name."""
    found: dict[str, System] = {}

    def system(name: str) -> System:
        return found.setdefault(key(name), System(name))

    all_models = models.every(cloud)
    versions = [version for model in all_models for version in model.versions]
    for job in cloud.jobs():
        if job["properties"]:
            system(tags(job).get(SYSTEM) or str(job["properties"].get("experimentName") or job["name"])).jobs.append(
                job
            )
    for model in all_models:
        named = [version.tags.get(SYSTEM, "") for version in model.versions]
        system(tags(model.document).get(SYSTEM) or next(filter(None, named), model.name)).models.append(model)
    for document in cloud.endpoints():
        endpoint = read(cloud, document, versions)
        named = [tags(one.document).get(SYSTEM, "") for one in endpoint.deployments]
        likely = alike(str(document["name"]), list(found))
        system(tags(document).get(SYSTEM) or next(filter(None, named), likely)).endpoints.append(endpoint)
    return sorted(found.values(), key=lambda one: one.name)


def alike(name: str, known: Sequence[str]) -> str:
    """The known system whose name is part of this name; the name itself where there is none."""
    parts = f"_{key(name)}_"
    return max((one for one in known if f"_{one}_" in parts), key=len, default=name)


def read(cloud: Cloud, document: Json, versions: Sequence[Version]) -> Endpoint:
    """An endpoint with what stands behind it."""
    shares = document["properties"].get("traffic") or {}
    deployments = [
        Deployment(one, int(shares.get(one["name"], 0)), cloud.image(one), served(one, versions))
        for one in cloud.deployments(document)
    ]
    seen = traffic.read(cloud.client, document["id"])
    return Endpoint(document, deployments, seen, health(document, deployments, seen))


def served(deployment: Json, versions: Sequence[Version]) -> Version | None:
    """The model version in a deployment: by the digest it is tagged with, else the one its `model` names."""
    sha256 = tags(deployment).get("sha256", "")
    named = str(deployment["properties"].get("model") or "").lower()
    for version in versions:
        if sha256 and version.sha256 == sha256:
            return version
        if named and (version.id.lower() == named or f"azureml:{version.model}:{version.name}".lower() == named):
            return version
    return None


def health(endpoint: Json, deployments: Sequence[Deployment], seen: Traffic) -> Health:
    """Whether an endpoint does what it is there for."""
    serving = [one for one in deployments if one.share]
    failed = [one.name for one in serving if one.state == "Failed"]
    if failed:
        return Health("bad", f"{', '.join(failed)} failed and has traffic")
    if not serving:
        busy = [one.name for one in deployments if one.state in BUSY]
        return Health("busy", f"{', '.join(busy)} is on its way") if busy else Health("idle", "serves nothing")
    if seen.recent_failure_rate:
        level = "bad" if seen.recent_failure_rate >= 0.05 else "warning"
        return Health(level, f"{seen.recent_failure_rate:.1%} of the requests failed in the last 15 minutes")
    if len(serving) > 1:
        return Health("busy", f"shared by {len(serving)} deployments")
    return Health("good", "healthy" if seen.total else "ready, no requests in the last hour")


def judgements(jobs: Sequence[Json]) -> list[Judgement]:
    """The verdicts among jobs, newest first."""
    named = {str(job["name"]): job for job in jobs}
    found = []
    for job in jobs:
        said = tags(job)
        if said.get("verdict"):
            about = (named.get(said.get(name, "")) for name in ("challenger_job", "challenger"))
            subject = next((one for one in about if one), None)
            found.append(Judgement(job, subject, said["verdict"], said.get("reason", "")))
    return sorted(found, key=lambda one: moment(tags(one.job).get(DECIDED)) or created(one.job), reverse=True)


def status(job: Json) -> str:
    """A job's status."""
    return str(job["properties"].get("status") or "")


def key(name: str) -> str:
    """Names are the same with hyphens and with underscores."""
    return name.lower().replace("-", "_")
