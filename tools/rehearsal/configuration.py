"""A stack's configuration for a rehearsal: its own shape, with the emulator's ids, with short waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.model_source import PROMOTE
from tools.preflight import ZEROS
from tools.preview import OWN_KEYS, from_nothing, without_secrets
from tools.progress import SetupError
from tools.stacks import PROJECT, Stack, folder_name

SALT = "v1:gOz9syQrGfo=:v1:YlI52N7X7BaSDFmx:DNOdC8W33o6JXxW/uvaM8ISH+Xh24g=="
"""Of the empty passphrase, as in the emulator's own stacks: nothing here is a secret of value."""
SOMEBODY = "00000000-0000-0000-0000-0000000e3a03"
STAGE_SECONDS, WAIT_MINUTES = 15, 20
SYSTEMS, ROLLOUT, SOURCE = (f"{PROJECT}:{key}" for key in ("systems", "rollout", "modelSource"))


def systems_of(stack: Stack) -> list[str]:
    """Names of the systems that a stack's file lists."""
    return [str(name) for name in (stack.configuration().get("config") or {}).get(SYSTEMS) or ()]


def rehearsed(stack: Stack, system: str, root: Path) -> dict[str, Any]:
    """The configuration with which a stack is brought up on the emulator.

    Args:
        system: the only system to have; "" for all.
        root: where the data folders are that it names.
    """
    from emulator.settings import SUBSCRIPTION_ID, TENANT_ID

    whole = stack.configuration()
    kept = {key: value for key, value in without_secrets(whole).items() if key not in OWN_KEYS}
    config = dict(_with_ids(from_nothing({**kept, "config": kept.get("config") or {}})["config"]))
    config |= {f"{PROJECT}:cloud": "emulator", f"{PROJECT}:allowGeneratedData": True}
    config |= {f"{PROJECT}:subscriptionId": SUBSCRIPTION_ID, f"{PROJECT}:tenantId": TENANT_ID}
    config[SYSTEMS] = _only(config.get(SYSTEMS) or [], system)
    rollout = dict(config.get(ROLLOUT) or {})
    config[ROLLOUT] = {**rollout, "stageSeconds": min(int(rollout.get("stageSeconds", STAGE_SECONDS)), STAGE_SECONDS)}
    config[f"{PROJECT}:gate"] = {**(config.get(f"{PROJECT}:gate") or {}), "waitMinutes": WAIT_MINUTES}
    if (data := config.get(f"{PROJECT}:data")) and data.get("directory"):
        config[f"{PROJECT}:data"] = {**data, "directory": str((root / data["directory"]).resolve())}
    return {**kept, "encryptionsalt": SALT, "config": config}


def _with_ids(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_ids(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_ids(inner) for inner in value]
    return SOMEBODY if value == ZEROS else value


def _only(systems: Any, system: str) -> Any:
    wanted = folder_name(system)
    if not wanted:
        return systems
    if isinstance(systems, Mapping):
        return {name: own for name, own in systems.items() if name == wanted}
    return [name for name in systems if name == wanted]


def notes(stack: Stack, system: str) -> Iterator[str]:
    """What is another in the rehearsal than in the stack."""
    config = stack.configuration().get("config") or {}
    seconds = (config.get(ROLLOUT) or {}).get("stageSeconds")
    if seconds is not None and int(seconds) > STAGE_SECONDS:
        yield f"A stage of a rollout took {STAGE_SECONDS} s here, not {seconds} s."
    if not stack.emulated:
        yield "Sizes of machines, quotas and networks of Azure play no part on an emulator."
    if system:
        yield f"Only {folder_name(system)} was there (SYSTEM={system})."


def require_system(system: str, stacks: Sequence[Stack]) -> None:
    """Sees to it that one of the stacks has the system that is named, if one is.

    Raises:
        SetupError: none has.
    """
    known = sorted({name for one in stacks for name in systems_of(one)})
    if system and folder_name(system) not in known:
        named = " or ".join(dict.fromkeys(one.name for one in stacks))
        raise SetupError(
            f"SYSTEM={system}: stack {named} has no such system. Its systems: {', '.join(known) or 'none'}."
        )


def skipped(base: Stack | None, head: Stack) -> str:
    """Why there is nothing to rehearse in a stack; "" where there is."""
    source = str((head.configuration().get("config") or {}).get(SOURCE) or "")
    if source.startswith(PROMOTE):
        other = source.removeprefix(PROMOTE)
        return f"{head.name} takes its models from {other} and trains none; rehearse that one (STACK={other})."
    if not systems_of(head):
        return f"{head.name} has no systems: nothing trains or serves."
    return "" if base is not None else f"BASE has no stack {head.name}: there is nothing that could change."
