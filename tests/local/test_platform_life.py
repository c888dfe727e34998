"""The life of the whole platform with no system in it, in order: every test goes on where the one before ended.

The stack prod-emulator is there in the profile private, dev-emulator in hybrid and then in open, under the same names.
What another hand does is done to every type of resource in one of the profiles: changed, or as a leaf deleted.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from tests.local.checkout import Checkout
from tests.local.platform_stack import UP, PlatformStack, by_type, documents, made_at, not_as_planned, type_of
from tools.screen.board import is_provider

IMMUTABLE = {"azure-native:authorization:RoleAssignment", "azure-native:resources:Resource"}
"""Azure refuses every change of these, or nothing is said of them, so nobody else can make one either."""
KNOWN_LATER = {"principalId", "identityProfile", "issuer", "properties"}
"""Inputs of which a plan from nothing leaves something open: what Entra or Azure hand out when a resource is made."""
HELD = r"/(vaults|workspaces|storageAccounts|registries|servers|IotHubs|factories)/[^/]+$"
"""Ids of what has its name for itself in all of Azure, or keeps it for a while after it is gone."""
PLATFORM = "infra/platform.py"
EXISTING = {
    "resourceGroup": "rg-team",
    "workspace": "mlw-team",
    "storageAccount": "stteam",
    "keyVault": "kv-team",
    "applicationInsights": "appi-team",
    "logAnalytics": "log-team",
}
"""What a team has made by itself."""


@dataclass
class Life:
    """The two stacks, and what has been done to which types so far."""

    prod: PlatformStack
    dev: PlatformStack
    changed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)

    def disturb(self, stack: PlatformStack, change: set[str], delete: set[str]) -> None:
        """Another hand changes and deletes; one `up` with a refresh finds every bit of it and puts it right."""
        before = stack.look()
        done = stack.by_hand("disturb", change=sorted(change), delete=sorted(delete))
        touched = {urn for urn, what in done.items() if what}
        assert {type_of(urn) for urn in change - touched} <= IMMUTABLE
        assert stack.look().keys() == before.keys() - delete
        found, mended = found_and_mended(stack.done(f"{UP} --refresh"))
        assert {urn for urn, operation in found.items() if operation == "delete"} >= delete
        assert {urn for urn, operation in found.items() if operation == "update"} >= touched
        assert {urn for urn, operation in mended.items() if operation == "create"} >= delete
        assert mended.keys() >= touched
        assert stack.look() == before
        self.changed |= {type_of(urn) for urn in touched}
        self.deleted |= {type_of(urn) for urn in delete}
        self.types |= {type_of(urn) for urn in before}


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    folder = tmp_path_factory.mktemp("platform")
    checkout = Checkout(folder, data=folder)  # no system, no data
    yield Life(PlatformStack(checkout, "prod-emulator"), PlatformStack(checkout, "dev-emulator"))
    command = [".venv/bin/python", "-m", "emulator", "reset"]
    subprocess.run(command, cwd=checkout.folder, env=checkout.environment, check=False)


def configure(stack: PlatformStack, **settings: Any) -> None:
    """Sets keys in the stack's file."""
    file = stack.checkout.folder / "stacks" / f"Pulumi.{stack.name}.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"] |= {f"mlops:{key}": value for key, value in settings.items()}
    file.write_text(yaml.safe_dump(content))


def found_and_mended(steps: list[tuple[str, str]]) -> tuple[dict[str, str], dict[str, str]]:
    """What the refresh before an `up` found of each resource, and what the `up` then did to it."""
    found: dict[str, str] = {}
    mended: dict[str, str] = {}
    for operation, urn in steps:
        if urn not in found:
            found[urn] = operation
        elif operation != "same":
            mended.setdefault(urn, operation)
    return found, mended


def split(leaves: set[str]) -> tuple[set[str], set[str]]:
    """Every second one of each type, and those that are the only one of theirs."""
    kinds = by_type(leaves).values()
    return {urn for kind in kinds for urn in kind[1::2]}, {urn for kind in kinds if len(kind) == 1 for urn in kind}


