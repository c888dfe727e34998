"""The one job that scores challenger and champion for a gate, and the reading of what it found."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml.clients.datastore import Folder, folder_uri
from ml.clients.jobs import Job, Jobs, JobSpecification
from ml.clients.models import FILE, ModelRecord
from ml.gate.challenger import Challenger
from ml.gate.verdict import Interval, Scored
from ml.identity.code import stage
from ml.identity.environment import ensure_environment
from ml.identity.values import Properties
from ml.jobkit.plan import parse as parse_plan
from ml.jobs.attempts import job_prefix
from ml.jobs.variables import job_variables
from ml.progress import Failure, status

ROOT = Path()
KIND = "gate"
RESULT = "evaluation.json"
NONE = "none"
UNUSABLE = "unusable"


@dataclass(frozen=True)
class Result:
    """What an evaluation found."""

    challenger: Scored
    champion: Scored | None
    rows: int
    """Of the holdout set."""
    other_features: bool
    """The champion was trained with another `features.yaml`."""
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    """Of what the challenger has more than the champion, by metric; empty in results of earlier versions."""
    lower: frozenset[str] = frozenset()
    """The metrics of which less is better."""


def ensure_evaluation(
    jobs: Jobs, inputs: Properties, challenger: Challenger, champion: ModelRecord | None, claim: str
) -> Job:
    """Adopts the evaluation of this challenger against this champion, or starts one; stamps it with the claim.

    An evaluation that failed, or whose result could not be used, is followed by another at every `up`: what was wrong
    with it may lie in files, which are in no digest.
    """
    prefix = job_prefix(inputs["system"], inputs["evaluationDigest"], KIND)
    attempts = jobs.attempts(prefix)
    judged = {
        "challenger": challenger.job,
        "champion": f"{inputs['model']}:{champion.version}" if champion else NONE,
        "champion-sha256": champion.sha256 if champion else NONE,
    }
    same = [job for job in attempts if judged.items() <= dict(job.tags).items()]
    if same and not same[-1].failed and UNUSABLE not in same[-1].tags:
        status(f"adopting {same[-1].name}: {same[-1].status}")
        jobs.tag(same[-1], {"claim": claim}, archived=False)
        return same[-1]
    name = f"{prefix}-{len(attempts) + 1}"
    status(f"submitting {name}")
    environment = ensure_environment(jobs.workspace, inputs["environment"])
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder, "code")
        stage(ROOT, inputs["code"], parse_plan(inputs["system"], inputs["plan"]), staged)
        tags = {"claim": claim, "kind": "evaluation", "system": inputs["system"], **judged}
        return jobs.submit(specification(inputs, name, challenger.uri, champion, staged, environment, tags))


def specification(
    inputs: Properties,
    name: str,
    artefact: str,
    champion: ModelRecord | None,
    code: Path,
    environment: str,
    tags: Mapping[str, str],
) -> JobSpecification:
    """What Azure ML is asked to run."""
    folders = {
        "data": inputs["dataReference"],
        "challenger": artefact,
        **({"champion": champion.uri} if champion else {}),
    }
    system = f"--system {inputs['system']}"
    options = " ".join([system, *(f"--{option} ${{{{inputs.{option}}}}}" for option in folders)])
    return JobSpecification(
        name=name,
        experiment=inputs["system"],
        description=f"Evaluation of {inputs['system']}: {tags['challenger']} against champion {tags['champion']}",
        command=f"python -m {inputs['entry']} {options} --output ${{{{outputs.evaluation}}}}",
        code=code,
        environment=environment,
        compute=inputs["compute"],
        inputs=folders,
        outputs={"evaluation": result_uri(inputs["system"], name)},
        variables=job_variables(inputs),
        tags=tags,
        timeout_seconds=inputs["timeoutMinutes"] * 60,
    )


def result_uri(system: str, job: str) -> str:
    """Where an evaluation leaves its result."""
    return folder_uri(f"systems/{system}/evaluations/{job}")


def read_result(jobs: Jobs, inputs: Properties, evaluation: Job, artefact: str, champion: ModelRecord | None) -> Result:
    """What an evaluation that ended well found, when it was of exactly the files in question.

    Raises:
        Failure: the result is missing or says something about other files. The next `up` evaluates again.
    """
    try:
        return checked_result(jobs, inputs, evaluation, artefact, champion)
    except Failure:
        jobs.tag(evaluation, {UNUSABLE: "true"}, archived=True)
        raise


def checked_result(
    jobs: Jobs, inputs: Properties, evaluation: Job, artefact: str, champion: ModelRecord | None
) -> Result:
    """`read_result` without the note on the job."""
    uri = result_uri(inputs["system"], evaluation.name)
    content = Folder(jobs.workspace, uri).read(RESULT)
    if content is None:
        raise Failure(
            f"{evaluation.name} ended without {RESULT} in {uri}: nothing is promoted. {evaluation.studio_uri}"
        )
    try:
        result = parse(content)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Failure(f"{RESULT} of {evaluation.name} is unusable ({error!r}): nothing is promoted") from None
    check_same("challenger", result.challenger.sha256, Folder(jobs.workspace, artefact).sha256(FILE), artefact)
    if (result.champion is None) != (champion is None):
        raise Failure(f"{RESULT} of {evaluation.name} does not say the same about the champion as the model registry")
    if result.champion is not None and champion is not None:
        check_same("champion", result.champion.sha256, champion.sha256, f"version {champion.version} as registered")
    return result


def parse(content: bytes) -> Result:
    """`evaluation.json` (ml/jobkit/evaluation.py writes it)."""
    document: dict[str, Any] = json.loads(content)
    champion = document["champion"]
    return Result(
        challenger=scored(document["challenger"]),
        champion=scored(champion) if champion is not None else None,
        rows=int(document["holdout"]["rows"]),
        lower=frozenset(name for name, better in document.get("better", {}).items() if better == "lower"),
        other_features=champion is not None and champion["features"] != document["features"],
        intervals={
            name: Interval(float(one["low"]), float(one["high"]))
            for name, one in document.get("differences", {}).items()
        },
    )


def scored(document: Mapping[str, Any]) -> Scored:
    """One model of `evaluation.json`."""
    return Scored(str(document["sha256"]), {name: float(value) for name, value in document["metrics"].items()})


def check_same(role: str, evaluated: str, stored: str | None, where: str) -> None:
    """Fails when an evaluation judged another file than the one in question."""
    if evaluated != stored:
        found = stored or "none, it is missing"
        raise Failure(
            f"the evaluated {role} has sha256 {evaluated}, but {FILE} of {where} has {found}: somebody changed a file; "
            "nothing is promoted"
        )
