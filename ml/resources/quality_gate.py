"""`QualityGate`: lets a trained model through only when it reaches the floors and surely beats what serves."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pulumi

from ml.clients.datastore import Folder
from ml.clients.jobs import Job, Jobs
from ml.clients.models import FILE, ModelRecord, Models
from ml.clients.workspace import Workspace
from ml.gate.challenger import Challenger, challenger_of, finished
from ml.gate.evaluation import UNUSABLE, Result, ensure_evaluation, read_result
from ml.gate.record import Decided, record
from ml.gate.verdict import GENERATED, Rule, Verdict, decide
from ml.gate.winner import UnusableModel, Winner, from_record
from ml.identity.code import CodeError, job_files
from ml.identity.digest import digest
from ml.identity.environment import EnvironmentFileError, environment_digest
from ml.identity.values import Properties
from ml.jobkit.plan import parse
from ml.jobs.attempts import release_job
from ml.jobs.trained_model import data_source, differs
from ml.progress import Failure, note
from ml.resources.base import InputError, Provider, Resource, derived, new_claim, unknown

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
        "plan",
        "job",
        "promoted",
        "artefact",
        "dataReference",
    )

    def derive(self, inputs: Properties, old: Properties) -> Properties:
        """The digest of the evaluation (what is judged, on which data, by which code), and the gate's own, which has
        floors and margin too: with another floor it is another gate, which adopts the evaluation.
        """
        check_thresholds(inputs)
        try:
            plan = parse(inputs["system"], inputs["plan"])
            code = job_files(ROOT, inputs["entry"], plan, trainer=False)
            environment = environment_digest(inputs["environment"])
        except CodeError as error:
            raise InputError("entry", str(error)) from None
        except EnvironmentFileError as error:
            raise InputError("environment", str(error)) from None
        judged_by = (code, environment, inputs["entry"], inputs["plan"]["task"], inputs["plan"]["files"])
        parts = (inputs["jobDigest"], inputs["dataDigest"], *judged_by)
        evaluation = derived(lambda: digest(*parts), *parts)
        judged = (evaluation, inputs["floors"], inputs["metric"], inputs.get("margin"))
        known = {"code": code, "environmentDigest": environment, "evaluationDigest": evaluation}
        known["digest"] = derived(lambda: digest(*judged), *judged)
        if old.get("digest") and (unknown(known["digest"]) or old["digest"] != known["digest"]):
            note(f"{inputs['system']}: the gate judges again; what follows changes only if the challenger wins")
        return {**inputs, **known}

    def problem(self, properties: Properties) -> str:
        """What was judged was damaged before it was registered: its job makes another attempt, which is judged."""
        name = properties.get("evaluation")
        found = Jobs(Workspace.from_inputs(properties["workspace"])).peek(name) if name else None
        if found is None or UNUSABLE not in found.tags:
            return ""
        return f"{properties['system']}: what the gate judged was damaged since: it judges the next attempt"

    def change(self, identifier: str, old: Properties, inputs: Properties) -> Properties:
        """Judges again."""
        return self.ensure(inputs)[1]

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """Waits for the training job, if there is one, has the challenger judged beside the champion, and decides.

        Safe to repeat: it adopts the evaluation of the same challenger against the same champion.
        """
        workspace, claim = Workspace.from_inputs(inputs["workspace"]), new_claim()
        jobs, models = Jobs(workspace), Models(workspace, inputs["model"])
        deadline = time.monotonic() + inputs["waitMinutes"] * 60
        challenger = challenger_of(jobs, inputs, deadline)
        champion = serving(models)
        if champion is not None:
            check_champion(models, champion)
        evaluation = ensure_evaluation(jobs, inputs, challenger, champion, claim)
        evaluation = finished(jobs, evaluation.name, deadline, lambda _: "The next `pulumi up` evaluates again.")
        result = read_result(jobs, inputs, evaluation, challenger.uri, champion)
        result = with_data(result, challenger, data_source(workspace, champion) if champion else "")
        registered = models.registered(result.challenger.sha256, challenger.version)
        verdict = decide(
            result.challenger,
            result.champion,
            Rule(inputs["floors"], inputs["metric"], inputs.get("margin"), result.lower),
            intervals=result.intervals,
            rejections=registered.rejections if registered else {},
            lift=f"make promote SYSTEM={inputs['system']} VERSION={registered.version if registered else 'n'}",
        )
        if models.champion() != (champion.version if champion else None):
            raise Failure(f"{inputs['model']}: the champion changed while the challenger was judged: {REFRESH}")
        record(jobs, inputs["system"], Decided(verdict, result, evaluation, challenger, champion, registered))
        tell(inputs, verdict, result, evaluation)
        if verdict.kind == "kept" and champion is not None:
            winner = published(models, champion)
        elif registered is not None:  # described as it was then, for good
            winner = published(models, registered)
        else:
            winner = challenger.winner(inputs["model"], result.challenger.sha256, dict(result.challenger.metrics))
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
    """Refuses floors that no model could be held against, and a margin that is none."""
    margin = inputs.get("margin")
    if margin is not None and not unknown(margin) and not (is_number(margin) and margin >= 0):
        raise InputError(
            "margin", f"the margin is {margin!r}; write by how much a challenger must be better, 0 or more"
        )
    for name, least in inputs["floors"].items():
        if unknown(least):
            continue
        if not is_number(least):
            raise InputError("floors", f"the floor of {name} is {least!r}; write the least value it may have")


def is_number(value: Any) -> bool:
    """Whether a figure can be compared with it."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


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


