"""`SoftDeleteGuard`: stands before a vault or workspace, whose name Azure keeps when it is deleted."""

from __future__ import annotations

from typing import ClassVar

import pulumi

from ml.clients import soft_delete
from ml.clients.arm import arm, manner
from ml.clients.errors import CloudError
from ml.clients.soft_delete import Holder
from ml.identity.values import Properties
from ml.progress import Failure, note, status, wait
from ml.resources.base import Provider, Resource

RECOVER, PURGE = "recover", "purge"
FORBIDDEN = 403
# A deleted vault may be listed a moment after it is gone.
LOOKS, PAUSE_SECONDS = 3, 2.0
# A refusal to purge may pass, but nobody waits for a right that was never given.
PATIENCE_SECONDS = 30.0


class SoftDeleteGuardProvider(Provider):
    """What it guards depends on it: so it is made first, and deleted when the guarded resource is gone.

    It recovers nothing itself, because azure-native makes nothing that is there already: its output `createMode` has
    the vault's own creation do it.
    """

    identity: ClassVar[tuple[str, ...]] = ("resourceId",)
    ignored: ClassVar[tuple[str, ...]] = ("createMode",)

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """Makes way for what is guarded, unless that is there."""
        with manner(patience=PATIENCE_SECONDS):
            return inputs["resourceId"], make_way(inputs)

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        """Whether what is guarded is there. Once it is, nothing is to be recovered any more."""
        if soft_delete.is_there(arm(), properties["resourceId"]):
            return {"createMode": "", "vanished": False}
        return {"vanished": True}

    def problem(self, properties: Properties) -> str:
        """What is guarded was deleted by another hand: before it is made again the way has to be free."""
        if not properties.get("vanished"):
            return ""
        return f"{name_of(properties)} was deleted by another hand: whatever holds its name is seen to"

    def change(self, identifier: str, old: Properties, inputs: Properties) -> Properties:
        """Makes way again when what is guarded was gone; what else changes counts from the next time on."""
        return self.ensure(inputs)[1] if old.get("vanished") else {}

    def release(self, identifier: str, properties: Properties) -> None:
        """Purges what is gone, where that is wanted and allowed, and tells where it is not."""
        name = name_of(properties)
        try:
            with manner(patience=PATIENCE_SECONDS):
                note(let_go(properties))
        except CloudError as error:
            note(f"{name} keeps its name: {error}. Another `mlops:nameSalt` gives the stack new names.")


def name_of(properties: Properties) -> str:
    """`kv-mlops-dev-0a1b2c3d`."""
    return str(properties["resourceId"]).rpartition("/")[2]


def kind_of(properties: Properties) -> str:
    """`vault` or `workspace`, which are also the keys of `mlops:softDelete`."""
    return "vault" if soft_delete.is_vault(properties["resourceId"]) else "workspace"


def make_way(inputs: Properties) -> Properties:
    """Sees to a deleted vault or workspace that holds the name: outputs.

    Raises:
        Failure: it stays, because the configuration, its protection or its owner wants it so.
    """
    free = {"createMode": "", "vanished": False}
    resource, location, kind = inputs["resourceId"], inputs["location"], kind_of(inputs)
    try:
        if soft_delete.is_there(arm(), resource):
            return free
        # What deleted workspaces there are, Azure does not tell everybody; purging does not need it.
        looks = kind == "vault" or inputs["ifHeld"] != PURGE
        held = soft_delete.holder(arm(), resource, location) if looks else None
    except CloudError as error:
        if error.status != FORBIDDEN:
            raise
        note(f"whether a deleted {kind} holds the name {name_of(inputs)} is not known: {error}")
        return free
    if held is not None:
        require_ours(inputs, held)
        require_wanted(inputs, held)
        if inputs["ifHeld"] == RECOVER:
            note(
                f"{name_of(inputs)} was deleted and is recovered with its secrets, as it was then: `pulumi refresh` "
                "and `pulumi up` afterwards make it what the program says"
            )
            return {**free, "createMode": RECOVER}
    if inputs["ifHeld"] == PURGE and (held is not None or kind == "workspace"):
        status(f"purging {name_of(inputs)}")
        if soft_delete.purge(resource, location, status):
            note(f"{name_of(inputs)} was deleted and still held its name: purged")
    return free


