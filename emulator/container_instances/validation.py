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
from emulator.container_instances.capabilities import READ_ONLY, check_capabilities
from emulator.errors import ServiceError
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


def check_group(document: Document) -> None:
    """400 for what is wrong in itself, 501 for what this emulator lacks."""
    _check_model(document)
    containers = document.properties["containers"]
    if not containers:
        raise refusal("MissingContainers", f"There must be at least one container in {title(document)}.")
    for container in containers:
        _check_container(document, container)
    _check_names(document, [container["name"] for container in containers])
    _check_address(document)
    check_capabilities(document)


def check_label(document: Document, others: Sequence[Document]) -> None:
    """400 for a DNS label that another group of the region has."""
    label = (document.properties.get("ipAddress") or {}).get("dnsNameLabel")
    if not label:
        return
    if not LABEL.fullmatch(label):
        message = f"The DNS name label '{label}' in {title(document)} is invalid. {LABEL_RULE}"
        raise refusal("InvalidDnsNameLabel", message)
    for other in others:
        same = (other.properties.get("ipAddress") or {}).get("dnsNameLabel") == label
        if same and other.key != document.key and other.body["location"] == document.body["location"]:
            message = f"The DNS name label '{label}' in {title(document)} not available. Try using a different label."
            raise refusal("DnsNameLabelNotAvailable", message)


def check_update(document: Document, old: Document) -> None:
    """400 for a change that Azure makes only by deleting the group first."""
    if _fixed(document) != _fixed(old):
        message = (
            f"The updates on {title(document)} are invalid. If you are going to update the os type, restart policy, "
            "network profile, CPU, memory or GPU resources for a container group, you must delete it first and then "
            "create a new one."
        )
        raise refusal("InvalidContainerGroupUpdate", message)


def refusal(code: str, message: str) -> ServiceError:
    """400, as Container Instances refuses."""
    return ServiceError(400, code, message)


def title(document: Document) -> str:
    """What messages call a group."""
    return f"container group '{document.name}'"


def _fixed(document: Document) -> Any:
    properties = document.properties
    resources = {one["name"]: one["properties"]["resources"] for one in properties["containers"]}
    return properties["osType"], properties["restartPolicy"], document.body.get("zones") or [], resources


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
            "InvalidContainerName", f"The container name '{name}' in {title(document)} is invalid. {NAME_RULE}"
        )
    if not properties.get("image"):
        raise refusal("MissingContainerImage", f"The image of container '{name}' in {title(document)} cannot be empty.")
    requests = (properties.get("resources") or {}).get("requests") or {}
    for key in ("cpu", "memoryInGB"):
        if not (requests.get(key) or 0) > 0:
            message = f"The resource request '{key}' of container '{name}' in {title(document)} must be greater than 0."
            raise refusal("InvalidResourceRequest", message)


def _check_names(document: Document, names: Sequence[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            message = f"The container name '{name}' is used by {count} containers of {title(document)}."
            raise refusal("DuplicateContainerName", message)


def _check_address(document: Document) -> None:
    used = Counter(_ports(document.properties["containers"]))
    twice = [str(port) for port, count in used.items() if count > 1]
    if twice:
        message = f"Following ports '{','.join(twice)}' are used by more than one container in {title(document)}."
        raise refusal("DuplicateContainerPorts", message)
    address = document.properties.get("ipAddress")
    if not address:
        return
    inside = address.get("type") == "Private"
    if inside != bool(document.properties.get("subnetIds")):
        message = f"The 'ipAddress' of {title(document)} is private in a virtual network, and only there."
        raise refusal("InvalidIpAddressType", message)
    ports = [one["port"] for one in address.get("ports") or []]
    if not ports:
        raise refusal("MissingIpAddressPorts", f"The ports in the 'ipAddress' of {title(document)} cannot be empty.")
    loose = [str(port) for port in ports if port not in used]
    if loose:
        unused = f"'{','.join(loose)}' in the 'ipAddress' are not used by any container in {title(document)}"
        raise refusal("UnreferencedIpAddressPorts", f"Following ports {unused}.")


def _ports(containers: Sequence[dict[str, Any]]) -> Iterator[int]:
    for container in containers:
        for port in container["properties"].get("ports") or []:
            yield port["port"]
