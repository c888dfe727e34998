"""Outputs a preview can tell: what the program gave, and `unknown` for all that the service will add."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emulator.provider.values import UNKNOWN, Properties
from emulator.resource_types.conversion import outputs, request_body
from emulator.resource_types.schema import ArmType, ArrayOf, InlineObject, MapOf, ModelReference

if TYPE_CHECKING:
    from emulator.resource_types import ResourceEntry


def created(entry: ResourceEntry, inputs: Properties) -> Properties:
    """Outputs of a resource that does not exist yet."""
    type_ = entry.body_type()
    body = request_body(entry, inputs)
    filled = body if type_ is None else _filled(entry, type_, body)
    known = outputs(entry, filled)
    found = {name: known.get(name, UNKNOWN) for name in entry.outputs}
    return found | {"id": UNKNOWN, "azureApiVersion": entry.api_version}


def updated(entry: ResourceEntry, old_inputs: Properties, inputs: Properties, old_outputs: Properties) -> Properties:
    """Outputs of a resource after an update: what the service had set stays, what the program gives is new."""
    found = dict(old_outputs)
    # An input and the output of the same name may differ in shape: a list of identities comes back as a map.
    given = outputs(entry, request_body(entry, inputs))
    for name in entry.outputs:
        if name in inputs and entry.inputs[name].place.kind == "body":
            found[name] = _overlaid(old_outputs.get(name), given.get(name, inputs[name]))
        elif name in old_inputs and name not in inputs:
            found[name] = UNKNOWN
    return found


def _overlaid(old: Any, new: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return dict(old) | {name: _overlaid(old.get(name), value) for name, value in new.items()}
    return new


def _filled(entry: ResourceEntry, type_: ArmType, value: Any) -> Any:
    """A request body with `unknown` for every named property it leaves out."""
    if isinstance(type_, ArrayOf) and isinstance(value, list):
        return [_filled(entry, type_.items, item) for item in value]
    if isinstance(type_, MapOf) and isinstance(value, Mapping):
        return {key: _filled(entry, type_.values, item) for key, item in value.items()}
    if not isinstance(type_, ModelReference | InlineObject) or not isinstance(value, Mapping):
        return value
    filled = dict(value)
    for name, property_ in entry.schema.properties(entry.schema.narrowed(type_, value)).items():
        if name in value:
            filled[name] = _filled(entry, property_.type, value[name])
        else:
            inline = isinstance(property_.type, InlineObject)
            filled[name] = _filled(entry, property_.type, {}) if inline else UNKNOWN
    return filled
