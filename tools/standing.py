"""How every system of a stack stands: what the stack says, what the cloud says now, and what its endpoint answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ml.clients.arm import manner
from ml.clients.errors import CloudError
from ml.clients.events import Event, Events
from policies.resource import UNKNOWN
from tools.answers import ask
from tools.deployed_system import DeployedSystem, kept, to_system
from tools.live import PATIENCE, REQUEST_SECONDS, LiveSystem, read
from tools.stacks import Stack
from tools.status import differences
from tools.summary import Shown, last_known, system_outputs
from tools.words import when

MOVES = {"rolled_back": "the rollback", "promoted": "the rollout", "lifted": "`make promote`"}
"""What takes the stack's version and the endpoint's apart, by the kind of event."""
AT_ONCE = 4


def systems_now(
    stack: Stack,
    resources: Sequence[Mapping[str, Any]],
    before: Mapping[str, Any] | None = None,
    *,
    asking: bool = True,
    only: str | None = None,
) -> list[Shown]:
    """Every system that the stack has made or that its outputs describe, by name.

    Args:
        before: the outputs from before a deployment that may have failed.
        asking: whether each endpoint gets a request.
        only: the one system to look at.
    """
    now, earlier = system_outputs(stack_outputs(resources)), system_outputs(before or {})
    known = {name: last_known(now.get(name, {}), earlier.get(name, {})) for name in {**now, **earlier}}
    deployed = {system.name: system for system in (to_system(stack, resources, one) for one in kept(resources))}

    def look(name: str) -> Shown:
        return standing(deployed.get(name), name, known.get(name, {}), asking=asking)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(look, sorted({*deployed, *now} if only is None else {only})))


def stack_outputs(resources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The stack's outputs, which are those of its own resource, without what nothing was made for: of a system that an
    `up` of another one left out, the engine writes that it does not know them.
    """
    found = next((dict(one.get("outputs") or {}) for one in resources if one["type"] == "pulumi:pulumi:Stack"), {})
    known: dict[str, Any] = known_part(found) or {}
    return known


def known_part(value: Any) -> Any:
    """A value without its unknown parts; None when nothing of it is known."""
    if isinstance(value, dict):
        parts = {name: known_part(inner) for name, inner in value.items()}
        return {name: part for name, part in parts.items() if part is not None}
    return None if isinstance(value, str) and UNKNOWN in value else value


def standing(system: DeployedSystem | None, name: str, output: Mapping[str, Any], *, asking: bool) -> Shown:
    """One system; None while nothing of it is deployed."""
    if system is None:
        return Shown(name, output, LiveSystem(name))
    live = read(system)
    differs = list(differences(system, live))
    return Shown(name, output, live, ask(system, live) if asking else None, [*differs, *last_move(system, differs)])


def last_move(system: DeployedSystem, differs: Sequence[str]) -> list[str]:
    """What took stack and endpoint apart, where they are and somebody noted it."""
    if not differs:
        return []
    try:
        with manner(patience=PATIENCE, seconds=REQUEST_SECONDS):
            events = Events(system.workspace, system.name).list()
    except CloudError:
        return []
    last = next((event for event in reversed(events) if event.kind in MOVES), None)
    return [in_words(last)] if last else []


def in_words(event: Event) -> str:
    """`since the rollback of 2026-11-29 10:00 by somebody: wrong scores`."""
    reason = f": {event.reason}" if event.reason else ""
    who = event.who.partition(",")[0] or "somebody"
    return f"since {MOVES[event.kind]} of {when(event.time)} by {who}{reason}"