def check_champion(models: Models, champion: ModelRecord) -> None:
    """Fails when the file of what serves is not the one that was registered: nothing can be compared with it."""
    if not champion.sha256:
        return  # somebody else registered it: the reading of its result says so
    stored = Folder(models.workspace, champion.uri).sha256(FILE)
    if stored != champion.sha256:
        fix = "put the file back, or go to another version with `make rollback SYSTEM=name REASON=...`"
        file = f"{champion.uri}{FILE}"
        raise Failure(f"{models.name}:{champion.version} serves, but {differs(file, stored, champion.sha256)}: {fix}")


def published(models: Models, champion: ModelRecord) -> Winner:
    """The champion as what wins."""
    try:
        return from_record(models.name, champion)
    except UnusableModel as error:
        raise Failure(
            f"{error}: it cannot be kept; `make promote SYSTEM=name VERSION=n` names another one (`make runs`)"
        ) from None


def with_data(result: Result, judged: Challenger, champions: str) -> Result:
    """The result with what each model was trained on."""
    challenger = replace(result.challenger, data=judged.data_source)
    champion = replace(result.champion, data=champions) if result.champion else None
    return replace(result, challenger=challenger, champion=champion)


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
    generated = "generated " if result.challenger.data == GENERATED else ""
    head = f"{inputs['system']} on {result.rows} {generated}holdout rows"
    if verdict.kind == "refused":
        raise Failure(f"{head}: {verdict.text}. {evaluation.studio_uri}")
    if result.other_features:
        note("warning: the champion was trained with another features.yaml and may know some of the holdout rows")
    note(f"{'warning: ' if verdict.warning else ''}{head}: {verdict.text}")


class QualityGate(Resource, module="ml", name="QualityGate"):
    """Judges the model of one training job, or one that serves in another stack; `sha256`, `source`, `metrics` and
    `provenance` describe the winner.

    Args:
        job: the training job; none of a model of another stack.
        promoted: where a model of another stack comes from (`PromotedModel.provenance`).
        job_digest: identity of what is judged.
        artefact: URI of the folder with its files.
        floors: the least a model must reach on the holdout set, by metric.
        metric: what challenger and champion are compared by.
        margin: by how much the challenger must be better. None: by more than chance explains (the 95 % interval of the
            difference lies above 0); 0: any better figure wins.
    """

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
        plan: Mapping[str, Any],
        job: pulumi.Input[str] | None = None,
        promoted: pulumi.Input[Mapping[str, str]] | None = None,
        job_digest: pulumi.Input[str],
        artefact: pulumi.Input[str],
        data_digest: pulumi.Input[str],
        data_reference: pulumi.Input[str],
        floors: Mapping[str, float],
        metric: str = "auc",
        margin: float | None = None,
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
            "plan": dict(plan),
            "job": job,
            "promoted": promoted,
            "jobDigest": job_digest,
            "artefact": artefact,
            "dataDigest": data_digest,
            "dataReference": data_reference,
            "floors": dict(floors),
            "metric": metric,
            "margin": margin,
            "waitMinutes": wait_minutes,
            "timeoutMinutes": timeout_minutes,
        }
        super().__init__(QualityGateProvider(), name, inputs, opts)