def require_ours(inputs: Properties, held: Holder) -> None:
    """Nobody recovers or purges what belonged to something else.

    Raises:
        Failure: the deleted one was in another resource group.
    """
    if held.id.lower() != inputs["resourceId"].lower():
        raise Failure(
            f"the name {name_of(inputs)} is held by the deleted {kind_of(inputs)} {held.id}, which is not this "
            "stack's. Write: pulumi config set mlops:nameSalt <a word>   # gives the stack other names"
        )


def require_wanted(inputs: Properties, held: Holder) -> None:
    """What the configuration says can be done.

    Raises:
        Failure: it says to refuse, or to purge what is protected.
    """
    kind, wanted = kind_of(inputs), inputs["ifHeld"]
    protected = wanted == PURGE and held.protected
    if wanted != "refuse" and not protected:
        return
    key = f"mlops:softDelete.{kind}"
    until = f" until {held.until}" if held.until else ""
    said = f"a deleted {kind} holds the name {name_of(inputs)}{until}, and {key} is {wanted}"
    if protected:
        said += ", but it is protected from purging"
    if kind == "workspace":
        ways = [f"pulumi config set --path {key} purge", "recover it in the portal (Recently deleted) and import it"]
    else:
        ways = [f"pulumi config set --path {key} {word}" for word in (RECOVER, *(() if protected else (PURGE,)))]
    raise Failure(f"{said}. Write: {', or '.join([*ways, 'pulumi config set mlops:nameSalt <a word>'])}")


def let_go(properties: Properties) -> str:
    """Purges where that is wanted and allowed; what became of the name."""
    resource, location, name = properties["resourceId"], properties["location"], name_of(properties)
    if soft_delete.is_there(arm(), resource):
        return f"{name} is still there: nothing was purged"
    held = deleted(resource, location)
    if held is None:
        return f"{name} holds its name no longer"
    until = f" until {held.until}" if held.until else ""
    if held.protected:
        return f"{name} keeps its name{until}: it is protected from purging. The next `up` recovers it"
    if properties["onDestroy"] != PURGE:
        return f"{name} keeps its name{until}: mlops:softDelete.onDestroy is {properties['onDestroy']}"
    status(f"purging {name}")
    return f"Purged: {name}" if soft_delete.purge(resource, location, status) else f"{name} holds its name no longer"


def deleted(resource: str, location: str) -> Holder | None:
    """What was just deleted, as soon as Azure lists it; of workspaces it lists none."""
    if not soft_delete.is_vault(resource):
        return Holder(resource)
    for _ in range(LOOKS - 1):
        if (held := soft_delete.holder(arm(), resource, location)) is not None:
            return held
        wait(PAUSE_SECONDS)
    return soft_delete.holder(arm(), resource, location)


class SoftDeleteGuard(Resource, module="ml", name="SoftDeleteGuard"):
    """One before each vault and workspace.

    Args:
        resource_id: ARM id of what is guarded.
        location: the Azure region it is in.
        if_held: what to do with a deleted one that holds the name: `recover` (a vault only), `purge`, `refuse`.
        on_destroy: what to do with it once it is deleted: `purge`, `keep`.
    """

    outputs: ClassVar[tuple[str, ...]] = ("vanished",)

    createMode: pulumi.Output[str]  # noqa: N815 - the name in the state

    def __init__(
        self,
        name: str,
        *,
        resource_id: str,
        location: str,
        if_held: str,
        on_destroy: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "resourceId": resource_id,
            "location": location,
            "ifHeld": if_held,
            "onDestroy": on_destroy,
            # An input as well as an output: so it is known in a preview, which changes nothing of what is guarded.
            "createMode": "",
        }
        super().__init__(SoftDeleteGuardProvider(), name, inputs, opts)
