"""Functions a program may call: keys, the caller's identity, and `get<Type>` of every type in the table."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.provider.errors import ProviderError
from emulator.resource_types import ResourceTable, UnknownResourceTypeError
from emulator.resource_types.conversion import outputs, resource_path

if TYPE_CHECKING:
    from emulator.provider.arm import ArmClient
    from emulator.provider.configuration import Configuration
    from emulator.provider.values import Properties
    from emulator.resource_types import ResourceEntry

CLIENT_CONFIG = "azure-native:authorization:getClientConfig"
ACTIONS = {
    "azure-native:machinelearningservices:listWorkspaceKeys": ("machinelearningservices:Workspace", "listKeys"),
    "azure-native:storage:listStorageAccountKeys": ("storage:StorageAccount", "listKeys"),
}
"""Function -> the type it belongs to and the POST action below the resource."""


@dataclass(frozen=True, slots=True)
class Functions:
    """Answers the functions a program calls."""

    arm: ArmClient
    configuration: Configuration
    table: ResourceTable

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """The result of a function; `ProviderError` for one that is not known."""
        if token == CLIENT_CONFIG:
            return self._client_config()
        if token in ACTIONS:
            name, action = ACTIONS[token]
            entry = self.table.entry_for_token(f"azure-native:{name}")
            found = self.arm.post(
                f"{self._path(entry, token, arguments)}/{action}", {"api-version": entry.api_version}, {}
            )
            return dict(found) if isinstance(found, Mapping) else {}
        return self._get(token, arguments)

    def _get(self, token: str, arguments: Properties) -> Properties:
        package, module, name = token.split(":")
        try:
            entry = self.table.entry_for_token(f"{package}:{module}:{name.removeprefix('get')}")
        except UnknownResourceTypeError:
            entry = None
        if entry is None or not name.startswith("get"):
            known = ", ".join([CLIENT_CONFIG, *ACTIONS, "azure-native:<module>:get<Type>"])
            raise ProviderError(f"{token} is not a function of the stand-in plugin. It has {known}.")
        path = self._path(entry, token, arguments)
        response = self.arm.get(path, {"api-version": entry.api_version})
        if response is None:
            raise ProviderError(f"{token}: {path} does not exist")
        return outputs(entry, response)

    def _path(self, entry: ResourceEntry, token: str, arguments: Properties) -> str:
        try:
            return resource_path(entry, arguments, self.configuration.required_subscription())
        except KeyError as error:
            raise ProviderError(f"{token}: argument {error} is missing") from error

    def _client_config(self) -> dict[str, Any]:
        claims = _claims(self.arm.connection.token())
        return {
            "clientId": claims.get("appid") or claims.get("azp") or "",
            "objectId": claims.get("oid", ""),
            "subscriptionId": self.configuration.required_subscription(),
            "tenantId": claims.get("tid", ""),
        }


def _claims(token: str) -> dict[str, Any]:
    """The payload of a JWT; the service it was made for checks the signature, not its bearer."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
