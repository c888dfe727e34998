"""Where the models of a stack come from: trained in it, or promoted from another stack, in which they serve."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime.rpc import UNKNOWN

from infra.deployed import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAIN, PROMOTE = "train", "promote:"
STACK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
# The function behind a reference to a stack, asked here so that what is missing can be told in a sentence.
READ = "pulumi:pulumi:readStackOutputs"
NO_STACK = "unknown stack"
"""What the engine says of a stack that its backend does not have."""
WORKSPACE: Mapping[str, str] = {
    "subscriptionId": "subscriptionId",
    "resourceGroupName": "resourceGroup",
    "workspaceName": "workspace",
}
"""What names a workspace to our resources, and the outputs of a stack's platform that say it."""


def known_source(text: str) -> str:
    """The value of `mlops:modelSource`, if it is one.

    Raises:
        ValueError: it is not; the message says what to write.
    """
    name = text.removeprefix(PROMOTE)
    if text == TRAIN or (name != text and STACK_NAME.fullmatch(name)):
        return text
    raise ValueError(
        f"{text!r} is no source of models: write train, or promote:<stack> with the name of the stack whose models "
        "are promoted, such as promote:dev"
    )


@dataclass(frozen=True)
class SourceStack:
    """Another stack of the same project and backend. `problem` says why nothing is known of it; "" when it is read.

    What it serves is known only once it has been deployed, so whatever is missing is told with the system that needs
    it: a preview goes on, an `up` fails for that system alone.
    """

    name: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @classmethod
    def read(cls, name: str) -> SourceStack:
        """What the backend has of it."""
        try:
            found = ask(READ, {"name": f"{pulumi.get_organization()}/{pulumi.get_project()}/{name}"})
        except Exception as error:  # as in `ask`
            if NO_STACK not in str(error):
                raise
            return cls(name, problem=f"there is no stack {name!r} where the state of this stack is")
        return cls(name, dict(found.get("outputs") or {}))

    def model(self, system: str) -> dict[str, Any]:
        """The version of a system's model that serves there, as our resources take it: `stack`, `version`, `sha256`,
        `image` (by digest), `registryId` and `workspace`; or `stack` and the `problem`, in words for a person.
        """
        problem = "; ".join(self._problems(system))
        if problem:
            return {"stack": self.name, "problem": problem}
        platform, model = self.outputs["platform"], self.outputs[system]["model"]
        return {
            "stack": self.name,
            "version": int(model["version"]),
            "sha256": model["sha256"],
            "image": model["image"],
            "registryId": platform["registryId"],
            "workspace": {key: platform[output] for key, output in WORKSPACE.items()},
        }

    def _problems(self, system: str) -> Iterator[str]:
        fix = f"`make up STACK={self.name}`"
        if self.problem:
            yield self.problem
        elif not self.outputs:
            yield f"stack {self.name} has not been deployed yet: {fix}"
        elif system not in self.outputs:
            yield f"stack {self.name} has no system {system}: add it to mlops:systems there, then {fix}"
        elif not _known(self.outputs[system], "model", "version"):
            yield f"stack {self.name} serves no version of {system} that its gate has approved: {fix}"
        elif missing := [*_missing(self.outputs.get("platform"), *WORKSPACE.values(), "registryId")] or [
            *_missing(self.outputs[system].get("model"), "sha256", "image")
        ]:
            yield f"stack {self.name} does not say {', '.join(missing)}: bring it up with this program first, {fix}"


def _missing(value: Any, *names: str) -> Iterator[str]:
    yield from (name for name in names if not _known(value, name))


def _known(value: Any, *path: str) -> bool:
    """Whether there is something at a path; of what an `up` of another system left out, the engine says nothing."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return bool(value) and value != UNKNOWN
