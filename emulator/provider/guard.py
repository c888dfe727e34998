"""Keeps the stand-in plugin away from every cloud but the emulator of this checkout.

The stack's name comes from the URN that the engine sends with each request, so a shell that was prepared for one stack
cannot be used to change another by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping

from emulator.provider.echo import echoing
from emulator.settings import SUBSCRIPTION_ID

STACK_VARIABLE = "AZURE_MLOPS_STACK"
LOOPBACK = ("localhost", "127.0.0.1")


def stack_of(urn: str) -> str:
    """The stack's name in `urn:pulumi:<stack>::<project>::<type>::<name>`; empty when the text is no URN."""
    prefix, separator, _ = urn.partition("::")
    return prefix.removeprefix("urn:pulumi:") if separator and prefix.startswith("urn:pulumi:") else ""


def refuse(urn: str, environment: Mapping[str, str], preview: bool) -> str | None:
    """Why the stand-in must not serve this request, in words for a person; None when it may.

    A preview changes nothing and asks no endpoint: it is served for every stack. So is a throwaway backend.
    """
    if preview or echoing(environment):
        return None
    stack, prepared = stack_of(urn), environment.get(STACK_VARIABLE, "")
    if not stack or stack != prepared:
        return (
            f"stack '{stack or urn}' is not what this shell was prepared for ('{prepared or 'no stack'}'): "
            f'nothing was changed. Run `eval "$(make -s env STACK={stack or "<name>"})"` first'
        )
    endpoint = environment.get("ARM_METADATA_HOSTNAME", "")
    if endpoint.rpartition(":")[0] not in LOOPBACK:
        return (
            f"stack '{stack}' would talk to '{endpoint or 'public Azure'}' (ARM_METADATA_HOSTNAME), and the "
            f"stand-in plugin serves only the emulator on this machine: nothing was changed"
        )
    subscription = environment.get("ARM_SUBSCRIPTION_ID", "")
    if subscription.lower() != SUBSCRIPTION_ID:
        return (
            f"stack '{stack}' would use subscription '{subscription}' (ARM_SUBSCRIPTION_ID), and the "
            f"stand-in plugin serves only the emulator's own: nothing was changed"
        )
    return None
