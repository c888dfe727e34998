"""The table as one JSON document: only what the listed types reach, one line for each type, model and enumeration."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.resource_types.notation import write_limits, write_model
from emulator.resource_types.schema import (
    AnyOf,
    ArmType,
    ArrayOf,
    Enumeration,
    InlineObject,
    MapOf,
    Model,
    ModelReference,
    Schema,
)
from tools.resource_types.targets import DOCUMENTED_VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emulator.resource_types.entry import PathParameter, ResourceEntry
    from emulator.resource_types.layout import Layout

Lines = dict[str, dict[str, Any]]


@dataclass(slots=True)
class Document:
    """Collects entries, and the models and enumerations they reach."""

    version: str
    resources: dict[str, Any] = field(default_factory=dict)
    models: Lines = field(default_factory=dict)
    enumerations: Lines = field(default_factory=dict)
    layouts: Lines = field(default_factory=dict)

    def add(self, source: str, entry: ResourceEntry) -> None:
        """Adds a type and the models its requests use."""
        self.resources[entry.token] = _written_entry(source, entry)
        for operation in entry.operations.values():
            if operation.body:
                self._add_model(source, entry.schema, operation.body)

    def add_layouts(self, module: str, layouts: Mapping[str, Layout]) -> None:
        """Adds the nested types of an SDK module that differ from ARM's."""
        for name, layout in layouts.items():
            self.layouts.setdefault(module, {})[name] = layout.write()

    def _add_model(self, source: str, schema: Schema, name: str) -> None:
        models = self.models.setdefault(source, {})
        if name in models:
            return
        model = schema.model(name)
        models[name] = write_model(model)
        for type_ in _types_of(model):
            if isinstance(type_, Enumeration):
                documented = DOCUMENTED_VALUES.get(source, {}).get(type_.name, [])
                self.enumerations.setdefault(source, {})[type_.name] = [*type_.values, *documented]
            elif isinstance(type_, ModelReference):
                self._add_model(source, schema, type_.name)
        for child in model.discriminator.models.values() if model.discriminator else ():
            self._add_model(source, schema, child)

    def text(self) -> str:
        """The whole file; the same input gives the same bytes."""
        sections = [f'"pulumi_azure_native": {json.dumps(self.version)}']
        sections.append(_section("resources", self.resources, depth=1))
        for name in ("models", "enumerations", "layouts"):
            sections.append(_section(name, getattr(self, name), depth=2))
        return "{\n" + ",\n".join(sections) + "\n}\n"


def _section(name: str, lines: Mapping[str, Any], depth: int) -> str:
    if depth == 1:
        rows = [f"{json.dumps(key)}: {_compact(value)}" for key, value in sorted(lines.items())]
    else:
        rows = [_section(key, value, depth - 1) for key, value in sorted(lines.items())]
    return f"{json.dumps(name)}: {{\n" + ",\n".join(rows) + "\n}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _types_of(model: Model) -> Iterator[ArmType]:
    if model.additional:
        yield from _parts(model.additional)
    for property_ in model.properties.values():
        if not property_.read_only:
            yield from _parts(property_.type)


def _parts(type_: ArmType) -> Iterator[ArmType]:
    yield type_
    match type_:
        case ArrayOf(inner) | MapOf(inner):
            yield from _parts(inner)
        case AnyOf(members):
            for member in members:
                yield from _parts(member)
        case InlineObject(properties):
            for property_ in properties.values():
                if not property_.read_only:
                    yield from _parts(property_.type)


def _written_entry(source: str, entry: ResourceEntry) -> dict[str, Any]:
    written: dict[str, Any] = {"api_version": entry.api_version, "models": source, "path": entry.path.text}
    if entry.model_api_version != entry.api_version:
        written["model_api_version"] = entry.model_api_version
    if entry.autoname:
        written["autoname"] = {"input": entry.autoname.input, "rule": entry.autoname.rule}
    if entry.created_by_azure:
        written["created_by_azure"] = True
    written["operations"] = {
        method: ({"body": one.body} if one.body else {}) | ({"long_running": True} if one.long_running else {})
        for method, one in entry.operations.items()
    }
    written["parameters"] = {hole: _written_parameter(one) for hole, one in entry.parameters.items()}
    written["inputs"] = {name: one.write() for name, one in entry.inputs.items()}
    written["outputs"] = {name: one.write() for name, one in entry.outputs.items()}
    written["read_only"] = sorted("/".join(path) for path in entry.read_only)
    return written


def _written_parameter(parameter: PathParameter) -> dict[str, Any]:
    written: dict[str, Any] = {"input": parameter.input} if parameter.input else {}
    if parameter.values:
        written["values"] = list(parameter.values)
    if parameter.prefix:
        written["prefix"] = parameter.prefix
    return written | write_limits(parameter.limits)
