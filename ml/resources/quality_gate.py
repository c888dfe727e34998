"""`QualityGate`: lets a trained model through only when it reaches the floors and beats what serves."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pulumi

from ml.clients.jobs import Job, Jobs
from ml.clients.models import ModelRecord, Models
from ml.clients.workspace import Workspace
from ml.resources.base import InputError, Properties, Provider, Resource, derived, new_claim, unknown
from ml.resources.code import CodeError, job_files
from ml.resources.digest import digest
from ml.resources.environment import EnvironmentFileError, environment_digest
from ml.resources.evaluation_job import Result, commit_of, ensure_evaluation, read_result
from ml.resources.host import Failure, note
from ml.resources.job_attempts import failure, going_on, release_job
from ml.resources.job_watch import watch
from ml.resources.verdict import Verdict, decide
from ml.resources.winner import UnusableModel, Winner, from_record

ROOT = Path()
REFRESH = "run `pulumi refresh`, then `pulumi up` again"


class QualityGateProvider(Provider):
    """Identity: workspace, system and digest. The champion is no part of it: it is looked up when the gate decides.

    What `refresh` shows. The gate's outputs name the model that everything after it is built from. They follow what
    serves (the champion tag), with one exception: a challenger that was promoted and has not been rolled out yet
    stays, so that a deployment killed between gate and rollout goes on where it was. It waits for its rollout as long
    as the champion is still the one it was judged against (`against`), its version was not rejected, and it has not
    become the champion since (`servedBefore`). So after `make rollback`, which moves the champion and rejects the
    version it took away, after `make promote`, and after a rollout that rejected the challenger, the gate's outputs are
    the champion's.
    """

    identity: ClassVar[tuple[str, ...]] = ("workspace", "system", "model", "digest")
    ignored: ClassVar[tuple[str, ...]] = (
        "waitMinutes",
        "timeoutMinutes",
        "compute",
        "code",
        "environmentDigest",
        "evaluationDigest",
        "job",
        "artefact",
        "dataReference",
    )

    def derive(self, inputs: Properties, old: Properties) -> Properties:
        """The digest of the evaluation (what is judged, on which data, by which code), and the gate's own, which has
        the floors too: another floor is another gate, which adopts the evaluation.
        """
        check_thresholds(inputs)
        try:
            code, environment = job_files(ROOT, inputs["entry"]), environment_digest(inputs["environment"])
        except CodeError as error:
            raise InputError("entry", str(error)) from None
        except EnvironmentFileError as error:
            raise InputError("environment", str(error)) from None
        parts = (inputs["jobDigest"], inputs["dataDigest"], code, environment, inputs["entry"])
        evaluation = derived(lambda: digest(*parts), *parts)
        judged = (evaluation, inputs["floors"], inputs["metric"])
        known = {"code": code, "environmentDigest": environment, "evaluationDigest": evaluation}
        known["digest"] = derived(lambda: digest(*judged), *judged)
        if old.get("digest") and (unknown(known["digest"]) or old["digest"] != known["digest"]):
            note(f"{inputs['system']}: the gate judges again; what follows changes only if the challenger wins")
        return {**inputs, **known}

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """Waits for the training job, has the challenger judged beside the champion, and decides.

        Safe to repeat: it adopts the evaluation of the same challenger against the same champion.
        """
        workspace, claim = Workspace.from_inputs(inputs["workspace"]), new_claim()
        jobs, models = Jobs(workspace), Models(workspace, inputs["model"])
        deadline = time.monotonic() + inputs["waitMinutes"] * 60
        training = finished(jobs, inputs["job"], deadline, going_on)
        champion = serving(models)
        evaluation = ensure_evaluation(jobs, inputs, training, inputs["artefact"], champion, claim)
        evaluation = finished(jobs, evaluation.name, deadline, lambda _: "The next `pulumi up` evaluates again.")
        result = read_result(jobs, inputs, evaluation, inputs["artefact"], champion)
        registered = models.find_by_sha256(result.challenger.sha256)
        verdict = decide(
            result.challenger,
            result.champion,
            floors=inputs["floors"],
            metric=inputs["metric"],
            rejections=registered.rejections if registered else {},
            lift=f"make promote SYSTEM={inputs['system']} VERSION={registered.version if registered else 'n'}",
        )
        if models.champion() != (champion.version if champion else None):
            raise Failure(f"{inputs['model']}: the champion changed while the challenger was judged: {REFRESH}")
        tell(inputs, verdict, result, evaluation)
        if verdict.kind == "kept" and champion is not None:
            winner = published(models, champion)
        else:
            winner = promoted(jobs, inputs, result, training, registered)
        return inputs["digest"], {
            "verdict": verdict.kind,
            **described(jobs, winner),
            "against": champion.version if champion else 0,
            "servedBefore": registered.served if registered else "",
            "evaluation": evaluation.name,
            "claim": claim,
        }

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        """Gone when the evaluation is deleted, or archived by somebody else; else as the class says."""
        workspace = Workspace.from_inputs(properties["workspace"])
        jobs, models = Jobs(workspace), Models(workspace, properties["model"])
        evaluation = jobs.find(properties["evaluation"])
        if evaluation is None or evaluation.archived:
            return None
        champion = serving(models)
        if champion is None or champion.sha256 == properties["sha256"] or awaits_rollout(models, properties, champion):
            return {}
        return {"verdict": "kept", **described(jobs, published(models, champion)), "against": champion.version}

    def release(self, identifier: str, properties: Properties) -> None:
        """Cancels a running evaluation and archives it. `Retention` deletes it with the system."""
        jobs = Jobs(Workspace.from_inputs(properties["workspace"]))
        release_job(jobs, properties["evaluation"], properties["claim"])


def check_thresholds(inputs: Mapping[str, Any]) -> None:
    """Refuses floors that no model could be held against."""
    for name, least in inputs["floors"].items():
        if unknown(least):
            continue
        if isinstance(least, bool) or not isinstance(least, int | float) or not math.isfinite(least):
            raise InputError("floors", f"the floor of {name} is {least!r}; write the least value it may have")


def finished(jobs: Jobs, name: str, deadline: float, next_step: Callable[[Job], str]) -> Job:
    """The job when it has ended well.

    Raises:
        Failure: it failed, or still runs at the deadline; the next `up` goes on.
    """
    job = watch(jobs, name, max(deadline - time.monotonic(), 0))
    if job.failed:
        raise Failure(failure(jobs, job, next_step(job)))
    return job


def serving(models: Models) -> ModelRecord | None:
    """The champion; None when nothing serves yet.

    Raises:
        Failure: the tag names a version that does not exist.
    """
    version = models.champion()
    if version is None:
        return None
    champion = models.get(version)
    if champion is None:
        fix = "`make promote SYSTEM=name VERSION=n` names one that does (`make runs` lists them)"
        raise Failure(f"the champion of {models.name} is version {version}, which does not exist: {fix}")
    return champion


def published(models: Models, champion: ModelRecord) -> Winner:
    """The champion as what wins."""
    try:
        return from_record(models.name, champion)
    except UnusableModel as error:
        raise Failure(
            f"{error}: it cannot be kept; `make promote SYSTEM=name VERSION=n` names another one (`make runs`)"
        ) from None


def promoted(jobs: Jobs, inputs: Properties, result: Result, training: Job, registered: ModelRecord | None) -> Winner:
    """The challenger as what wins. A file that is registered already is described as it was then, for good."""
    if registered is not None:
        return published(Models(jobs.workspace, inputs["model"]), registered)
    return Winner(
        sha256=result.challenger.sha256,
        model=inputs["model"],
        uri=inputs["artefact"],
        metrics=result.challenger.metrics,
        data=inputs["dataDigest"],
        job=training.name,
        commit=commit_of(jobs, inputs["artefact"]),
    )


def described(jobs: Jobs, winner: Winner) -> Properties:
    """The winner's outputs, with the address of the run it came from (empty once that is deleted)."""
    job = jobs.find(winner.job)
    return {**winner.outputs, "experimentUri": job.studio_uri if job else ""}


