"""`ContainerImage`: the scoring server with one registered model in it, as an image in the registry."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pulumi

from ml.clients.models import FILE, ModelRecord, Models
from ml.clients.registry import ContainerRegistry
from ml.clients.registry_builds import RegistryBuilds
from ml.clients.workspace import Workspace
from ml.identity.code import CodeError
from ml.identity.environment import EnvironmentFileError
from ml.identity.values import Properties, some
from ml.images import context as image_context
from ml.images.packages import packages_folder
from ml.progress import Failure, note, status, wait
from ml.resources.base import InputError, Provider, Resource, derived

ROOT = Path()
REFRESH = "run `pulumi refresh`, then `pulumi up` again"
_building: dict[str, threading.Lock] = defaultdict(threading.Lock)


class ContainerImageProvider(Provider):
    """Identity: registry, system and the digest of everything in the image, which is the image's tag."""

    identity: ClassVar[tuple[str, ...]] = ("registry", "system", "tag")
    ignored: ClassVar[tuple[str, ...]] = (
        "workspace",
        "code",
        "environmentTag",
        "environment",
        "timeoutMinutes",
        "gateway",
    )

    def derive(self, inputs: Properties, old: Properties) -> Properties:
        """The image's tag, and the digest of every file of ours in it, so that a preview can name what changed."""
        try:
            features = ROOT / "ml" / "systems" / inputs["system"] / "features.yaml"
            code = image_context.scoring_code(ROOT, features, gateway=bool(inputs.get("gateway")))
            environment = image_context.environment_tag(inputs["environment"])
        except CodeError as error:
            raise InputError("system", str(error)) from None
        except EnvironmentFileError as error:
            raise InputError("environment", str(error)) from None
        model = (inputs[name] for name in image_context.MODEL_INPUTS)
        tag = derived(lambda: image_context.context_tag(inputs, code, environment), *model)
        result = {**inputs, "code": code, "environmentTag": environment, "tag": tag}
        explain(result, old)
        return result

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """Adopts the image with this tag, or builds it.

        Raises:
            Failure: the registered file is not the one that was evaluated, or the build failed.
        """
        registry = ContainerRegistry.from_inputs(inputs["registry"])
        repository, tag = image_context.repository(inputs["system"]), inputs["tag"]
        digest = registry.digest(repository, tag)
        if digest is None:
            digest = self.build(registry, inputs)
        else:
            status(f"adopting {repository}:{tag}")
        registry.lock(repository, tag)
        return tag, {"image": registry.reference(repository, digest), "digest": digest}

    def build(self, registry: ContainerRegistry, inputs: Properties) -> str:
        """Builds the environment's image unless it is there, and the scoring image on top of it; its digest."""
        environment = ensure_environment(registry, inputs)
        models = Models(Workspace.from_inputs(inputs["workspace"]), inputs["model"])
        record = models.get(inputs["version"])
        if record is None:
            raise Failure(f"there is no {inputs['model']}:{inputs['version']} in the model registry: {REFRESH}")
        with tempfile.TemporaryDirectory() as temporary:
            status(f"fetching {inputs['model']}:{inputs['version']}")
            model = models.files(inputs["version"], Path(temporary, "model"))
            check(model, record, inputs)
            context = Path(temporary, "context")
            context.mkdir()
            image_context.fill(context, ROOT, inputs, model, record.properties, environment)
            return build(registry, context, f"{image_context.repository(inputs['system'])}:{inputs['tag']}", inputs)

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        """Gone when the image is deleted. Whoever uses it names it by digest, so where its tag points matters no
        more.
        """
        registry = ContainerRegistry.from_inputs(properties["registry"])
        repository = image_context.repository(properties["system"])
        return {} if registry.digest(repository, properties["digest"]) else None

    def release(self, identifier: str, properties: Properties) -> None:
        """Leaves the image: it is the rollback history. `Retention` deletes it with the system."""


def ensure_environment(registry: ContainerRegistry, inputs: Properties) -> str:
    """The image with the environment's packages by digest, built when it is not there."""
    repository, tag = image_context.ENVIRONMENT_REPOSITORY, inputs["environmentTag"]
    # Several systems share it: of those that are built at once, one builds it.
    with _building[f"{registry.login_server} {tag}"]:
        digest = registry.digest(repository, tag)
        if digest is None:
            base = ensure_base(registry)
            status(f"installing the packages of environment '{inputs['environment']}'")
            packages = packages_folder(inputs["environment"], tag)
            with tempfile.TemporaryDirectory() as folder:
                image_context.fill_environment(Path(folder), packages, base, inputs["environment"])
                digest = build(registry, Path(folder), f"{repository}:{tag}", inputs)
        registry.lock(repository, tag)
    return registry.reference(repository, digest)


def ensure_base(registry: ContainerRegistry) -> str:
    """The base image by digest, imported when it is not there."""
    repository, _, tag = image_context.BASE.partition(":")
    digest = registry.digest(repository, tag)
    if digest is None:
        status(f"importing {image_context.SOURCE}")
        registry.import_image(image_context.SOURCE, image_context.BASE, wait=wait)
        digest = registry.digest(repository, tag)
    if digest is None:
        raise Failure(f"{image_context.SOURCE} was imported, but {registry.login_server} has no {image_context.BASE}")
    return registry.reference(repository, digest)


def build(registry: ContainerRegistry, context: Path, image: str, inputs: Properties) -> str:
    """Builds a context, with the state of the build on the resource's row."""
    return RegistryBuilds(registry, inputs["registry"].get("agentPool") or "").build(
        context,
        image,
        timeout_seconds=inputs["timeoutMinutes"] * 60,
        progress=lambda text: status(f"{image}: {text}"),
        wait=wait,
    )


def check(model: Path, record: ModelRecord, inputs: Properties) -> None:
    """Compares the registered file with the one that was evaluated.

    Raises:
        Failure: they differ, or a file is missing.
    """
    name = f"{inputs['model']}:{record.version}"
    for file in image_context.MODEL_FILES:
        if not (model / file).is_file():
            raise Failure(f"{name} has no {file} at {record.uri}: no image is built from it")
    with (model / FILE).open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != inputs["sha256"]:
        raise Failure(
            f"{name} holds a {FILE} with sha256 {found}, evaluated was {inputs['sha256']}: no image is built from it. "
            f"Somebody changed {record.uri}; put the file back, or delete the version"
        )


def explain(inputs: Properties, old: Properties) -> None:
    """Says, in previews too, what makes the image another one."""
    if not old.get("tag") or old["tag"] == inputs["tag"]:
        return
    before, after = old.get("code", {}), inputs["code"]
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    reasons = [*changed, *(what for what, key in REASONS.items() if old.get(key) != inputs[key])]
    note(f"{inputs['system']} gets another image because of: {some(reasons)}")


REASONS = {"packages": "environmentTag", "model": "sha256"}


class ContainerImage(Resource, module="ml", name="ContainerImage"):
    """The image that serves a model version: `image` names it by digest, `tag` is the digest of what it is made of.
    With `gateway` it can stand before others too (`python -m ml.scoring.gateway`).
    """

    outputs: ClassVar[tuple[str, ...]] = ("code", "environmentTag", "tag", "image", "digest")

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
        environment: str = "scoring",
        timeout_minutes: int = 30,
        gateway: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs: dict[str, Any] = {
            "system": system,
            "model": model,
            "version": version,
            "sha256": sha256,
            "workspace": workspace,
            "registry": registry,
            "environment": environment,
            "timeoutMinutes": timeout_minutes,
            "gateway": gateway or None,
        }
        super().__init__(ContainerImageProvider(), name, inputs, opts)
