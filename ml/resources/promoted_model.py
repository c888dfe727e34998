"""`PromotedModel`: the files of a model that serves in another stack, in this stack's own storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pulumi

from ml.clients.workspace import Workspace
from ml.gate.winner import PROMOTED_FROM, UnusableModel, from_record
from ml.identity.digest import digest
from ml.identity.values import Properties
from ml.progress import Failure, note
from ml.promotion.copy import ensure_copy, is_whole
from ml.promotion.source import Source
from ml.resources.base import Provider, Resource


class PromotedModelProvider(Provider):
    """Identity: workspace, system and digest, which is that of the version and its file. It takes the place of the
    training job where a stack promotes.
    """

    identity: ClassVar[tuple[str, ...]] = ("workspace", "system", "digest")
    ignored: ClassVar[tuple[str, ...]] = ("source",)

    def derive(self, inputs: Properties, old: Properties) -> Properties:
        """The identity; says, in previews too, what is promoted, or why nothing is."""
        source = inputs["source"]
        found = digest(source.get("version"), source.get("sha256"))
        if problem := source.get("problem"):
            note(f"{inputs['system']}: what stack {source['stack']} serves is not known here: {problem}")
        elif old.get("digest") and old["digest"] != found:
            note(f"{inputs['system']}: version {source['version']} of stack {source['stack']} is promoted")
        return {**inputs, "digest": found}

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """Copies the files unless they are there.

        Raises:
            Failure: the other stack serves nothing, or not what it says; or a file is not what was evaluated there.
        """
        source = Source.from_inputs(inputs["model"], inputs["source"])
        found = source.record()
        try:
            origin = from_record(source.model, found).outputs["provenance"]
        except UnusableModel as error:
            raise Failure(f"stack {source.stack}: {error}: it cannot be promoted") from None
        uri = ensure_copy(source, found, Workspace.from_inputs(inputs["workspace"]), inputs["system"])
        provenance = {**origin, PROMOTED_FROM: source.label, "sha256": source.sha256}
        return source.label, {"artefact": uri, "job": origin["job"], "provenance": provenance}

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        """Gone when a file of the copy is missing or another one: the next `up` copies it again."""
        workspace = Workspace.from_inputs(properties["workspace"])
        return {} if is_whole(workspace, properties["artefact"], properties["provenance"]["sha256"]) else None

    def release(self, identifier: str, properties: Properties) -> None:
        """Leaves the files: they are the rollback history. `Retention` deletes them with the system."""


class PromotedModel(Resource, module="ml", name="PromotedModel"):
    """What `QualityGate` judges where a stack promotes: `artefact` is the URI of the folder with the copied files,
    `job` the training job in the other stack, `provenance` where the model comes from.

    Args:
        source: what the other stack says (`infra.model_source.SourceStack.model`).
    """

    outputs: ClassVar[tuple[str, ...]] = ("digest", "artefact", "job", "provenance")

    digest: pulumi.Output[str]
    artefact: pulumi.Output[str]
    job: pulumi.Output[str]
    provenance: pulumi.Output[dict[str, str]]

    def __init__(
        self,
        name: str,
        *,
        system: str,
        model: str,
        workspace: Mapping[str, pulumi.Input[str]],
        source: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"system": system, "model": model, "workspace": workspace, "source": dict(source)}
        super().__init__(PromotedModelProvider(), name, inputs, opts)