def test_production_comes_up_from_nothing_as_it_was_planned(life: Life) -> None:
    prod, file = life.prod, life.prod.checkout.folder / "plan.json"
    assert "make up STACK=prod-emulator PLAN=" in prod.tool("preview", "--plan", str(file))
    prod.tool("up", "--plan", str(file))
    planned = json.loads(file.read_text())["resourcePlans"]
    assert {urn for urn, one in planned.items() if one["steps"] == ["create"]} == {one["urn"] for one in prod.resources}
    open_ = set()
    for urn, sent in prod.azure.items():
        differing = list(not_as_planned(planned[urn]["goal"]["inputDiff"]["adds"], without_version(sent["inputs"])))
        assert all(path.startswith("?") for path in differing), (urn, differing)
        open_ |= {path.removeprefix("?").partition(".")[0] for path in differing}
    assert open_ <= KNOWN_LATER
    assert prod.changes() == []


def without_version(inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs without what the SDK adds for the plugin."""
    return {key: value for key, value in inputs.items() if not key.startswith("__")}


def test_what_another_hand_changed_and_deleted_in_private_is_found_and_repaired(life: Life) -> None:
    several, _ = split(life.prod.leaves())
    assert len(several) > 20
    life.disturb(life.prod, change=set(life.prod.azure) - several, delete=several)


def test_another_stack_of_the_emulator_comes_and_goes_and_takes_nothing_with_it(life: Life) -> None:
    prod, dev = life.prod, life.dev
    configure(dev, networkProfile="hybrid", allowedAddresses=["8.8.8.0/24", "1.2.3.4"], policy={"assign": True})
    dev.tool("up")
    before = dev.look()
    refused = prod.tool("down", "--force", check=False)
    assert "it has dev-emulator too: first `make down STACK=dev-emulator`" in refused
    prod.pulumi("state unprotect --all --yes")
    assert "The emulator goes on: it has dev-emulator" in prod.tool("down")
    assert prod.checkout.documents_with("prodemulator") == 0
    assert dev.look() == before
    assert dev.changes() == []


def test_what_another_hand_did_in_hybrid_is_found_and_repaired(life: Life) -> None:
    leaves = life.dev.leaves()
    several, single = split(leaves)
    new = {urn for urn in life.dev.azure if type_of(urn) not in life.types}
    life.disturb(life.dev, change=new - several, delete=(single - new) | (new & several))
    assert life.types - life.changed <= IMMUTABLE
    assert {type_of(urn) for urn in leaves - (new & single)} <= life.deleted


def test_destroy_leaves_nothing_and_the_same_names_come_up_again_in_open(life: Life) -> None:
    dev = life.dev
    names = {one["id"] for one in dev.azure.values()}
    said = dev.pulumi("destroy --yes --skip-preview")
    assert dev.checkout.documents_with("") == 0
    assert set(re.findall(r"Purged: (kv|mlw)-mlops-dev", said)) == {"kv", "mlw"}
    configure(dev, networkProfile="open", allowedAddresses=[])
    dev.tool("up")
    held = {name for name in names if re.search(HELD, name)}
    assert held <= {one["id"] for one in dev.azure.values()}


def test_a_renamed_component_keeps_every_resource_in_a_planned_update(life: Life) -> None:
    """Two components get other names, one of them another type too; the plan changes a cluster besides."""
    dev, file = life.dev, life.dev.checkout.folder / "plan.json"
    made, before = made_at(dev.checkout), dev.look()
    rename(dev.checkout)
    configure(dev, compute={"vmSize": "Standard_DS3_v2", "maxNodes": 5})
    dev.tool("preview", "--plan", str(file))
    planned = json.loads(file.read_text())["resourcePlans"]
    assert {step for one in planned.values() for step in one["steps"]} == {"same", "update"}
    (changed,) = (urn for urn, one in planned.items() if "update" in one["steps"] and not is_provider(urn))
    assert changed.endswith("::compute-cpu")
    dev.pulumi(f"{UP} --plan {file}")
    assert made_at(dev.checkout) == made
    assert any("::observability-logs" in urn for urn in dev.azure)
    assert sum(one != before.get(urn) for urn, one in dev.look().items() if urn in before) == 1
    assert dev.changes() == []


def rename(checkout: Checkout) -> None:
    """As somebody does who follows docs/adding.md."""
    checkout.edit(PLATFORM, '"monitoring", MonitoringArgs', '"observability", MonitoringArgs')
    checkout.edit(PLATFORM, 'Registry("registry", ', 'Registry("images", ')
    checkout.edit("infra/registry.py", '"mlops:containers:Registry"', '"mlops:images:Registry"')
    checkout.edit(
        "infra/former_names.py",
        "    {\n",
        """    {
        Component("mlops:monitoring:Monitoring", "observability"): (Former(name="monitoring"),),
        Component("mlops:images:Registry", "images"): (Former(name="registry", type="mlops:containers:Registry"),),
""",
    )


def test_a_group_and_a_workspace_that_were_there_come_into_a_stack_and_outlive_it(life: Life) -> None:
    stack = PlatformStack(life.dev.checkout, "local")
    configure(stack, systems=[], existing=EXISTING)
    wanted = of_a_team(stack)
    stack.by_hand("make", wanted=wanted)
    ids = {one["id"].lower() for one in wanted}
    before = {id_: made_at(stack.checkout)[id_] for id_ in ids}
    workspace = next(id_ for id_ in ids if id_.endswith("mlw-team"))

    stack.tool("up")
    assert documents(stack.checkout)[workspace]["tags"] == {"team": "vision"}
    assert ids <= {one["id"].lower() for one in stack.azure.values()}
    named = stack.tool("preview")
    assert " replace" not in named
    assert "publicNetworkAccess: Disabled -> Enabled" in named
    assert "tags.team: vision -> (none)" in named
    stack.tool("up")
    assert documents(stack.checkout)[workspace]["properties"]["publicNetworkAccess"] == "Enabled"
    assert stack.changes() == []
    stack.pulumi("destroy --yes --skip-preview")
    assert stack.azure == {}
    left = made_at(stack.checkout)
    assert {id_: left.get(id_) for id_ in ids} == before


def of_a_team(stack: PlatformStack) -> list[dict[str, Any]]:
    """A workspace with what it stands on, as a portal makes them: not what the program says, but where it does."""
    config = yaml.safe_load((stack.checkout.folder / "stacks" / "Pulumi.local.yaml").read_text())["config"]
    group = f"/subscriptions/{config['mlops:subscriptionId']}/resourceGroups/rg-team"
    here = {"location": config["mlops:location"], "tags": {"team": "vision"}}
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/stteam"
    vault = f"{group}/providers/Microsoft.KeyVault/vaults/kv-team"
    logs = f"{group}/providers/Microsoft.OperationalInsights/workspaces/log-team"
    insights = f"{group}/providers/Microsoft.Insights/components/appi-team"
    workspace = f"{group}/providers/Microsoft.MachineLearningServices/workspaces/mlw-team"
    secrets = {
        "tenantId": config["mlops:tenantId"],
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
    }
    on = {"storageAccount": account, "keyVault": vault, "applicationInsights": insights}
    bodies: dict[tuple[str, str], dict[str, Any]] = {
        ("resources:ResourceGroup", group): {},
        ("storage:StorageAccount", account): {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}},
        ("keyvault:Vault", vault): {"properties": secrets},
        ("operationalinsights:Workspace", logs): {"properties": {"sku": {"name": "PerGB2018"}}},
        ("applicationinsights:Component", insights): {
            "kind": "web",
            "properties": {"Application_Type": "web", "WorkspaceResourceId": logs},
        },
        ("machinelearningservices:Workspace", workspace): {
            "identity": {"type": "SystemAssigned"},
            "properties": {**on, "publicNetworkAccess": "Disabled"},
        },
    }
    return [
        {"type": f"azure-native:{kind}", "id": id_, "body": {**here, **body}} for (kind, id_), body in bodies.items()
    ]
