"""Container groups as deployments: what state they are in, what runs like them, what the gateway counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ml.clients.container_groups import ContainerGroup, GroupState
from ml.clients.metrics import Requests
from ml.resources.rollout import RolloutProvider
from ml.rollout.container_group.gateway import code, counted
from ml.rollout.container_group.place import like, secret_name, size
from ml.rollout.container_group.serving import state, to_deployment
from ml.rollout.container_group.shares import Shares
from ml.rollout.core.ports import SUCCEEDED
from tools.deployed_system import to_system
from tools.stacks import Stack

TOO_MANY = (
    "3 is too many, because a container group is one instance: write `serving: {instances: 1}` for this system in the "
    "stack file"
)
GROUP = "urn:pulumi:local::mlops::pulumi-python:dynamic/ml"
ROLLOUT: dict[str, Any] = {
    "workspace": {"subscriptionId": "s", "resourceGroupName": "g", "workspaceName": "w"},
    "system": "ticket_duration",
    "model": "ticket-duration",
    "endpoint": "ci-ticket-duration",
    "image": "r/x@sha256:aa",
    "stages": [10, 50],
    "instances": 1,
    "target": "container_group",
}


@pytest.mark.parametrize(
    ("provisioning", "shown", "reason", "said"),
    [
        ("Succeeded", "Running", "", SUCCEEDED),
        ("Succeeded", "Running", "Error: CrashLoopBackOff: back-off 10 s", "Failed"),
        ("Succeeded", "Waiting", "Error: CrashLoopBackOff", "Failed"),
        ("Succeeded", "Terminated", "Error", "Failed"),
        ("Succeeded", "Stopped", "", "Failed"),
        ("Failed", "Pending", "", "Failed"),
        ("Creating", "Pending", "", "Creating"),
        ("Succeeded", "Waiting", "", "Creating"),
    ],
)
def test_a_group_is_in_the_state_of_a_deployment(provisioning: str, shown: str, reason: str, said: str) -> None:
    group = GroupState(provisioning, shown, reason, None, "127.0.0.9:5001", tags={"version": "3"})
    assert state(group) == said
    assert to_deployment("v3-a", group).version == 3


def test_a_group_says_its_public_name_and_its_command() -> None:
    group = ContainerGroup("ci-x", "westeurope", "r/x@sha256:aa", 5001, label="ci-x", command=("python3", "-m", "m"))
    body = group.body()["properties"]
    assert body["ipAddress"]["dnsNameLabel"] == "ci-x"
    assert body["containers"][0]["properties"]["command"] == ["python3", "-m", "m"]
    plain = ContainerGroup("ci-x", "westeurope", "r/x@sha256:aa", 5001).body()["properties"]
    assert "dnsNameLabel" not in plain["ipAddress"]
    assert "command" not in plain["containers"][0]["properties"]


def test_a_group_in_a_network_has_no_public_address() -> None:
    inside = ContainerGroup("ci-x", "westeurope", "r/x@sha256:aa", 5001, subnet_id="/subnet").body()["properties"]
    assert inside["ipAddress"] == {"type": "Private", "ports": [{"port": 5001, "protocol": "TCP"}]}
    assert inside["subnetIds"] == [{"id": "/subnet"}]
    outside = ContainerGroup("ci-x", "westeurope", "r/x@sha256:aa", 5001).body()["properties"]
    assert outside["ipAddress"]["type"] == "Public"
    assert "subnetIds" not in outside


def test_what_is_deployed_again_runs_like_what_serves_and_its_secrets_are_asked_for_anew() -> None:
    given = ContainerGroup(
        "ci-x-v1",
        "westeurope",
        "r/x@sha256:aa",
        5001,
        environment={"AZURE_CLIENT_ID": "client"},
        secrets={"SCORING_KEY": "k"},
        cpu=2,
        memory_gb=4,
        identity_id="/identity",
        registry="r",
    )
    place = like(given.body(), {"APPLICATIONINSIGHTS_CONNECTION_STRING": "c"})
    assert (place.location, place.identity_id, place.registry, place.client_id) == (
        "westeurope",
        "/identity",
        "r",
        "client",
    )
    assert size(place.cpu, place.memory_gb) == "2 cores 4 GB"
    assert set(place.variables) == {"AZURE_CLIENT_ID", "APPLICATIONINSIGHTS_CONNECTION_STRING"}


def test_the_gateways_counts_are_those_of_the_minutes_asked_for() -> None:
    found = counted({"v1": {"100": [5, 1], "99": [7, 0]}, "v2": {"99": [1, 1]}}, 100)
    assert found == {"v1": {100: Requests(5, 1)}, "v2": {}}


def test_shares_of_nothing_are_left_out_but_their_addresses_are_known() -> None:
    given = {"v1": {"address": "a:1", "share": 100}, "v2": {"address": "b:1", "share": 0}}
    shares = Shares("r", given)
    assert (shares.traffic, shares.addresses) == ({"v1": 100}, {"v1": "a:1", "v2": "b:1"})
    assert (Shares().traffic, Shares().addresses) == ({}, {})


def test_the_gateways_code_is_known_by_what_it_means() -> None:
    assert code() == code()
    assert len(code()) == 12
    assert secret_name("ticket_duration") == "ticket-duration-scoring-key"


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        ({"target": "kubernetes"}, "target", "'kubernetes' is no target: leave it out, or write container_group"),
        ({"instances": 3}, "instances", TOO_MANY),
    ],
)
def test_a_target_that_cannot_be_had_is_refused_by_name(change: dict[str, Any], name: str, said: str) -> None:
    (failure,) = RolloutProvider().check({}, {**ROLLOUT, **change}).failures
    assert (failure.property, failure.reason) == (name, said)
    assert RolloutProvider().check({}, ROLLOUT).failures == []


def test_the_tools_find_a_system_in_container_groups_by_its_rollout() -> None:
    retention = {
        "type": f"{GROUP}:Retention",
        "urn": f"{GROUP}:Retention::ticket_duration-retention",
        "inputs": ROLLOUT,
    }
    rollout = {"type": f"{GROUP}:Rollout", "urn": f"{GROUP}:Rollout::ticket_duration-rollout", "inputs": ROLLOUT}
    stack = Stack("local", "emulator", Path("stacks"))
    found = to_system(stack, [retention, rollout], ROLLOUT)
    assert (found.in_groups, found.endpoint, found.client.name) == (True, "ci-ticket-duration", "ci-ticket-duration")
    assert to_system(stack, [retention], ROLLOUT).endpoint_name is None
