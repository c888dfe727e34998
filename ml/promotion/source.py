"""A model that serves in another stack: what that stack says of it, and what its own workspace has registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml.clients.models import ModelRecord, Models
from ml.clients.workspace import Workspace
from ml.progress import Failure


@dataclass(frozen=True)
class Source:
    """The version to promote. `image` names the image that serves it, by digest; `registry_id` is the ARM id of the
    registry which that is in.
    """

    stack: str
    model: str
    version: int
    sha256: str
    image: str
    registry_id: str
    workspace: Workspace

    @classmethod
    def from_inputs(cls, model: str, inputs: Mapping[str, Any]) -> Source:
        """What a resource's `source` input names.

        Raises:
            Failure: it names a problem instead: the other stack serves nothing that could be promoted.
        """
        if problem := inputs.get("problem"):
            raise Failure(f"{model} is not promoted: {problem}")
        return cls(
            stack=inputs["stack"],
            model=model,
            version=int(inputs["version"]),
            sha256=inputs["sha256"],
            image=inputs["image"],
            registry_id=inputs["registryId"],
            workspace=Workspace.from_inputs(inputs["workspace"]),
        )

    @property
    def name(self) -> str:
        """`bike-buyer:7 of stack dev`."""
        return f"{self.model}:{self.version} of stack {self.stack}"

    @property
    def label(self) -> str:
        """The same as a property of the version that is made of it: `dev:7`."""
        return f"{self.stack}:{self.version}"

    @property
    def again(self) -> str:
        """What makes the other stack say what is true now."""
        return f"run `make refresh STACK={self.stack}` and `make up STACK={self.stack}`, then this again"

    def record(self) -> ModelRecord:
        """The version in the workspace that it comes from.

        Raises:
            Failure: it is gone, it is another model than the stack says, or it was rejected since.
        """
        found = Models(self.workspace, self.model).get(self.version)
        if found is None:
            raise Failure(f"{self.name} is not in its workspace {self.workspace.name} any more: {self.again}")
        if found.sha256 != self.sha256:
            raise Failure(
                f"{self.name} is registered there with sha256 {found.sha256 or 'none'}, the stack says that "
                f"{self.sha256} serves: nothing is promoted; {self.again}"
            )
        reason = found.rejections.get(self.image.rpartition("@")[2])
        if reason is not None:
            said = reason or "no reason given"
            raise Failure(f"{self.name} was rejected there ({said}): nothing is promoted; {self.again}")
        return found
