"""From Pulumi inputs to an ARM request, and from an ARM response to Pulumi outputs, by the table alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.resource_types.layout import Arranger, get, put

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.resource_types.entry import PathParameter, ResourceEntry
    from emulator.resource_types.problem import Problem, Step


@dataclass(frozen=True, slots=True)
class ArmRequest:
    """One ARM call: `path` begins with a slash, `query` has the API version."""

    path: str
    query: Mapping[str, str]
    body: dict[str, Any]


def resource_path(entry: ResourceEntry, inputs: Mapping[str, Any], subscription: str) -> str:
    """The ARM id of the resource that inputs describe; `KeyError` names a path input that is missing."""
    values = {}
    for hole, parameter in entry.parameters.items():
        values[hole] = subscription if parameter.input is None else parameter.inner(str(inputs[parameter.input]))
    return entry.path.fill(values)


def request_body(entry: ResourceEntry, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the PUT that makes the resource."""
    arranger, body = Arranger(entry.layouts), dict[str, Any]()
    for name, value in inputs.items():
        place = entry.inputs[name].place
        if place.kind == "body" and value is not None:
            put(body, place.at, arranger.to_arm(value, place.layout))
    return body


def request_query(entry: ResourceEntry, inputs: Mapping[str, Any]) -> dict[str, str]:
    """The query of the PUT: API version, and inputs that go there."""
    query = {"api-version": entry.api_version}
    for name, value in inputs.items():
        place = entry.inputs[name].place
        if place.kind == "query" and value is not None:
            query[place.at[0]] = str(value).lower() if isinstance(value, bool) else str(value)
    return query


def request(entry: ResourceEntry, inputs: Mapping[str, Any], subscription: str) -> ArmRequest:
    """The whole PUT that makes the resource."""
    return ArmRequest(
        resource_path(entry, inputs, subscription), request_query(entry, inputs), request_body(entry, inputs)
    )


def outputs(entry: ResourceEntry, response: Mapping[str, Any]) -> dict[str, Any]:
    """What a program sees of the resource; properties the service left out are left out."""
    arranger = Arranger(entry.layouts)
    found = {name: arranger.from_arm(get(response, one.at), one.layout) for name, one in entry.outputs.items()}
    known = {name: value for name, value in found.items() if value is not None}
    return known | {"id": response.get("id"), "azureApiVersion": entry.api_version}


def inputs_of(entry: ResourceEntry, path: str, response: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that would make a resource that exists: names from its ARM id, the rest from what may be written."""
    holes = entry.path.match(path) or {}
    arranger, found = Arranger(entry.layouts), dict[str, Any]()
    for name, one in entry.inputs.items():
        if one.place.kind == "path":
            found[name] = _named(entry.parameters[one.place.at[0]], holes.get(one.place.at[0]))
        elif one.place.kind == "body":
            found[name] = arranger.from_arm(get(response, one.place.at), one.place.layout)
    return {name: value for name, value in found.items() if value is not None}


def _named(parameter: PathParameter, value: str | None) -> str | None:
    """The input that fills a hole so; one without a hole has one value only."""
    if value is None:
        return parameter.values[0] if parameter.values else None
    return parameter.prefix + value


def input_path(entry: ResourceEntry, problem: Problem) -> tuple[Step, ...]:
    """Where in the Pulumi inputs a problem of the body lies; of a nested type with a layout, only the input."""
    best: tuple[Step, ...] = ()
    longest = 0
    for name, one in entry.inputs.items():
        at = one.place.at
        if one.place.kind == "body" and problem.path[: len(at)] == at and len(at) > longest:
            longest = len(at)
            best = (name,) if one.place.layout else (name, *problem.path[len(at) :])
    return best or problem.path
