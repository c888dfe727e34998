"""`ModelVersion`: the evaluated file in the model registry, exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pulumi

from ml.clients.datastore import Folder
from ml.clients.jobs import Jobs
from ml.clients.models import FILE, JOB, ModelRecord, Models
from ml.clients.workspace import Workspace
from ml.gate.challenger import copied_again
from ml.gate.evaluation import UNUSABLE
from ml.gate.winner import PROMOTED_FROM, canonical, promoted_version, to_properties
from ml.identity.values import Properties
from ml.jobs.trained_model import damaged, differs
from ml.progress import Failure, status
from ml.resources.base import Provider, Resource, new_claim

GOLDEN = "golden.json"


class ModelVersionProvider(Provider):
    """Identity: workspace, model and the digest of the file. What is known about it is written once and never again."""

    identity: ClassVar[tuple[str, ...]] = ("workspace", "model", "sha256")
    ignored: ClassVar[tuple[str, ...]] = ("source", "metrics", "provenance")

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """Adopts the version that holds this file, or registers it; then looks at the stored file itself.

        Raises:
            Failure: the stored file is another one; then nothing new stays in lists.
        """
        models, claim = Models(Workspace.from_inputs(inputs["workspace"]), inputs["model"]), new_claim()
        sha256 = inputs["sha256"]
        number = promoted_version(inputs["provenance"])
        there = models.registered(sha256, number)
        if there is not None:
            status(f"adopting {models.name}:{there.version}")
            check_stored(models, there, sha256)
            made = models.tag(there.version, {"claim": claim}, archived=False)
        else:
            made = register(models, inputs, claim, number)
        return sha256, {"version": made.version, "uri": made.uri, "claim": claim}

    def problem(self, properties: Properties) -> str:
        """The version was deleted, or archived by somebody else."""
        if self.observe("", properties) is not None:
            return ""
        return f"{properties['model']}:{properties['version']} is gone: it is registered again"

    def change(self, identifier: str, old: Properties, inputs: Properties) -> Properties:
        """Registers what is gone."""
        return self.ensure(inputs)[1]

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        """Gone when the version is deleted, or archived by somebody else."""
        models = Models(Workspace.from_inputs(properties["workspace"]), properties["model"])
        there = models.get(properties["version"])
        return None if there is None or there.archived else {"uri": there.uri}

    def release(self, identifier: str, properties: Properties) -> None:
        """Archives the version: it is the rollback history. `Retention` deletes it with the system."""
        models = Models(Workspace.from_inputs(properties["workspace"]), properties["model"])
        there = models.get(properties["version"])
        if there is not None and there.tags.get("claim") == properties["claim"]:
            models.archive(there.version)


def register(models: Models, inputs: Properties, claim: str, number: int | None) -> ModelRecord:
    """Registers the folder that holds the file, after a look at the file and before a second one. A promoted model
    keeps its number, which its image says of itself.
    """
    if number is not None and (taken := models.get(number)) is not None:
        raise Failure(number_taken(models, taken, inputs["provenance"]))
    uri, sha256 = inputs["source"]["uri"], inputs["sha256"]
    folder = Folder(models.workspace, uri)
    found = folder.sha256(FILE)
    if found != sha256:
        raise lost_since(models, inputs, f"{differs(uri + FILE, found, sha256)}: not registered")
    if GOLDEN not in folder.names():
        raise Failure(f"{uri} has no {GOLDEN}, so nothing could check the model once it serves: not registered")
    status(f"registering {models.name}")
    tags = {"claim": claim, "system": inputs["system"]}
    properties = to_properties(inputs["system"], inputs)
    words = description(inputs)
    if number is None:
        made = models.register(uri, properties=properties, tags=tags, description=words)
    else:
        made = models.register_as(number, uri, properties=properties, tags=tags, description=words)
    try:
        check_stored(models, made, sha256)
    except Failure:
        models.archive(made.version)
        raise
    return made


def number_taken(models: Models, taken: ModelRecord, provenance: Properties) -> str:
    """Why a promoted model cannot have its number, and what to do."""
    of = f", trained by {taken.properties[JOB]}" if taken.properties.get(JOB) else ""
    return (
        f"{models.name}:{taken.version} of workspace {models.workspace.name} is another model{of}, and the image of "
        f"{provenance[PROMOTED_FROM]} says that it serves version {taken.version}: not registered. Train on in the "
        "other stack until its number is free here, or give up the history here: take the system out once (`make up "
        "RETIRE=<system>`) and in again"
    )


def description(inputs: Properties) -> str:
    """The version in a few words for a person."""
    figures = ", ".join(f"{name} {value:.4f}" for name, value in canonical(inputs["metrics"]).items())
    job, data, commit = (inputs["provenance"][name] for name in ("job", "data", "commit"))
    source = inputs["provenance"].get(PROMOTED_FROM)
    where = f", promoted from {source}" if source else ""
    return f"On the holdout set: {figures}.\n\nTrained by {job} on data {data} at commit {commit}{where}."


def lost_since(models: Models, inputs: Properties, problem: str) -> Failure:
    """The failure to raise for a model that was damaged after the gate had promoted it. Its job and its evaluation are
    marked, so that the next `up` trains and judges again.
    """
    if inputs["provenance"].get(PROMOTED_FROM):
        return Failure(f"{problem}. {copied_again(inputs['provenance'])}")
    jobs = Jobs(models.workspace)
    training = jobs.find(inputs["source"]["job"])
    if training is None:
        return Failure(f"{problem}, and the job that wrote it is gone: give the TrainingJob another `generation`")
    for job in jobs.of_experiment(inputs["system"]):
        if job.tags.get("challenger") == training.name:
            jobs.tag(job, {UNUSABLE: "true"}, archived=True)
    return damaged(jobs, training, problem)


def check_stored(models: Models, record: ModelRecord, sha256: str) -> None:
    """Compares the stored file with what was evaluated.

    Raises:
        Failure: they differ.
    """
    stored = models.sha256_of(record.version)
    if stored != sha256:
        raise Failure(
            f"{models.name}:{record.version} holds a {FILE} with sha256 {stored or 'none, it is missing'}, evaluated "
            f"was {sha256}: somebody changed {record.uri}. Put the file back, or delete the version"
        )


class ModelVersion(Resource, module="ml", name="ModelVersion"):
    """One version of a model; its id is the sha256 of `model.onnx`."""

    outputs: ClassVar[tuple[str, ...]] = ("version", "uri", "claim")

    version: pulumi.Output[int]
    uri: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        system: str,
        model: str,
        workspace: Mapping[str, pulumi.Input[str]],
        sha256: pulumi.Input[str],
        source: pulumi.Input[Mapping[str, Any]],
        metrics: pulumi.Input[Mapping[str, Any]],
        provenance: pulumi.Input[Mapping[str, Any]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "system": system,
            "model": model,
            "workspace": workspace,
            "sha256": sha256,
            "source": source,
            "metrics": metrics,
            "provenance": provenance,
        }
        super().__init__(ModelVersionProvider(), name, inputs, opts)
