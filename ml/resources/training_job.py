"""`TrainingJob`: one Azure ML command job for one identity of code, data and environment."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pulumi

from ml.clients.jobs import Job, Jobs, JobSpecification
from ml.clients.workspace import Workspace
from ml.resources.base import InputError, Properties, Provider, Resource, derived, new_claim
from ml.resources.code import CodeError, job_files, stage
from ml.resources.digest import digest
from ml.resources.environment import EnvironmentFileError, ensure_environment, environment_digest
from ml.resources.host import Failure, note, status
from ml.resources.job_watch import figures, tail, watch

MOST_ATTEMPTS = 3
ROOT = Path()


class TrainingJobProvider(Provider):
    """Identity: workspace, system and digest. How long to wait and what it may cost are no part of it."""

    identity: ClassVar[tuple[str, ...]] = ("workspace", "system", "digest")
    ignored: ClassVar[tuple[str, ...]] = (
        "waitMinutes",
        "timeoutMinutes",
        "compute",
        "code",
        "environmentDigest",
        "dataReference",
    )

    def derive(self, inputs: Properties, old: Properties) -> Properties:
        """The job's digest, and the digest of every file it is made of, so that a preview can name the one that
        changed.
        """
        try:
            code, environment = job_files(ROOT, inputs["entry"]), environment_digest(inputs["environment"])
        except CodeError as error:
            raise InputError("entry", str(error)) from None
        except EnvironmentFileError as error:
            raise InputError("environment", str(error)) from None
        parts = (code, environment, inputs["entry"], inputs["arguments"], inputs["dataDigest"], inputs["generation"])
        known = {"code": code, "environmentDigest": environment, "digest": derived(lambda: digest(*parts), *parts)}
        result = {**inputs, **known}
        explain(result, old)
        return result

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """Adopts the newest attempt that runs or ended well, else starts the next one; waits for its end.

        Job names are single-use, so an attempt that failed stays and the next `up` starts another, three at most.
        """
        jobs, claim = Jobs(Workspace.from_inputs(inputs["workspace"])), new_claim()
        prefix = f"{inputs['system'].replace('_', '-')}-{inputs['digest']}"
        attempts = jobs.attempts(prefix)
        newest = attempts[-1] if attempts else None
        if newest is not None and not newest.failed:
            status(f"adopting {newest.name}: {newest.status}")
            jobs.tag(newest, {"claim": claim}, archived=False)
            job = newest
        elif len(attempts) < MOST_ATTEMPTS:
            job = self.submit(jobs, inputs, f"{prefix}-{len(attempts) + 1}", claim)
        else:
            raise Failure(exhausted(jobs, attempts))
        ended = watch(jobs, job.name, inputs["waitMinutes"] * 60)
        if ended.failed:
            left = MOST_ATTEMPTS - max(len(attempts), attempt(ended))
            raise Failure(failure(jobs, ended, left))
        return ended.name, {
            "job": ended.name,
            "claim": claim,
            "experimentUri": ended.studio_uri,
            "metrics": figures(jobs, ended),
        }

    def submit(self, jobs: Jobs, inputs: Properties, name: str, claim: str) -> Job:
        """Starts one attempt."""
        status(f"submitting {name}")
        environment = ensure_environment(jobs.workspace, inputs["environment"])
        with tempfile.TemporaryDirectory() as folder:
            staged = Path(folder, "code")
            stage(ROOT, inputs["code"], staged)
            return jobs.submit(specification(inputs, name, claim, staged, environment))

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        """Gone when the job is deleted, or archived by somebody else."""
        job = Jobs(Workspace.from_inputs(properties["workspace"])).find(identifier)
        return None if job is None or job.archived else {}

    def release(self, identifier: str, properties: Properties) -> None:
        """Cancels a running job and archives it: it is the rollback history. `Retention` deletes it with the system."""
        jobs = Jobs(Workspace.from_inputs(properties["workspace"]))
        job = jobs.find(identifier)
        if job is None or job.tags.get("claim") != properties["claim"]:
            return
        if not job.ended:
            jobs.cancel(identifier)
        jobs.tag(job, {}, archived=True)


def specification(inputs: Properties, name: str, claim: str, code: Path, environment: str) -> JobSpecification:
    """What Azure ML is asked to run."""
    arguments = " ".join([*map(str, inputs["arguments"]), "--data ${{inputs.data}}", "--output ${{outputs.model}}"])
    return JobSpecification(
        name=name,
        experiment=inputs["system"],
        description=f"Training of {inputs['system']}",
        command=f"python -m {inputs['entry']} {arguments}".replace("  ", " "),
        code=code,
        environment=environment,
        compute=inputs["compute"],
        inputs={"data": inputs["dataReference"]},
        outputs=("model",),
        variables={
            "ORT_DISABLE_TELEMETRY": "1",
            "MLOPS_GIT_COMMIT": commit(),
            "MLOPS_DATA_DIGEST": inputs["dataDigest"],
        },
        tags={"claim": claim, "system": inputs["system"], "digest": inputs["digest"]},
        timeout_seconds=inputs["timeoutMinutes"] * 60,
    )


def explain(inputs: Properties, old: Properties) -> None:
    """Says, in previews too, which files make the job another one and what it may take at most."""
    if not old.get("digest") or old["digest"] == inputs["digest"]:
        return
    before, after = old.get("code", {}), inputs["code"]
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    reasons = [*changed, *(what for what, key in REASONS.items() if old.get(key) != inputs.get(key))]
    limit = f"{inputs['timeoutMinutes']} minutes of {inputs['compute']} at most"
    note(f"{inputs['system']} trains again because of: {', '.join(reasons)}; {limit}")


REASONS = {"packages": "environmentDigest", "data": "dataDigest", "arguments": "arguments", "drift": "generation"}


def attempt(job: Job) -> int:
    """The attempt's number, from the end of its name."""
    return int(job.name.rpartition("-")[2])


