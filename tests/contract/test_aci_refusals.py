"""What Container Instances refuses, by plain ARM requests."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.arm import arm
from ml.clients.container_groups import API_VERSION, ContainerGroups
from ml.clients.errors import CloudError
from tests.conftest import RunningEmulator
from tests.contract.container_groups import PATH, FullGroup

IMAGE = "absent.azurecr.localhost/greeter:1"
GROUPS = ContainerGroups(SUBSCRIPTION_ID, "container-groups")


@pytest.fixture(scope="module", autouse=True)
def resource_group(emulator: RunningEmulator) -> Iterator[None]:
    arm().put(PATH, "2024-03-01", {"location": "westeurope"})
    yield
    for name in GROUPS.names():
        GROUPS.delete(name)


def body(**changes: Any) -> dict[str, Any]:
    """A good body (but for its image); changes by dotted path."""
    made = deepcopy(FullGroup("g", "westeurope", IMAGE, 80, liveness_path="/", dns_label="a-label").body())
    for path, value in changes.items():
        *way, last = path.split("__")
        where: Any = made
        for step in way:
            where = where[int(step[1:])] if step[0] == "n" and step[1:].isdecimal() else where[step]
        if value is None:
            where.pop(last)
        else:
            where[last] = value
    return made


C = "properties__containers__n0__properties__"


@pytest.mark.parametrize(
    ("changes", "status", "code", "says"),
    [
        ({"location": "mars"}, 400, "LocationNotAvailableForResourceType", "mars"),
        ({"properties__containers": None}, 400, "InvalidRequestContent", "properties.containers"),
        ({"properties__containers": []}, 400, "MissingContainers", "at least one container"),
        ({"properties__containers__n0__name": "Main"}, 400, "InvalidContainerName", "'Main'"),
        ({f"{C}image": ""}, 400, "MissingContainerImage", "'main'"),
        ({f"{C}resources": None}, 400, "InvalidResourceRequest", "'cpu'"),
        ({f"{C}resources__requests__cpu": 0}, 400, "InvalidResourceRequest", "'cpu'"),
        ({f"{C}imagge": "x"}, 400, "InvalidRequestContent", "imagge"),
        ({f"{C}resources__requests__memoryInGB": "1"}, 400, "InvalidRequestContent", "memoryInGB"),
        ({f"{C}livenessProbe": {"exec": {"command": ["true"]}}}, 501, "NotSupportedByEmulator", "livenessProbe"),
        ({"properties__osType": "Windows"}, 501, "NotSupportedByEmulator", "Windows"),
        ({"properties__volumes": [{"name": "v", "emptyDir": {}}]}, 501, "NotSupportedByEmulator", "volumes"),
        ({"properties__restartPolicy": "Sometimes"}, 400, "InvalidRequestContent", "Sometimes"),
        ({"properties__ipAddress__ports": []}, 400, "MissingIpAddressPorts", "cannot be empty"),
        ({"properties__ipAddress__ports": [{"port": 81}]}, 400, "UnreferencedIpAddressPorts", "'81'"),
        ({"properties__ipAddress__dnsNameLabel": "x"}, 400, "InvalidDnsNameLabel", "between 5 and 63"),
        ({"identity": {"type": "SystemAssigned"}}, 501, "NotSupportedByEmulator", "system-assigned"),
        (
            {"identity": {"type": "UserAssigned", "userAssignedIdentities": {f"{PATH}/providers/a/b/c": {}}}},
            400,
            "FailedIdentityOperation",
            "was not found",
        ),
    ],
)
def test_wrong_groups_are_refused(changes: dict[str, Any], status: int, code: str, says: str) -> None:
    with pytest.raises(CloudError) as refused:
        arm().put(GROUPS.path("wrong"), API_VERSION, body(**changes))
    assert (refused.value.status, refused.value.code) == (status, code), str(refused.value)
    assert says in str(refused.value)
    assert GROUPS.get("wrong") is None


def test_label_of_another_group_is_taken(emulator: RunningEmulator) -> None:
    arm().put(GROUPS.path("first"), API_VERSION, body())
    with pytest.raises(CloudError, match="Try using a different label") as refused:
        arm().put(GROUPS.path("second"), API_VERSION, body())
    assert refused.value.code == "DnsNameLabelNotAvailable"
    elsewhere = body(location="northeurope")
    arm().put(GROUPS.path("third"), API_VERSION, elsewhere)


@pytest.mark.parametrize(
    "changes",
    [{f"{C}resources__requests__cpu": 2}, {"properties__restartPolicy": "Never"}, {"zones": ["1"]}],
)
def test_what_cannot_be_changed_is_refused(changes: dict[str, Any]) -> None:
    label = {"properties__ipAddress__dnsNameLabel": "fixed-label"}
    arm().put(GROUPS.path("fixed"), API_VERSION, body(**label))
    with pytest.raises(CloudError, match="you must delete it first") as refused:
        arm().put(GROUPS.path("fixed"), API_VERSION, body(**label, **changes))
    assert refused.value.code == "InvalidContainerGroupUpdate"


def test_logs_of_what_is_not_there(emulator: RunningEmulator) -> None:
    assert GROUPS.logs("nowhere") == ""
    arm().put(GROUPS.path("silent"), API_VERSION, body(properties__ipAddress__dnsNameLabel="silent"))
    path = f"{GROUPS.path('silent')}/containers"
    assert arm().get(f"{path}/other/logs", API_VERSION) is None
    with pytest.raises(CloudError, match="'tail' must be a whole number"):
        arm().get(f"{path}/main/logs", API_VERSION, tail="many")
    assert GROUPS.logs("silent") == ""
