"""Checks of what is switched on and off: keys, passwords, old protocols, what can be brought back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.program.azure.declared import Declared

OLD_TLS = re.compile(r"^(TLS)?1[._][01]$", re.IGNORECASE)
TLS_KEY = re.compile(r"^min(imal|imum)?tls(version)?$", re.IGNORECASE)
HOLDS_DATA = (
    "containerregistry:Registry",
    "keyvault:Vault",
    "machinelearningservices:Workspace",
    "sql:Database",
    "storage:BlobContainer",
    "storage:StorageAccount",
)
"""What nobody gets back who deletes it: protected in production."""


def _always(_: Declared) -> bool:
    return True


def _in_production(stack: Declared) -> bool:
    return bool(stack.config["environment"] == "prod")


def _closed(stack: Declared) -> bool:
    return bool(stack.config.get("networkProfile", "open") != "open")


@dataclass(frozen=True)
class Rule:
    """What a property of a type has to be."""

    type: str
    at: str
    wanted: tuple[Any, ...]
    when: Callable[[Declared], bool] = _always


RULES = (
    Rule("storage:StorageAccount", "properties/allowSharedKeyAccess", (False,)),
    Rule("storage:StorageAccount", "properties/allowBlobPublicAccess", (False,)),
    Rule("storage:StorageAccount", "properties/allowCrossTenantReplication", (False,)),
    Rule("storage:StorageAccount", "properties/isLocalUserEnabled", (False,)),
    Rule("storage:StorageAccount", "properties/minimumTlsVersion", ("TLS1_2", "TLS1_3")),
    Rule("storage:StorageAccount", "properties/supportsHttpsTrafficOnly", (True,)),
    Rule("storage:StorageAccount", "properties/networkAcls/defaultAction", ("Deny",), _closed),
    Rule("storage:BlobServiceProperties", "properties/deleteRetentionPolicy/enabled", (True,)),
    Rule("storage:BlobServiceProperties", "properties/containerDeleteRetentionPolicy/enabled", (True,)),
    Rule("storage:BlobContainer", "properties/publicAccess", ("None",)),
    Rule("keyvault:Vault", "properties/enableRbacAuthorization", (True,)),
    Rule("keyvault:Vault", "properties/enableSoftDelete", (True,)),
    Rule("keyvault:Vault", "properties/enablePurgeProtection", (True,), _in_production),
    Rule("keyvault:Vault", "properties/networkAcls/defaultAction", ("Deny",), _closed),
    Rule("containerregistry:Registry", "properties/adminUserEnabled", (False,)),
    Rule("containerregistry:Registry", "properties/anonymousPullEnabled", (False,)),
    Rule("containerregistry:Registry", "sku/name", ("Premium",), _closed),
    Rule("machinelearningservices:Workspace", "properties/systemDatastoresAuthMode", ("Identity",)),
    Rule("machinelearningservices:Workspace", "properties/v1LegacyMode", (False,)),
    Rule("machinelearningservices:Datastore", "properties/credentials/credentialsType", ("None",)),
    Rule("machinelearningservices:Compute", "properties/disableLocalAuth", (True,)),
    Rule("operationalinsights:Workspace", "properties/features/disableLocalAuth", (True,)),
    Rule("databricks:Workspace", "sku/name", ("premium",)),
    Rule("databricks:Workspace", "properties/parameters/enableNoPublicIp/value", (True,)),
    Rule("sql:Server", "properties/administrators/azureADOnlyAuthentication", (True,)),
    Rule("containerservice:ManagedCluster", "properties/disableLocalAccounts", (True,)),
    Rule("containerservice:ManagedCluster", "properties/oidcIssuerProfile/enabled", (True,)),
    Rule("containerservice:ManagedCluster", "properties/aadProfile/enableAzureRBAC", (True,)),
    Rule("network:PublicIPAddress", "sku/name", ("Standard", "StandardV2")),
)


def switches_are_as_they_must_be(stack: Declared) -> Iterator[str]:
    """One rule a line, in `RULES`."""
    for rule in RULES:
        for one in stack.of(rule.type) if rule.when(stack) else ():
            if (found := _get(one.body, rule.at)) not in rule.wanted:
                yield f"{one}: {rule.at} is {found!r}, not {' or '.join(map(repr, rule.wanted))}"


def no_key_opens_anything(stack: Declared) -> Iterator[str]:
    """Whatever can do without keys of its own does."""
    for one in stack.resources:
        for key in ("disableLocalAuth", "DisableLocalAuth"):
            if one.takes("properties", key) and one.properties.get(key) is not True:
                yield f"{one}: {key} is {one.properties.get(key)!r}"


def no_old_protocol_is_spoken(stack: Declared) -> Iterator[str]:
    """TLS 1.2 is the least wherever a request says what is."""
    for one in stack.resources:
        for key, value in _leaves(one.body):
            if TLS_KEY.match(key) and OLD_TLS.match(str(value)):
                yield f"{one}: {key} is {value}"


def clusters_cost_nothing_while_idle(stack: Declared) -> Iterator[str]:
    """Training clusters go down to no node; there are no low-priority nodes any more; nobody logs in to one."""
    for one in stack.of("machinelearningservices:Compute"):
        if one.properties["computeType"] != "AmlCompute":
            continue
        own = one.properties["properties"]
        if _get(own, "scaleSettings/minNodeCount") != 0:
            yield f"{one}: keeps nodes while nothing runs"
        if own.get("vmPriority", "Dedicated") != "Dedicated":
            yield f"{one}: {own['vmPriority']} nodes are retired"
        if own.get("remoteLoginPortPublicAccess") != "Disabled":
            yield f"{one}: nodes can be logged in to"


def data_is_protected_in_production(stack: Declared) -> Iterator[str]:
    """What holds data in production is deleted only after somebody has said so by hand."""
    for one in stack.of(*HOLDS_DATA) if _in_production(stack) else ():
        if not one.registered.protect:
            yield f"{one}: may be deleted by an `up`"


def _get(value: Any, at: str) -> Any:
    for step in at.split("/"):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key)
    else:
        yield key, value