def failure(jobs: Jobs, job: Job, left: int) -> str:
    """Why a job failed, with the last lines it printed and what happens next."""
    going_on = (
        f"The next `pulumi up` tries again ({left} left)."
        if left
        else "It has failed three times: change something before the next `pulumi up`."
    )
    head = f"{job.name} {job.status.lower()}: {jobs.error(job.name) or 'no reason given'}"
    return f"{head}\n{tail(jobs, job)}\n{going_on} Log: {job.studio_uri}"


def exhausted(jobs: Jobs, attempts: Sequence[Job]) -> str:
    """Why there is no further attempt."""
    last = attempts[-1]
    names = ", ".join(job.name for job in attempts)
    head = f"{len(attempts)} attempts failed ({names}) and nothing about the job has changed since."
    fix = f"Change code, data or packages. The last lines of {last.name}:"
    return f"{head} {fix}\n{tail(jobs, last)}\nLog: {last.studio_uri}"


def commit() -> str:
    """The git commit of the checkout, for provenance; in no digest."""
    result = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"


class TrainingJob(Resource, module="ml", name="TrainingJob"):
    """Trains once for each identity of code, data and environment.

    `metrics` are the figures on the holdout set, `experimentUri` leads to the run.
    """

    outputs: ClassVar[tuple[str, ...]] = (
        "code",
        "environmentDigest",
        "digest",
        "job",
        "claim",
        "experimentUri",
        "metrics",
    )

    digest: pulumi.Output[str]
    job: pulumi.Output[str]
    experimentUri: pulumi.Output[str]  # noqa: N815 - the name in the state
    metrics: pulumi.Output[dict[str, float]]

    def __init__(
        self,
        name: str,
        *,
        system: str,
        workspace: Mapping[str, pulumi.Input[str]],
        compute: pulumi.Input[str],
        environment: str,
        entry: str,
        data_digest: pulumi.Input[str],
        data_reference: pulumi.Input[str],
        arguments: Sequence[str] = (),
        generation: pulumi.Input[int] = 0,
        timeout_minutes: int = 60,
        wait_minutes: int = 20,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "system": system,
            "workspace": workspace,
            "compute": compute,
            "environment": environment,
            "entry": entry,
            "dataDigest": data_digest,
            "dataReference": data_reference,
            "arguments": list(arguments),
            "generation": generation,
            "timeoutMinutes": timeout_minutes,
            "waitMinutes": wait_minutes,
        }
        super().__init__(TrainingJobProvider(), name, inputs, opts)
