"""Edge: the IoT hub, how devices are taken up, and what they run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from policies.resource import SECRET
from policies.rule import ALWAYS, PRODUCTION, STRICTER, Rule, Severity, Sources, must_be
from policies.view import View

HUB = ("iothub:IotHubResource",)
PROVISIONING = ("deviceprovisioningservices:IotDpsResource",)
DEPLOYMENT = ("ml:EdgeDeployment",)
FILE = "infra/edge.py"
DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
CREDENTIAL = ("password", "username")
TAG_IN_CONDITION = re.compile(r"\btags\.")


def _endpoints(one: View) -> Iterator[str]:
    for kind, found in one.get("properties.routing.endpoints", {}).items():
        for endpoint in found:
            if endpoint.get("authenticationType") != "identityBased" or endpoint.get("connectionString"):
                yield f"the route to {endpoint.get('name')} ({kind}) opens it with a key"


def _upload(one: View) -> Iterator[str]:
    for name, place in one.get("properties.storageEndpoints", {}).items():
        if place.get("authenticationType") != "identityBased":
            yield f"files of devices ({name}) are stored with a key"


def _images(value: Any) -> Iterator[str]:
    """Every image that a manifest names, however deep."""
    if hasattr(value, "items"):
        for key in value:
            inner = value[key]
            if key == "image" and isinstance(inner, str):
                yield inner
            else:
                yield from _images(inner)
    elif not isinstance(value, str) and hasattr(value, "__len__"):
        for inner in value:
            yield from _images(inner)


def _by_digest(one: View) -> Iterator[str]:
    for image in _images(one.inputs):
        if not DIGEST.fullmatch(image):
            yield f"the manifest runs {image}, which may be another image tomorrow"


def _condition(one: View) -> Iterator[str]:
    if not TAG_IN_CONDITION.search(str(one.get("targetCondition", ""))):
        yield f"targetCondition is {one.get('targetCondition') or 'not set'}: it names devices, not a tag of theirs"


def _registry_credentials(value: Any) -> Iterator[str]:
    if hasattr(value, "items"):
        for key in value:
            if key == "registryCredentials":
                for name, entry in value[key].items():
                    if entry.get("password") not in (None, SECRET):
                        yield f"registryCredentials.{name} has its password in plain text"
            else:
                yield from _registry_credentials(value[key])


NO_KEYS = Rule(
    id="R-14",
    name="iot-no-shared-keys",
    title="Services and devices sign in to the hub with an identity or a certificate",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=HUB,
    fix=f"Leave disable_local_auth and disable_device_sas in {FILE}; modules on a device need theirs",
    sources=Sources(azure_policy=("672d56b3-23a7-4a3c-a233-b77ed7777518",), benchmark=("IM-1",)),
    check=lambda one: (
        f"properties.{key} is not true"
        for key in ("disableLocalAuth", "disableDeviceSAS")
        if one.get(f"properties.{key}", False) is not True
    ),
)
HUB_CLOSED = Rule(
    id="N-11",
    name="iot-closed",
    title="The hub has no public endpoint",
    severity=Severity.HIGH,
    levels=PRODUCTION,
    types=HUB,
    fix="mlops:networkProfile: private closes it",
    sources=Sources(
        azure_policy=("2d6830fb-07eb-48e7-8c4d-2a442b35f0fb", "0d40b058-9f95-4a19-93e3-9b0330baa2a3"),
        benchmark=("NS-2",),
        checkov=("CKV_AZURE_108",),
    ),
    check=must_be("properties.publicNetworkAccess", "Disabled", default="Enabled"),
)
HUB_TLS = Rule(
    id="E-01",
    name="iot-tls",
    title="Devices speak TLS 1.2 with the hub",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=HUB,
    fix=f"Leave min_tls_version in {FILE}",
    sources=Sources(
        benchmark=("DP-3",),
        psrule=("AZR-000357",),
        page="https://learn.microsoft.com/azure/iot-hub/iot-hub-tls-support",
    ),
    check=must_be("properties.minTlsVersion", "1.2"),
)
ROUTES = Rule(
    id="E-02",
    name="iot-routes-by-identity",
    title="The hub hands messages on by identity",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=HUB,
    fix=f"Leave authentication_type=identityBased in {FILE}",
    sources=Sources(benchmark=("IM-3",), page="https://learn.microsoft.com/azure/iot-hub/iot-hub-managed-identity"),
    check=_endpoints,
)
UPLOADS = Rule(
    id="E-03",
    name="iot-uploads-by-identity",
    title="Files of devices are stored by identity",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=HUB,
    fix=f"Give storage_endpoints authentication_type=identityBased in {FILE}",
    sources=Sources(benchmark=("IM-3",), page="https://learn.microsoft.com/azure/iot-hub/iot-hub-managed-identity"),
    check=_upload,
)
TIER = Rule(
    id="E-04",
    name="iot-paid-tier",
    title="A hub in production is no free one",
    severity=Severity.MEDIUM,
    levels=PRODUCTION,
    types=HUB,
    fix="Write `sku: S1` below mlops:edge: a free hub takes 8,000 messages a day and never becomes another",
    sources=Sources(page="https://learn.microsoft.com/azure/iot-hub/iot-hub-scaling"),
    check=lambda one: ["sku.name is F1"] if one.get("sku.name") == "F1" else [],
)
PROVISIONING_CLOSED = Rule(
    id="E-05",
    name="provisioning-closed",
    title="Devices are taken up inside the network",
    severity=Severity.HIGH,
    levels=PRODUCTION,
    types=PROVISIONING,
    fix="mlops:networkProfile: private closes it",
    sources=Sources(azure_policy=("d82101f3-f3ce-4fc5-8708-4c09f4009546",), benchmark=("NS-2",)),
    check=must_be("properties.publicNetworkAccess", "Disabled", default="Enabled"),
)
BY_DIGEST = Rule(
    id="M-08",
    name="edge-image-by-digest",
    title="A manifest names every image by its digest",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=DEPLOYMENT,
    fix="Take the image from ContainerImage.image, which ends with @sha256:…",
    sources=Sources(page="https://learn.microsoft.com/azure/iot-edge/module-composition"),
    check=_by_digest,
)
BY_TAG = Rule(
    id="E-06",
    name="edge-target-by-tag",
    title="A deployment goes to devices with a tag, not to listed ones",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=DEPLOYMENT,
    fix="Write a target condition such as tags.ring='canary'",
    sources=Sources(page="https://learn.microsoft.com/azure/iot-edge/module-deployment-monitoring"),
    check=_condition,
)
NO_PASSWORD = Rule(
    id="E-07",
    name="edge-no-password",
    title="No manifest holds the password of a registry in plain text",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    types=DEPLOYMENT,
    fix="Mark it as a secret (pulumi.Output.secret), made from a token of the registry that may pull alone",
    sources=Sources(
        benchmark=("IM-8",),
        page="https://learn.microsoft.com/azure/container-registry/container-registry-token-based-repository-permissions",
    ),
    check=lambda one: _registry_credentials(one.inputs),
)
