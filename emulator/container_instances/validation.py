"""What Container Instances refuses, in its own words where they are known.

https://learn.microsoft.com/azure/container-instances/container-instances-troubleshooting and
https://learn.microsoft.com/azure/container-instances/container-instances-update.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from emulator.arm.validation import invalid
from emulator.errors import ServiceError, unsupported
from emulator.resource_types import ResourceTable, check_body
from emulator.store import Document

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL = re.compile(r"[a-z][-a-z0-9]{3,61}[a-z0-9]")
NAME_RULE = (
    "It can contain only lowercase letters, numbers and hyphens, at most 63, and neither begins nor ends with one."
)
LABEL_RULE = (
    "It can contain only lowercase letters, numbers and hyphens. The first character must be a letter. The last "
    "character must be a letter or number. The value must be between 5 and 63 characters long."
)
READ_ONLY = ("provisioningState", "instanceView")


def check_group(document: Document) -> None:
    """400 for what is wrong in itself, 501 for what this emulator lacks."""
    _check_model(document)
    containers = document.properties["containers"]
    if not containers:
        raise refusal("MissingContainers", document, "There must be at least one container in {group}.")
    for container in containers:
        _check_container(document, container)
    _check_names(document, [container["name"] for container in containers])
    _check_address(document)
    for name in ("initContainers", "volumes", "extensions", "encryptionProperties", "confidentialComputeProperties"):
        if document.properties.get(name):
            raise unsupported(f"'{name}' of a container group")
    if document.properties.get("osType", "Linux") != "Linux":
        raise unsupported(f"The osType '{document.properties['osType']}' of a container group")
    if "SystemAssigned" in document.body.get("identity", {}).get("type", ""):
        raise unsupported("A system-assigned identity of a container group")


def check_label(document: Document, others: Sequence[Document]) -> None:
    """400 for a DNS label that another group of the region has."""
    label = (document.properties.get("ipAddress") or {}).get("dnsNameLabel")
    if not label:
        return
    if not LABEL.fullmatch(label):
        message = f"The DNS name label '{label}' in {{group}} is invalid. {LABEL_RULE}"
        raise refusal("InvalidDnsNameLabel", document, message)
    for other in others:
        same = (other.properties.get("ipAddress") or {}).get("dnsNameLabel") == label
        if same and other.key != document.key and other.body["location"] == document.body["location"]:
            message = f"The DNS name label '{label}' in {{group}} not available. Try using a different label."
            raise refusal("DnsNameLabelNotAvailable", document, message)


def check_update(document: Document, old: Document) -> None:
    """400 for a change that Azure makes only by deleting the group first."""
    if _fixed(document) != _fixed(old):
        message = (
            "The updates on {group} are invalid. If you are going to update the os type, restart policy, network "
            "profile, CPU, memory or GPU resources for a container group, you must delete it first and then create a "
            "new one."
        )
        raise refusal("InvalidContainerGroupUpdate", document, message)


def refusal(code: str, document: Document, message: str) -> ServiceError:
    """400; `{group}` in the message becomes the group's name."""
    return ServiceError(400, code, message.format(group=f"container group '{document.name}'"))


def _fixed(document: Document) -> Any:
    properties = document.properties
    resources = {one["name"]: one["properties"]["resources"] for one in properties["containers"]}
    network = [subnet["id"].lower() for subnet in properties.get("subnetIds") or []]
    return properties["osType"], properties["restartPolicy"], network, document.body.get("zones") or [], resources


def _check_model(document: Document) -> None:
    """Holds bodies of every API version to the published model there is; newer ones only add to older ones."""
    entry = ResourceTable.load().entry_for_path("PUT", document.id)
    if entry is None:
        return
    properties = {key: value for key, value in document.properties.items() if key not in READ_ONLY}
    if properties.get("ipAddress"):
        properties["ipAddress"] = {key: value for key, value in properties["ipAddress"].items() if key != "fqdn"}
    known = {key: value for key, value in document.body.items() if key not in ("properties", "identity")}
    problems = check_body(entry, {**known, "properties": properties})
    if problems:
        raise invalid(document.resource, problems)


def _check_container(document: Document, container: dict[str, Any]) -> None:
    name, properties = container["name"], container["properties"]
    if not NAME.fullmatch(name):
        raise refusal(
            "InvalidContainerName", document, f"The container name '{name}' in {{group}} is invalid. {NAME_RULE}"
        )
    if not properties.get("image"):
        raise refusal(
            "MissingContainerImage", document, f"The image of container '{name}' in {{group}} cannot be empty."
        )
    requests = (properties.get("resources") or {}).get("requests") or {}
    for key in ("cpu", "memoryInGB"):
        if not (requests.get(key) or 0) > 0:
            message = f"The resource request '{key}' of container '{name}' in {{group}} must be greater than 0."
            raise refusal("InvalidResourceRequest", document, message)
    if requests.get("gpu"):
        raise unsupported("A GPU of a container group")
    if properties.get("volumeMounts"):
        raise unsupported("'volumeMounts' of a container")
    for key in ("livenessProbe", "readinessProbe"):
        if properties.get(key) and not properties[key].get("httpGet"):
            raise unsupported(f"A '{key}' without 'httpGet'")


def _check_names(document: Document, names: Sequence[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            message = f"The container name '{name}' is used by {count} containers of {{group}}."
            raise refusal("DuplicateContainerName", document, message)


def _check_address(document: Document) -> None:
    used = Counter(_ports(document.properties["containers"]))
    twice = [str(port) for port, count in used.items() if count > 1]
    if twice:
        message = f"Following ports '{','.join(twice)}' are used by more than one container in {{group}}."
        raise refusal("DuplicateContainerPorts", document, message)
    address = document.properties.get("ipAddress")
    if not address:
        return
    ports = [one["port"] for one in address.get("ports") or []]
    if not ports:
        raise refusal("MissingIpAddressPorts", document, "The ports in the 'ipAddress' of {group} cannot be empty.")
    loose = [str(port) for port in ports if port not in used]
    if loose:
        message = f"Following ports '{','.join(loose)}' in the 'ipAddress' are not used by any container in {{group}}."
        raise refusal("UnreferencedIpAddressPorts", document, message)


def _ports(containers: Sequence[dict[str, Any]]) -> Iterator[int]:
    for container in containers:
        for port in container["properties"].get("ports") or []:
            yield port["port"]
