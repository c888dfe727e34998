"""What has been shown where, by type of resource, as a page: docs/proof.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import emulator.server  # noqa: F401 - brings every service's types in
from emulator.arm.types import KEPT
from emulator.declared.types import Declared
from emulator.resource_id import ResourceId
from emulator.service import ResourceType
from emulator.storage.container_types import ManagementPolicy
from tests.program.azure.declared import Declared as Stack
from tests.program.azure.declared import Resource

HEAD = """# What has been shown, and where

Generated from the stacks, the table of resource types and the emulator's services; `{command}` writes it anew.

**Nothing of this version has run on a live subscription.** What there is instead, for every type of resource that a
stack declares:

- *checked*: in every stack and network profile each request's body is held strictly to Azure's published model of
  this API version, and each name to Azure's limits (`tests/program/test_held_to_azure.py`). Where another version is
  sent, both are named.
- *works*: what stands behind the type on the emulator does what it is for: jobs run, images are built, roles are
  enforced. [emulator.md](emulator.md) says how, and what is missing.
- *answers*: the emulator has a document with what Azure adds to it (addresses, ids, states), and nothing behind it.
- *keeps*: the emulator has a document that is kept as it is told.

On the emulator the whole platform is made, read back without a difference, changed and deleted by another hand,
repaired and destroyed, in all three network profiles (`tests/local/test_platform_life.py`); not so the stack
`bootstrap`. That bodies follow the models does not show that Azure accepts them
together: quotas, regions, policies of a tenant, and how long things take, show themselves on a subscription only.
`make doctor STACK=dev` asks one for most of that before anything is made.

"""
STEPS = """
## The life of a model

The steps of a system are resources of this project, not of Azure; behind each stands an unmodified SDK or a documented
API.

| step | on the emulator | on Azure |
|---|---|---|
| data version, training job, quality gate, model version | real files, processes, MLflow and figures | not run |
| container image | a real image from the registry's build task; Azure builds the same context | not run |
| rollout to an online endpoint or to container groups | the image runs, traffic shifts, clients are counted | not run |
| rollout to Kubernetes, edge deployment, batch scoring | not there yet | not run |
"""


def proof_page(command: str, stacks: Iterable[Stack]) -> str:
    """The page; `command` writes it."""
    return HEAD.format(command=command) + "\n".join(_rows(list(stacks))) + "\n" + STEPS


def _rows(stacks: list[Stack]) -> Iterator[str]:
    yield "| type | checked | emulator | Azure |"
    yield "|---|---|---|---|"
    levels = _levels()
    found = {ResourceId.parse(one.id).type: one for stack in stacks for one in stack.resources}
    for arm_type, one in sorted(found.items(), key=lambda item: item[0].lower()):
        level = levels[arm_type.lower()]
        yield f"| {arm_type.removeprefix('Microsoft.')} | {_version(one)} | {level} | not run |"


def _version(one: Resource) -> str:
    sent, checked = one.entry.api_version, one.entry.model_api_version
    return sent if sent == checked else f"{checked}, sent {sent}"


def _levels() -> dict[str, str]:
    """What the emulator does for each type, in lower case."""
    levels = {kind.type.lower(): _level(kind) for kind in _kinds(ResourceType) if kind.type}
    return levels | {kind.lower(): "keeps" for kind in KEPT}


def _level(kind: type[ResourceType]) -> str:
    if issubclass(kind, ManagementPolicy):  # nothing grows old here
        return "keeps"
    if issubclass(kind, Declared):
        return "answers"
    own = {name for one in kind.__mro__ if one not in ResourceType.__mro__ for name in vars(one)}
    return "works" if own & {"prepare", "apply", "remove", "implicit"} else "keeps"


def _kinds(kind: type[ResourceType]) -> Iterator[type[ResourceType]]:
    for one in kind.__subclasses__():
        yield one
        yield from _kinds(one)