def awaits_rollout(models: Models, properties: Properties, champion: ModelRecord) -> bool:
    """Whether the gate's model was promoted, and neither rolled out nor rejected since."""
    if properties["verdict"] != "promoted" or properties["against"] != champion.version:
        return False
    registered = models.find_by_sha256(properties["sha256"])
    return registered is None or (not registered.rejections and registered.served == properties["servedBefore"])


def tell(inputs: Properties, verdict: Verdict, result: Result, evaluation: Job) -> None:
    """Shows the verdict; a refusal ends the deployment of the system.

    Raises:
        Failure: the verdict is a refusal.
    """
    head = f"{inputs['system']} on {result.rows} holdout rows"
    if verdict.kind == "refused":
        raise Failure(f"{head}: {verdict.text}. {evaluation.studio_uri}")
    if result.other_features:
        note("warning: the champion was trained with another features.yaml and may know some of the holdout rows")
    note(f"{'warning: ' if verdict.warning else ''}{head}: {verdict.text}")


class QualityGate(Resource, module="ml", name="QualityGate"):
    """Judges the model of one training job; `sha256`, `source`, `metrics` and `provenance` describe the winner."""

    outputs: ClassVar[tuple[str, ...]] = (
        "code",
        "environmentDigest",
        "evaluationDigest",
        "digest",
        "verdict",
        "sha256",
        "source",
        "metrics",
        "provenance",
        "experimentUri",
        "against",
        "servedBefore",
        "evaluation",
        "claim",
    )

    verdict: pulumi.Output[str]
    sha256: pulumi.Output[str]
    source: pulumi.Output[dict[str, str]]
    metrics: pulumi.Output[dict[str, float]]
    provenance: pulumi.Output[dict[str, str]]
    experimentUri: pulumi.Output[str]  # noqa: N815 - the name in the state

    def __init__(
        self,
        name: str,
        *,
        system: str,
        model: str,
        workspace: Mapping[str, pulumi.Input[str]],
        compute: pulumi.Input[str],
        environment: str,
        entry: str,
        job: pulumi.Input[str],
        job_digest: pulumi.Input[str],
        artefact: pulumi.Input[str],
        data_digest: pulumi.Input[str],
        data_reference: pulumi.Input[str],
        floors: Mapping[str, float],
        metric: str = "auc",
        wait_minutes: int = 20,
        timeout_minutes: int = 30,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "system": system,
            "model": model,
            "workspace": workspace,
            "compute": compute,
            "environment": environment,
            "entry": entry,
            "job": job,
            "jobDigest": job_digest,
            "artefact": artefact,
            "dataDigest": data_digest,
            "dataReference": data_reference,
            "floors": dict(floors),
            "metric": metric,
            "waitMinutes": wait_minutes,
            "timeoutMinutes": timeout_minutes,
        }
        super().__init__(QualityGateProvider(), name, inputs, opts)
