"""`TrainingJob`: one Azure ML command job for one identity of code, data and environment."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pulumi

from ml.clients.datastore import folder_uri
from ml.clients.jobs import Job, Jobs, JobSpecification
from ml.clients.workspace import Workspace
from ml.identity.code import CodeError, job_files, stage
from ml.identity.digest import digest
from ml.identity.environment import EnvironmentFileError, ensure_environment, environment_digest
from ml.identity.values import Properties, some
from ml.jobkit.plan import parse
from ml.jobs.attempts import MOST_ATTEMPTS, earlier, exhausted, job_prefix, release_job
from ml.jobs.variables import job_variables
from ml.progress import Failure, note, status
from ml.resources.base import InputError, Provider, Resource, derived, new_claim, quieten, unknown

ROOT = Path()


class TrainingJobProvider(Provider):
    """Identity: workspace, system and digest. What it may cost is no part of it."""

    identity: ClassVar[tuple[str, ...]] = ("workspace", "system", "digest")
    ignored: ClassVar[tuple[str, ...]] = ("timeoutMinutes", "compute", "code", "environmentDigest", "dataReference")

    def derive(self, inputs: Properties, old: Properties) -> Properties:
        """The job's digest, and the digest of every file it is made of, so that a preview can name the one that
        changed.
        """
        try:
            plan = parse(inputs["system"], inputs["plan"])
            code = job_files(ROOT, inputs["entry"], plan, trainer=True)
            environment = environment_digest(inputs["environment"])
        except CodeError as error:
            raise InputError("entry", str(error)) from None
        except EnvironmentFileError as error:
            raise InputError("environment", str(error)) from None
        made_of = (code, environment, inputs["entry"], inputs["plan"], inputs["arguments"])
        parts = (*made_of, inputs["dataDigest"], inputs["generation"])
        known = {"code": code, "environmentDigest": environment, "digest": derived(lambda: digest(*parts), *parts)}
        result = {**inputs, **known}
        explain(result, old)
        return result

    def problem(self, properties: Properties) -> str:
        """The job failed or was damaged since: nothing waits for it here, so only the cloud knows, and the next `up`
        tries again.
        """
        job = properties.get("job")
        found = Jobs(Workspace.from_inputs(properties["workspace"])).peek(job) if job else None
        if found is None or not found.spoiled:
            return ""
        return f"{job} {'failed' if found.failed else 'is damaged'}: the next attempt follows"

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """Adopts the newest attempt that runs or ended well and is whole, else starts the next one. Does not wait."""
        jobs, claim = Jobs(Workspace.from_inputs(inputs["workspace"])), new_claim()
        prefix = job_prefix(inputs["system"], inputs["digest"])
        attempts = jobs.attempts(prefix)
        newest = attempts[-1] if attempts else None
        if newest is not None and not newest.spoiled:
            status(f"adopting {newest.name}: {newest.status}")
            jobs.tag(newest, {"claim": claim}, archived=False)
            job = newest
        elif len(attempts) < MOST_ATTEMPTS:
            job = self.submit(jobs, inputs, f"{prefix}-{len(attempts) + 1}", claim)
        else:
            raise Failure(exhausted(jobs, attempts))
        place = {"job": job.name, "artefact": artefact(inputs["system"], job.name)}
        return prefix, {**place, "claim": claim, "experimentUri": job.studio_uri}

    def change(self, identifier: str, old: Properties, inputs: Properties) -> Properties:
        """Starts the next attempt when the last one failed or was damaged."""
        return self.ensure(inputs)[1]

    def submit(self, jobs: Jobs, inputs: Properties, name: str, claim: str) -> Job:
        """Starts one attempt."""
        status(f"submitting {name}")
        environment = ensure_environment(jobs.workspace, inputs["environment"])
        with tempfile.TemporaryDirectory() as folder:
            staged = Path(folder, "code")
            stage(ROOT, inputs["code"], parse(inputs["system"], inputs["plan"]), staged)
            return jobs.submit(specification(inputs, name, claim, staged, environment))

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        """Gone when the job is deleted, or archived by somebody else."""
        job = Jobs(Workspace.from_inputs(properties["workspace"])).find(properties["job"])
        return None if job is None or job.archived else {}

    def release(self, identifier: str, properties: Properties) -> None:
        """Cancels a running job and archives it: it is the rollback history. `Retention` deletes it with the system."""
        release_job(Jobs(Workspace.from_inputs(properties["workspace"])), properties["job"], properties["claim"])


def artefact(system: str, job: str) -> str:
    """Where a job of the system leaves its model: a place that follows from the job's name alone."""
    return folder_uri(f"systems/{system}/jobs/{job}/model")


