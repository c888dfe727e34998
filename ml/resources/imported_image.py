"""`ImportedImage`: the image that serves a promoted model in another stack, by its digest in this stack's registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pulumi

from ml.clients.models import Models
from ml.clients.registry import ContainerRegistry
from ml.clients.workspace import Workspace
from ml.identity.values import Properties
from ml.images import context as image_context
from ml.progress import Failure, note, status, wait
from ml.promotion.source import Source
from ml.resources.base import Provider, Resource, derived
from ml.rollout.core.models import CloudModels


class ImportedImageProvider(Provider):
    """Identity: registry, system and `tag`. Of a model that the gate has let through it is the digest of the image that
    the other stack serves; of a champion that the gate kept it is what it was, so that nothing follows.
    """

    identity: ClassVar[tuple[str, ...]] = ("registry", "system", "tag")
    ignored: ClassVar[tuple[str, ...]] = ("workspace", "model", "version", "sha256", "source")

    def derive(self, inputs: Properties, old: Properties) -> Properties:
        """The identity: unknown until the gate has decided."""
        version, sha256 = inputs["version"], inputs["sha256"]

        def tag() -> str:
            if is_promoted(inputs):
                return str(inputs["source"]["image"].rpartition("@")[2])
            if old.get("tag") and (old["version"], old["sha256"]) == (version, sha256):
                return str(old["tag"])
            return f"version-{version}"

        result = {**inputs, "tag": derived(tag, version, sha256)}
        if old.get("tag") and old["tag"] != result["tag"]:
            note(
                f"{inputs['system']} gets the image of stack {inputs['source']['stack']} if the gate lets its model in"
            )
        return result

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """Imports the image by its digest; of a champion that stays, finds the one that it serves in.

        Raises:
            Failure: the registry then has another image, or that of the champion is not known.
        """
        registry = ContainerRegistry.from_inputs(inputs["registry"])
        image = imported(registry, inputs) if is_promoted(inputs) else champions(registry, inputs)
        return inputs["tag"], {"image": image, "digest": image.rpartition("@")[2]}

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        """Gone when the image is deleted."""
        registry = ContainerRegistry.from_inputs(properties["registry"])
        repository = image_context.repository(properties["system"])
        return {} if registry.digest(repository, properties["digest"]) else None

    def release(self, identifier: str, properties: Properties) -> None:
        """Leaves the image: it is the rollback history. `Retention` deletes it with the system."""


def is_promoted(inputs: Properties) -> bool:
    """Whether the gate has let through what the other stack serves, and not kept something else."""
    source = inputs["source"]
    return (inputs["version"], inputs["sha256"]) == (source.get("version"), source.get("sha256"))


def imported(registry: ContainerRegistry, inputs: Properties) -> str:
    """The image of the other stack in this registry, by its digest."""
    source = Source.from_inputs(inputs["model"], inputs["source"])
    name, _, digest = source.image.partition("@")
    repository, tag = image_context.repository(inputs["system"]), f"{source.stack}-{digest.partition(':')[2][:12]}"
    if registry.digest(repository, tag) is None:
        status(f"importing {source.image}")
        registry.import_image(source.image, f"{repository}:{tag}", registry_id=source.registry_id, wait=wait)
    found = registry.digest(repository, tag)
    if found != digest:
        raise Failure(
            f"{registry.reference(repository, tag)} is {found or 'missing'}, but stack {source.stack} serves {digest} "
            f"({name}): nothing is rolled out. Delete the tag, then run `pulumi up` again"
        )
    registry.lock(repository, tag)
    return registry.reference(repository, digest)


def champions(registry: ContainerRegistry, inputs: Properties) -> str:
    """The image that the champion serves in, which stays."""
    models = Models(Workspace.from_inputs(inputs["workspace"]), inputs["model"])
    image = CloudModels(models).image(inputs["version"])
    if not image or not registry.digest(image_context.repository(inputs["system"]), image.rpartition("@")[2]):
        raise Failure(
            f"{inputs['model']}:{inputs['version']} stays, but the image that it served in ({image or 'not noted'}) is "
            f"not in {registry.login_server} any more: `make promote SYSTEM={inputs['system']} VERSION=n` names "
            "another version (`make runs`)"
        )
    return image


class ImportedImage(Resource, module="ml", name="ImportedImage"):
    """The image that serves a promoted model: `image` names it by its digest, the same as in the other stack.

    Args:
        version: number of the model that the gate lets through, here and there.
        sha256: digest of its file.
        source: what the other stack says (`infra.model_source.SourceStack.model`).
    """

    outputs: ClassVar[tuple[str, ...]] = ("tag", "image", "digest")

    tag: pulumi.Output[str]
    image: pulumi.Output[str]
    digest: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        system: str,
        model: str,
        version: pulumi.Input[int],
        sha256: pulumi.Input[str],
        workspace: Mapping[str, pulumi.Input[str]],
        registry: Mapping[str, pulumi.Input[str]],
        source: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "system": system,
            "model": model,
            "version": version,
            "sha256": sha256,
            "workspace": workspace,
            "registry": registry,
            "source": dict(source),
        }
        super().__init__(ImportedImageProvider(), name, inputs, opts)
