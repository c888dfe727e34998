"""A client that may make a resource in one group may not use those of another group with it."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from emulator.access import ROLE_ASSIGNMENT, ROLE_DEFINITION, SUBSCRIPTION
from emulator.entra.principal import Principal
from emulator.entra.tokens import Tokens
from emulator.roles import CONTRIBUTOR
from infra.role_assignments import Role
from tests.conftest import RunningEmulator
from tests.contract.test_arm import Arm, arm, group, identity, vault, vault_body

__all__ = ["arm", "group"]
WEST = {"location": "westeurope"}
NETWORKS = "2024-05-01"


def test_a_private_endpoint_needs_subnet_and_target(arm: Arm, group: str, emulator: RunningEmulator) -> None:
    """Azure asks again on every request that names them, and not on one that does not."""
    mine = f"{SUBSCRIPTION}/resourceGroups/of-an-identity"
    network = f"{group}/providers/Microsoft.Network/virtualNetworks/shared"
    subnet, target = f"{network}/subnets/endpoints", f"{group}/{vault('linked')}"
    made = f"{mine}/providers/Microsoft.Network/privateEndpoints/one"
    arm.send("PUT", mine, WEST)
    arm.send("PUT", network, {**WEST, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}, NETWORKS)
    arm.send("PUT", subnet, {"properties": {"addressPrefix": "10.0.1.0/24"}}, NETWORKS)
    arm.send("PUT", target, vault_body())
    client = arm.send("PUT", identity(group, "client"), WEST).json()["properties"]
    signed_in = sign_in(emulator, client)

    def give(scope: str, role: str) -> str:
        path = f"{scope}/providers/{ROLE_ASSIGNMENT}/{uuid.uuid4()}"
        definition = f"{SUBSCRIPTION}/providers/{ROLE_DEFINITION}/{role}"
        given = {"roleDefinitionId": definition, "principalId": client["principalId"]}
        assert arm.send("PUT", path, {"properties": {**given, "principalType": "ServicePrincipal"}}).status_code == 201
        return path

    connection = {"name": "vault", "properties": {"privateLinkServiceId": target, "groupIds": ["vault"]}}
    body = {**WEST, "properties": {"subnet": {"id": subnet}, "privateLinkServiceConnections": [connection]}}

    def ask(method: str = "PUT", said: dict[str, Any] = body) -> httpx.Response:
        return arm.send(method, made, said, NETWORKS, headers=signed_in)

    assert refusal(ask())[:2] == (403, "AuthorizationFailed")
    give(mine, CONTRIBUTOR)
    for scope, role, action in (
        (subnet, Role.NETWORK_CONTRIBUTOR.value, "Microsoft.Network/virtualNetworks/subnets/join/action"),
        (target, CONTRIBUTOR, "Microsoft.KeyVault/vaults/privateEndpointConnectionsApproval/action"),
    ):
        status, code, message = refusal(ask())
        assert (status, code) == (403, "LinkedAuthorizationFailed")
        assert f"perform action(s) '{action}' on the linked scope(s) '{scope}'" in message
        given = give(scope, role)
    assert ask().status_code == 201
    arm.send("DELETE", given)
    assert refusal(ask())[1] == "LinkedAuthorizationFailed"
    assert ask("PATCH", {"tags": {"owner": "ml"}}).status_code == 200
    arm.send("DELETE", mine)


def test_an_import_needs_more_of_the_registry_it_is_from_than_to_pull(
    arm: Arm, group: str, emulator: RunningEmulator
) -> None:
    """As https://github.com/Azure/acr/issues/237 has it: AcrPull there is refused, the role of importers is not."""
    made = [
        f"{group}/providers/Microsoft.ContainerRegistry/registries/cr{name}{uuid.uuid4().hex[:8]}"
        for name in ("to", "from")
    ]
    for path in made:
        arm.send("PUT", path, {**WEST, "sku": {"name": "Basic"}}, "2023-07-01")
    target, source = made
    client = arm.send("PUT", identity(group, "importer"), WEST).json()["properties"]
    signed_in = sign_in(emulator, client)
    body = {"source": {"resourceId": source, "sourceImage": "none:1"}, "targetTags": ["promoted:1"]}

    def give(scope: str, role: Role) -> None:
        path = f"{scope}/providers/{ROLE_ASSIGNMENT}/{uuid.uuid4()}"
        definition = f"{SUBSCRIPTION}/providers/{ROLE_DEFINITION}/{role.value}"
        given = {"roleDefinitionId": definition, "principalId": client["principalId"]}
        assert arm.send("PUT", path, {"properties": {**given, "principalType": "ServicePrincipal"}}).status_code == 201

    def ask() -> httpx.Response:
        return arm.send("POST", f"{target}/importImage", body, "2023-07-01", headers=signed_in)

    give(target, Role.ACR_DATA_IMPORTER)
    give(source, Role.ACR_PULL)
    status, code, message = refusal(ask())
    assert (status, code) == (403, "LinkedAuthorizationFailed")
    assert f"'Microsoft.ContainerRegistry/registries/read' on the linked scope(s) '{source}'" in message
    give(source, Role.ACR_DATA_IMPORTER)
    assert ask().status_code == 202


def sign_in(emulator: RunningEmulator, client: dict[str, Any]) -> dict[str, str]:
    """The header of an identity's requests."""
    tokens = Tokens(emulator.settings.state, emulator.settings.base_url)
    principal = Principal(client["principalId"], client["clientId"], "")
    return {"authorization": f"Bearer {tokens.issue('https://management.azure.com', principal)[0]}"}


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of an error."""
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]
