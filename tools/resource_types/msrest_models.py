"""Models of packages whose classes carry `_attribute_map` and `_validation` (the older generator)."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.resource_types.schema import (
    ArmType,
    ArrayOf,
    Constant,
    Discriminator,
    Enumeration,
    InlineObject,
    Limits,
    MapOf,
    Model,
    ModelReference,
    Property,
    Scalar,
)
from tools.resource_types.syntax import camel_case

if TYPE_CHECKING:
    from tools.resource_types.class_index import ClassIndex

SCALARS = {
    "str": "string", "int": "int", "long": "int", "float": "float", "decimal": "float", "bool": "bool", "object": "any",
    "iso-8601": "datetime", "rfc-1123": "string", "unix-time": "int", "date": "date", "time": "string",
    "duration": "duration", "bytearray": "bytes", "base64": "bytes", "IO": "any",
}  # fmt: skip
LIMITS = ("pattern", "min_length", "max_length", "min_items", "max_items", "minimum", "maximum", "multiple")


class MsrestModels:
    """Reads models by name."""

    def __init__(self, index: ClassIndex) -> None:
        self.index = index

    def read(self, name: str) -> Model:
        """The model of a class."""
        properties: dict[str, Any] = {}
        additional: ArmType | None = None
        rules = self._literal(name, "_validation")
        for attribute, spec in self._literal(name, "_attribute_map").items():
            if spec["key"] == "":
                free = self._type(spec["type"], None)
                additional = free.values if isinstance(free, MapOf) else free
                continue
            property_ = self._property(name, attribute, spec["type"], rules.get(attribute, {}))
            _insert(properties, _steps(spec["key"]), property_)
        return Model(_close(properties), additional, self._discriminator(name))

    def _property(self, model: str, attribute: str, type_text: str, rules: dict[str, Any]) -> Property:
        type_ = self._type(type_text, self._documented_enumeration(model, attribute))
        if rules.get("constant"):
            type_ = Constant(self._class_attribute(model, attribute))
        return Property(
            type_,
            required=rules.get("required", False) and not rules.get("constant", False),
            read_only=rules.get("readonly", False),
            limits=Limits(**{key: rules[key] for key in LIMITS if key in rules}),
            client_name=camel_case(attribute),
        )

    def _type(self, text: str, enumeration: Enumeration | None) -> ArmType:
        if text[0] == "[":
            return ArrayOf(self._type(text[1:-1], enumeration))
        if text[0] == "{":
            return MapOf(self._type(text[1:-1], enumeration))
        if text in SCALARS:
            return enumeration if enumeration and text == "str" else Scalar(SCALARS[text])
        if text in self.index.classes:
            return ModelReference(text)
        return self.index.enumeration(text) or Scalar("any")

    def _discriminator(self, name: str) -> Discriminator | None:
        own = _class_literal(self.index.classes[name], "_subtype_map")
        for attribute, models in (own or {}).items():
            key = self._literal(name, "_attribute_map")[attribute]["key"]
            return Discriminator(key.replace("\\.", "."), dict(models))
        return None

    def _literal(self, name: str, attribute: str) -> dict[str, Any]:
        for node in self.index.lineage(name):
            if (found := _class_literal(node, attribute)) is not None:
                return dict(found)
        return {}

    def _class_attribute(self, name: str, attribute: str) -> Any:
        return next((v for n in self.index.lineage(name) if (v := _class_literal(n, attribute)) is not None), None)

    def _documented_enumeration(self, name: str, attribute: str) -> Enumeration | None:
        """The class map types enumerations as plain strings; only the docstring names them."""
        described = re.compile(rf":vartype {re.escape(attribute)}:(.*?)(?=\n\s*:|\Z)", re.DOTALL)
        for node in self.index.lineage(name):
            found = described.search(ast.get_docstring(node) or "")
            for mentioned in re.findall(r"models\.(\w+)", found.group(1)) if found else []:
                if enumeration := self.index.enumeration(mentioned):
                    return enumeration
        return None


def _class_literal(node: ast.ClassDef, attribute: str) -> Any:
    for line in node.body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == attribute:
            try:
                return ast.literal_eval(line.value)
            except ValueError:
                return None
    return None


def _steps(key: str) -> list[str]:
    return [step.replace("\\.", ".") for step in re.split(r"(?<!\\)\.", key)]


def _insert(root: dict[str, Any], steps: list[str], property_: Property) -> None:
    for step in steps[:-1]:
        root = root.setdefault(step, {})
    root[steps[-1]] = property_


def _close(properties: dict[str, Any]) -> dict[str, Property]:
    """Turn the nested dictionaries of flattened containers into inline objects."""
    closed = {}
    for name, item in properties.items():
        inline = Property(InlineObject(_close(item)), client_name=name) if isinstance(item, dict) else item
        closed[name] = replace(inline)
    return closed
