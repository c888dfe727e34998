"""A plain program for comparison: the azure-native resources of a stack, flat, as literal values, under other names."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
HEAD = '''"""Made from the state of another stack."""

import json
from importlib import import_module
from pathlib import Path

import pulumi
from pulumi_azure_native import Provider

provider = Provider("azure", subscription_id=SUBSCRIPTION, location="westeurope")
made = {}
for one in json.loads(Path(__file__).with_name("resources.json").read_text()):
    module, _, name = one["type"].removeprefix("azure-native:").partition(":")
    kind = getattr(import_module(f"pulumi_azure_native.{module}"), name)
    after = [made[key] for key in one["after"] if key in made]
    options = pulumi.ResourceOptions(provider=provider, depends_on=after)
    inputs = dict(one["inputs"])
    if one["principal"] in made:  # of an identity of this program: Azure asks it for rights before it makes a workspace
        inputs["principal_id"] = made[one["principal"]].principal_id
    made[one["key"]] = kind(one["name"], opts=options, **inputs)
'''


def write_plain_program(folder: Path, state: Mapping[str, Any], virtualenv: Path, subscription: str, more: int) -> int:
    """Writes a project that declares the azure-native resources of a state, and `more` identities to make up for
    resources of other kinds. Returns how many resources it declares."""
    folder.mkdir()
    manifest = f"name: plain\nruntime: {{name: python, options: {{virtualenv: {virtualenv}}}}}\n"
    folder.joinpath("Pulumi.yaml").write_text(manifest)
    azure = [one for one in state["deployment"]["resources"] if str(one["type"]).startswith("azure-native:")]
    holders = {one["outputs"]["principalId"]: one["urn"] for one in azure if one["type"] == IDENTITY}
    found = [entry(one, holders) for one in azure]
    group = next(one["inputs"]["resource_group_name"] for one in found if one["type"].endswith(":ResourceGroup"))
    for number in range(more):
        inputs = {"resource_name_": f"id-more-{number}", "resource_group_name": group}
        more_one = {"key": str(number), "type": IDENTITY, "name": f"more-{number}", "principal": None}
        found.append({**more_one, "after": [found[0]["key"]], "inputs": inputs})
    folder.joinpath("resources.json").write_text(json.dumps(found))
    folder.joinpath("__main__.py").write_text(HEAD.replace("SUBSCRIPTION", repr(subscription)))
    return len(found)


def entry(resource: Mapping[str, Any], holders: Mapping[str, str]) -> dict[str, Any]:
    """One resource of the state under another name. `holders`: identities by their principal ids."""
    known = arguments(str(resource["type"]))
    inputs = {
        known[letters(name)]: renamed(value) for name, value in resource["inputs"].items() if letters(name) in known
    }
    if str(resource["type"]).endswith(":OnlineEndpoint"):  # a refresh learned the traffic of what is not here
        inputs["properties"].pop("traffic", None)
    name = str(resource["urn"]).rpartition("::")[2]
    return {
        "key": resource["urn"],
        "type": resource["type"],
        "name": name,
        "after": list(resource.get("dependencies", [])),
        "principal": holders.get(resource["inputs"].get("principalId", "")),
        "inputs": inputs,
    }


def renamed(value: Any) -> Any:
    """A value with every name of the stack replaced: names of vaults and accounts are unique in the whole cloud."""
    if isinstance(value, str):
        return value.replace("mlops", "plain")
    if isinstance(value, list):
        return [renamed(inner) for inner in value]
    return {name: renamed(inner) for name, inner in value.items()} if isinstance(value, dict) else value


def arguments(resource_type: str) -> dict[str, str]:
    """The SDK's names of a type's arguments, by their letters; `resource_name_` is the resource's own, not Pulumi's."""
    module, _, name = resource_type.removeprefix("azure-native:").partition(":")
    kind = getattr(import_module(f"pulumi_azure_native.{module}"), name)
    return {letters(one): one for one in inspect.signature(kind._internal_init).parameters}


def letters(name: str) -> str:
    """A name without what camelCase and snake_case write differently."""
    return name.replace("_", "").lower()
