"""Creates, reads, updates and deletes resources over ARM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.provider.drift import imported_inputs, observed_inputs, refreshed_inputs
from emulator.provider.errors import ArmError, PartlyDoneError, ProviderError
from emulator.resource_types.conversion import ArmRequest, outputs, request

if TYPE_CHECKING:
    from emulator.provider.arm import ArmClient
    from emulator.provider.configuration import Configuration
    from emulator.provider.values import Properties
    from emulator.resource_types import ResourceEntry


@dataclass(frozen=True, slots=True)
class Made:
    """A resource after a PUT."""

    id: str
    outputs: Properties


@dataclass(frozen=True, slots=True)
class Found:
    """A resource as it was read."""

    id: str
    outputs: Properties
    inputs: Properties


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What the engine may do with a resource."""

    arm: ArmClient
    configuration: Configuration

    def create(self, entry: ResourceEntry, inputs: Properties, timeout: float) -> Made:
        """PUT, after a GET has shown that nobody else's resource is in the way."""
        made = request(entry, inputs, self.configuration.required_subscription())
        if not entry.created_by_azure and self.arm.get(made.path, _version(entry)) is not None:
            raise ProviderError(f"cannot create already existing resource '{made.path}'")
        return self._put(entry, made, inputs, timeout)

    def update(self, entry: ResourceEntry, id_: str, inputs: Properties, timeout: float) -> Made:
        """PUT of the whole resource: what the program no longer gives goes back to the service's default."""
        made = request(entry, inputs, self.configuration.required_subscription())
        return self._put(entry, ArmRequest(id_, made.query, made.body), inputs, timeout)

    def read(self, entry: ResourceEntry, id_: str, inputs: Properties, state: Properties) -> Found | None:
        """The resource as it is.

        Its inputs follow what has changed since the state was recorded. Without a record they are those given, as the
        service has them; and with nothing given, as for an import, all that would make the resource.
        """
        response = self.arm.get(id_, _version(entry))
        if response is None:
            return None
        now = outputs(entry, response)
        if "azureApiVersion" in state:
            return Found(id_, now, refreshed_inputs(entry, inputs, state, now))
        found = observed_inputs(entry, inputs, now) if inputs else imported_inputs(entry, id_, response)
        return Found(id_, now, found)

    def delete(self, entry: ResourceEntry, id_: str, timeout: float) -> None:
        """What Azure made together with its parent has no DELETE: it goes with the parent."""
        if "DELETE" in entry.operations:
            self.arm.delete(id_, _version(entry), timeout)

    def _put(self, entry: ResourceEntry, made: ArmRequest, inputs: Properties, timeout: float) -> Made:
        answer = self.arm.put(made.path, made.query, made.body)
        try:
            self.arm.wait(answer, made.path, timeout)
            response = self.arm.wait_for_state(made.path, _version(entry), timeout)
        except ProviderError as error:
            raise self._partly_done(entry, made, inputs, error) from error
        return Made(_id_of(response, made.path), outputs(entry, response))

    def _partly_done(
        self, entry: ResourceEntry, made: ArmRequest, inputs: Properties, error: ProviderError
    ) -> ProviderError:
        """The service took the request and then failed: if something is there, the engine must know of it."""
        try:
            response = self.arm.get(made.path, _version(entry))
        except ArmError:
            response = None
        if response is None:
            return error
        return PartlyDoneError(_id_of(response, made.path), outputs(entry, response), dict(inputs), str(error))


def _id_of(response: Mapping[str, Any], path: str) -> str:
    return str(response.get("id") or path)


def _version(entry: ResourceEntry) -> dict[str, str]:
    return {"api-version": entry.api_version}
