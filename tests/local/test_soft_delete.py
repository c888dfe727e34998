"""The guard before a vault, with the real engine: what a stack does about a deleted vault, and what it leaves.

Runs with `make test-long`; test_platform_life.py sees to it that the end of a stack leaves no name held.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure.keyvault.secrets import SecretClient

from emulator.settings import SUBSCRIPTION_ID, TENANT_ID
from ml.clients.arm import arm
from ml.clients.cloud import credential
from ml.clients.secrets import VAULT_VERSION
from ml.clients.soft_delete import Holder, holder
from tests.conftest import RunningEmulator
from tests.local.engine_project import STACK, Project
from tools.shell import STACK_VARIABLE

pytestmark = pytest.mark.long

PROGRAM = f"""
import json, os
import pulumi
from infra.key_vault import KeyVault, KeyVaultArgs
from infra.naming import Kind, Naming
from infra.network import NetworkProfile
from infra.placement import Placement
from infra.resource_group import ResourceGroup, ResourceGroupArgs
from infra.soft_delete import Guard, SoftDelete, SoftDeleteSettings
from ml.recipes.soft_delete import guard
from pulumi_azure_native import Provider

toys = json.loads(os.environ["TOYS"])
provider = Provider("azure", subscription_id="{SUBSCRIPTION_ID}", location="westeurope")
opts = pulumi.ResourceOptions(providers=[provider])
naming = Naming.of(subscription_id="{SUBSCRIPTION_ID}", project="toy", stack="toy", salt="")
name = naming.name(Kind.RESOURCE_GROUP)
group = ResourceGroup("group", ResourceGroupArgs(name=name, location="westeurope", tags={{}}), opts)
placement = Placement(
    subscription_id="{SUBSCRIPTION_ID}", tenant_id="{TENANT_ID}", resource_group_name=name, group=group.resource,
    location="westeurope", tags=toys["tags"], naming=naming, is_production=False,
    network=NetworkProfile(is_open=True, is_private=False, allowed_addresses=()),
)
if toys["guarded"]:
    guards = guard
else:
    guards = lambda *_: Guard(group.resource, pulumi.Output.from_input(None))
soft_delete = SoftDelete(guards, SoftDeleteSettings(**toys["words"]), is_production=False)
vault = KeyVault("vault", KeyVaultArgs(placement=placement, soft_delete=soft_delete), opts)
pulumi.export("vault", vault.vault_id)
"""


class Stack(Project):
    """One vault in a group, on the session's emulator."""

    def words(self, tags: dict[str, str] | None = None, *, guarded: bool = True, **words: str) -> dict[str, Any]:
        return {"tags": tags or {}, "guarded": guarded, "words": words}

    @property
    def vault(self) -> str:
        return str(json.loads(self.run("stack", "output", "--json"))["vault"])

    def planned(self, given: dict[str, Any]) -> dict[str, str]:
        """What an `up` would do, by name."""
        said = self.run("preview", "--json", toys=given)
        steps = json.loads(said[said.index("{") : said.rindex("}") + 1])["steps"]
        return {one["urn"].rpartition("::")[2]: one["op"] for one in steps if one["op"] != "same"}


@pytest.fixture(name="stack", scope="module")
def fixture_stack(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    extra = {**emulator.environment, STACK_VARIABLE: STACK}
    return Stack(tmp_path_factory.mktemp("soft-delete"), PROGRAM, extra)


def kept(vault: str) -> Holder | None:
    return holder(arm(), vault, "westeurope")


def secrets(vault: str) -> SecretClient:
    found = arm().get(vault, VAULT_VERSION)
    assert found is not None
    # The address of a vault is checked against public Azure's: here it is another one's.
    return SecretClient(found["properties"]["vaultUri"], credential(), verify_challenge_resource=False)


def test_a_stack_without_a_guard_gets_one_and_nothing_else_changes(stack: Stack) -> None:
    stack.up(toys=stack.words(guarded=False))
    guarded = stack.words(onDestroy="keep")
    assert stack.planned(guarded) == {"vault-guard": "create"}
    assert "Resources: + 1 created 6 unchanged" in " ".join(stack.up(toys=guarded).split())


def test_what_is_destroyed_and_kept_is_taken_up_with_its_secrets(stack: Stack) -> None:
    vault = stack.vault
    secrets(vault).set_secret("kept", "value")
    assert "mlops:softDelete.onDestroy is keep" in stack.run("destroy", "--yes", "--skip-preview")
    assert kept(vault) is not None
    given = stack.words({"made": "again"}, onDestroy="keep")
    assert "is recovered with its secrets, as it was then" in stack.up(toys=given)
    assert secrets(vault).get_secret("kept").value == "value"
    stack.run("refresh", "--yes", "--skip-preview", toys=given)
    assert stack.planned(given) == {"vault": "update"}
    stack.up(toys=given)
    found = arm().get(vault, VAULT_VERSION)
    assert found is not None
    assert found["tags"] == {"made": "again"}
    stack.run("refresh", "--yes", "--skip-preview", "--expect-no-changes", toys=given)


def test_a_vault_that_another_hand_deleted_is_seen_to_and_the_end_frees_its_name(stack: Stack) -> None:
    vault, given = stack.vault, stack.words({"made": "again"}, vault="purge")
    arm().delete(vault, VAULT_VERSION)
    stack.run("refresh", "--yes", "--skip-preview", toys=given)
    assert "was deleted and still held its name: purged" in stack.up(toys=given)
    assert kept(vault) is None
    assert "Purged: kv-toy-toy" in stack.run("destroy", "--yes", "--skip-preview")
    assert kept(vault) is None
