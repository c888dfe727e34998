"""Serves dynamic resources for a throwaway state: each is there at once, with what the program gave it.

`check` and `diff` are the checkout's own, so that identities and replacements are exact; nothing is made, and no cloud
is asked. What a run would have found out is a placeholder that follows from the inputs. Run by the launcher in
`tools/bin` of any checkout, older ones too: everything of `ml` comes from that checkout.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

FIXED = {"vanished": False, "createMode": "", "verdict": "promoted", "servedBefore": "", "against": 0}
"""Outputs that providers read again, so that a placeholder would mean something."""


def placeholders(provider: type, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each output that the resource class beside this provider declares and the inputs do not hold."""
    module = sys.modules[provider.__module__]
    found = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == provider.__module__]
    resource: Any = next(one for one in found if isinstance(getattr(one, "outputs", None), tuple))
    names = (*resource.outputs, *(name for name in resource.__annotations__ if name in FIXED))
    missing = [name for name in dict.fromkeys(names) if inputs.get(name) is None]
    return {name: placeholder(name, str(resource.__annotations__.get(name, "")), mark(inputs)) for name in missing}


def placeholder(name: str, annotation: str, digits: str) -> Any:
    """A value that an output of this name and type could have."""
    if name in FIXED:
        return FIXED[name]
    if name in ("sha256", "digest", "image"):
        whole = hashlib.sha256(digits.encode()).hexdigest()
        return whole if name == "sha256" else f"{'registry.invalid/image@' if name == 'image' else ''}sha256:{whole}"
    if "dict[" in annotation:
        return {}
    return 1 if "[int]" in annotation else f"{name}-{digits}"


def mark(inputs: Mapping[str, Any]) -> str:
    """Twelve digits that follow from the inputs."""
    shown = json.dumps(
        {key: value for key, value in inputs.items() if key != "__provider"}, sort_keys=True, default=str
    )
    return hashlib.sha256(shown.encode()).hexdigest()[:12]


def quiet_cloud() -> None:
    """Nobody is signed in, whatever this machine has: a token is refused without being asked for."""
    from ml.clients import cloud
    from ml.clients.errors import CloudError

    def refused(*_: Any) -> NoReturn:
        raise CloudError("a throwaway state asks no cloud", status=401)

    vars(cloud).update(token=refused, credential=refused)


def echo(base: Any) -> None:
    """Puts echoes in the place of what makes, reads, changes and removes."""
    from pulumi import dynamic

    def create(self: Any, props: dict[str, Any]) -> Any:
        inputs = base.plain(props)
        outputs = {**inputs, **placeholders(type(self), inputs)}
        return dynamic.CreateResult(f"echo-{mark(inputs)}", outputs)

    def update(self: Any, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> Any:
        new = {key: value for key, value in base.plain(_news).items() if value is not None}
        return dynamic.UpdateResult({**base.plain(_olds), **new})

    def read(self: Any, id_: str, props: dict[str, Any]) -> Any:
        return dynamic.ReadResult(id_, base.plain(props))

    def delete(self: Any, _id: str, _props: dict[str, Any]) -> None:
        return None

    for method in (create, update, read, delete):
        setattr(base.Provider, method.__name__, method)


def serve(engine: str) -> NoReturn:
    """Serves dynamic resources to the engine at this address until the CLI ends."""
    quiet_cloud()
    from ml.resources import base, host

    echo(base)
    host.serve(engine)
