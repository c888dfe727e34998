"""Which inputs of a resource would lead to what the service now says, after somebody changed it by other means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emulator.provider.diff import same
from emulator.provider.values import Properties
from emulator.resource_types.conversion import inputs_of
from emulator.resource_types.schema import ArrayOf, Enumeration, InlineObject, ModelReference

if TYPE_CHECKING:
    from emulator.resource_types import ResourceEntry
    from emulator.resource_types.schema import ArmType

Path = tuple[str, ...]


def imported_inputs(entry: ResourceEntry, path: str, response: Mapping[str, Any]) -> Properties:
    """Inputs of a resource that no program made: all that its model lets a request say."""
    type_ = entry.body_type()
    found = inputs_of(entry, path, _writable(entry, type_, response) if type_ else response)
    return {name: value for name, value in found.items() if value != {}}


def _writable(entry: ResourceEntry, type_: ArmType, value: Any) -> Any:
    if isinstance(type_, ArrayOf) and isinstance(value, list):
        return [_writable(entry, type_.items, item) for item in value]
    if isinstance(type_, Enumeration) and isinstance(value, str):
        # Services answer with values in other case than they document.
        return next((known for known in type_.values if known.lower() == value.lower()), value)
    if not isinstance(type_, ModelReference | InlineObject) or not isinstance(value, Mapping):
        return value
    known = entry.schema.properties(entry.schema.narrowed(type_, value))
    kept = {name: item for name, item in value.items() if name in known and not known[name].read_only}
    return {name: _writable(entry, known[name].type, item) for name, item in kept.items()}


def refreshed_inputs(
    entry: ResourceEntry, inputs: Properties, old_outputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> Properties:
    """The inputs with every change between the outputs then and now; what the service adds by itself stays out."""
    found = dict(inputs)
    for name, one in entry.inputs.items():
        if one.place.kind == "body" and one.place.at not in entry.read_only:
            value = _merged(entry, inputs.get(name), old_outputs.get(name), outputs.get(name), one.place.at)
            found.pop(name, None)
            if value is not None:
                found[name] = value
    return found


def observed_inputs(entry: ResourceEntry, inputs: Properties, outputs: Mapping[str, Any]) -> Properties:
    """The inputs as the service has them, of a resource whose outputs were never recorded: its defaults stay out."""
    bodies = {name for name, one in entry.inputs.items() if one.place.kind == "body"}
    return {name: _observed(value, outputs.get(name)) if name in bodies else value for name, value in inputs.items()}


def _observed(given: Any, new: Any) -> Any:
    if isinstance(given, Mapping) and isinstance(new, Mapping):
        return {key: _observed(value, new.get(key)) for key, value in given.items()}
    # Secrets are given and never shown again.
    return given if new is None or same(given, new) else new


def _merged(entry: ResourceEntry, given: Any, old: Any, new: Any, at: Path) -> Any:
    if same(old, new):
        return given
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return new
    before = given if isinstance(given, Mapping) else {}
    merged = {}
    for key in (*before, *(key for key in new if key not in before)):
        if (*at, key) not in entry.read_only:
            merged[key] = _merged(entry, before.get(key), old.get(key), new.get(key), (*at, key))
    known = {key: value for key, value in merged.items() if value is not None}
    return known or (None if given is None else {})