def specification(inputs: Properties, name: str, claim: str, code: Path, environment: str) -> JobSpecification:
    """What Azure ML is asked to run."""
    folders = ("--data ${{inputs.data}}", "--output ${{outputs.model}}")
    arguments = " ".join([f"--system {inputs['system']}", *map(str, inputs["arguments"]), *folders])
    return JobSpecification(
        name=name,
        experiment=inputs["system"],
        description=f"Training of {inputs['system']}",
        command=f"python -m {inputs['entry']} {arguments}",
        code=code,
        environment=environment,
        compute=inputs["compute"],
        inputs={"data": inputs["dataReference"]},
        outputs={"model": artefact(inputs["system"], name)},
        variables=job_variables(inputs),
        tags={"claim": claim, "system": inputs["system"], "digest": inputs["digest"], "kind": "training"},
        timeout_seconds=inputs["timeoutMinutes"] * 60,
    )


def explain(inputs: Properties, old: Properties) -> None:
    """Says, in previews too, which files make the job another one, and which earlier job is taken up or what a new one
    may take at most.
    """
    if not old.get("digest") or old["digest"] == inputs["digest"]:
        return
    if (taken := adopted(inputs)) is not None:
        head = f"{inputs['system']} takes up its earlier job {taken.name} ({taken.status.lower()})"
        note(f"{head} because of: {some(reasons(old, inputs))}")
        return
    limit = f"{inputs['timeoutMinutes']} minutes of {inputs['compute']} at most"
    note(f"{inputs['system']} trains again because of: {some(reasons(old, inputs))}; {limit}")


def adopted(inputs: Properties) -> Job | None:
    """The job that is taken up instead of a new one, as far as it is known now."""
    if unknown(inputs["digest"]) or unknown(inputs["workspace"]):
        return None
    quieten()
    return earlier(Jobs(Workspace.from_inputs(inputs["workspace"])), inputs["system"], inputs["digest"])


def reasons(old: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[str]:
    """What makes a job another one: its changed files, then whatever else it is made of."""
    before, after = old.get("code", {}), inputs["code"]
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    settings = changed_settings(old.get("plan"), inputs.get("plan"))
    return [*changed, *settings, *(what for what, key in REASONS.items() if old.get(key) != inputs.get(key))]


def changed_settings(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[str]:
    """What `system.py` says otherwise than before: `rounds 200 -> 250`."""
    if not old or not new:  # a job of before there were plans
        return []
    found = []
    for part in ("task", "trainer"):
        before, after = old[part], new[part]
        if before["kind"] != after["kind"]:
            found.append(f"{part} {before['kind']} -> {after['kind']}")
            continue
        names = sorted(before["options"].keys() | after["options"].keys())
        values = [(name, before["options"].get(name), after["options"].get(name)) for name in names]
        found += [f"{name} {was} -> {now}" for name, was, now in values if was != now]
    return [*found, *(["files"] if old["files"] != new["files"] else [])]


REASONS = {"packages": "environmentDigest", "data": "dataDigest", "arguments": "arguments", "drift": "generation"}


class TrainingJob(Resource, module="ml", name="TrainingJob"):
    """Trains once for each identity of code, data and environment; `QualityGate` waits for it.

    `artefact` is the URI of the folder the model will be in, `experimentUri` leads to the run. Another `generation`
    trains again although nothing else has changed.
    """

    outputs: ClassVar[tuple[str, ...]] = (
        "code",
        "environmentDigest",
        "digest",
        "job",
        "artefact",
        "claim",
        "experimentUri",
    )

    digest: pulumi.Output[str]
    job: pulumi.Output[str]
    artefact: pulumi.Output[str]
    experimentUri: pulumi.Output[str]  # noqa: N815 - the name in the state

    def __init__(
        self,
        name: str,
        *,
        system: str,
        workspace: Mapping[str, pulumi.Input[str]],
        compute: pulumi.Input[str],
        environment: str,
        entry: str,
        plan: Mapping[str, Any],
        data_digest: pulumi.Input[str],
        data_reference: pulumi.Input[str],
        arguments: Sequence[str] = (),
        generation: pulumi.Input[int] = 0,
        timeout_minutes: int = 60,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "system": system,
            "workspace": workspace,
            "compute": compute,
            "environment": environment,
            "entry": entry,
            "plan": dict(plan),
            "dataDigest": data_digest,
            "dataReference": data_reference,
            "arguments": list(arguments),
            "generation": generation,
            "timeoutMinutes": timeout_minutes,
        }
        super().__init__(TrainingJobProvider(), name, inputs, opts)
