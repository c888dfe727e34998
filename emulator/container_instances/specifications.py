"""From a group's document to what the container host runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emulator.certificates import BUNDLE, trust
from emulator.containers.specification import ContainerSpecification, Probe
from emulator.store import Document

GROUPS = "container-group"
"""What the names of all groups begin with."""


def group_name(document: Document) -> str:
    """The group's name among all containers: groups of different resource groups may be called the same."""
    resource_group = document.id.split("/")[4]
    return f"{GROUPS}/{resource_group}/{document.name}".lower()


def container_name(document: Document, container: str) -> str:
    """A container's name on the host."""
    return f"{group_name(document)}/{container}"


def specification(
    document: Document, container: dict[str, Any], address: str, more: dict[str, str], bundle: Path
) -> ContainerSpecification:
    """One container of a group.

    Args:
        address: the group's.
        more: variables beyond those that the document shows: secure ones, and those of its identities.
        bundle: certificates to trust: its programs reach this emulator where on Azure they reach Azure.
    """
    properties = container["properties"]
    requests = properties["resources"]["requests"]
    limits = properties["resources"].get("limits") or {}
    shown = {one["name"]: one["value"] for one in properties.get("environmentVariables") or [] if "value" in one}
    return ContainerSpecification(
        name=container_name(document, container["name"]),
        image=properties["image"],
        address=address,
        ports=tuple(port["port"] for port in properties.get("ports") or []),
        environment={**trust(BUNDLE), **more, **shown},
        mounts={BUNDLE: bundle},
        command=tuple(properties.get("command") or ()) or None,
        memory_gb=float(limits.get("memoryInGB") or requests["memoryInGB"]),
        cpu=float(limits.get("cpu") or requests["cpu"]),
        liveness=probe(properties.get("livenessProbe")),
        readiness=probe(properties.get("readinessProbe")),
        restart=document.properties["restartPolicy"],
    )


def probe(given: dict[str, Any] | None) -> Probe | None:
    """A probe with Container Instances' defaults.

    https://learn.microsoft.com/azure/container-instances/container-instances-liveness-probe.
    """
    if not given:
        return None
    get = given["httpGet"]
    path = get.get("path") or "/"
    return Probe(
        path=path if path.startswith("/") else f"/{path}",
        port=get["port"],
        scheme=(get.get("scheme") or "http").lower(),
        initial_delay=given.get("initialDelaySeconds") or 0,
        period=given.get("periodSeconds") or 10,
        timeout=given.get("timeoutSeconds") or 1,
        failure_threshold=given.get("failureThreshold") or 3,
        success_threshold=given.get("successThreshold") or 1,
    )
