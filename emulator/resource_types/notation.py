"""How the committed table writes types and properties.

    string int any …   a scalar            @Kind    an enumeration      #Sku      a model
    [T]                an array of T       {T}      free keys to T      (A|B)     any of
    ="AzureBlob"       a fixed value

A property is its type after the flags `required`, `read-only` and `create-only`: `"required create-only @Kind"`. With
limits or parts it is an object: `{"type": "string", "max_length": 24}`, `{"type": "object", "properties": {…}}`.
A read-only property has no type, because no request may carry it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from emulator.resource_types.schema import (
    SCALARS,
    AnyOf,
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

FLAGS = {"required": "required", "read-only": "read_only", "create-only": "create_only"}
Enumerations = Mapping[str, list[str]]


def write_type(type_: ArmType) -> str:
    """The notation of a type."""
    match type_:
        case Scalar(kind):
            return kind
        case Enumeration(name, _):
            return "@" + name
        case ModelReference(name):
            return "#" + name
        case ArrayOf(items):
            return f"[{write_type(items)}]"
        case MapOf(values):
            return f"{{{write_type(values)}}}"
        case Constant(value):
            return "=" + json.dumps(value)
        case AnyOf(members):
            return f"({'|'.join(write_type(member) for member in members)})"
        case InlineObject():
            return "object"


def read_type(text: str, enumerations: Enumerations) -> ArmType:
    """The type a notation stands for; `ValueError` when it stands for none."""
    type_, end = _Reader(text, enumerations).type_at(0)
    if end != len(text):
        raise ValueError(f"{text!r}: unexpected {text[end:]!r} after a type")
    return type_


class _Reader:
    def __init__(self, text: str, enumerations: Enumerations) -> None:
        self.text = text
        self.enumerations = enumerations

    def type_at(self, start: int) -> tuple[ArmType, int]:
        match self.text[start]:
            case "[":
                items, end = self.type_at(start + 1)
                return ArrayOf(items), end + 1
            case "{":
                values, end = self.type_at(start + 1)
                return MapOf(values), end + 1
            case "(":
                return self._any_of(start)
            case "=":
                value, end = json.JSONDecoder().raw_decode(self.text, start + 1)
                return Constant(value), end
        return self._named(start)

    def _any_of(self, start: int) -> tuple[ArmType, int]:
        members: list[ArmType] = []
        while self.text[start] in "(|":
            member, start = self.type_at(start + 1)
            members.append(member)
        return AnyOf(tuple(members)), start + 1

    def _named(self, start: int) -> tuple[ArmType, int]:
        end = start
        while end < len(self.text) and self.text[end] not in "]})|":
            end += 1
        word = self.text[start:end]
        if word in SCALARS:
            return Scalar(word), end
        if word[0] == "#":
            return ModelReference(word[1:]), end
        if word[0] == "@":
            return Enumeration(word[1:], tuple(self.enumerations[word[1:]])), end
        raise ValueError(f"{self.text!r}: {word!r} is no type")


def write_limits(limits: Limits) -> dict[str, Any]:
    """Limits that are set, by name."""
    return {item.name: value for item in fields(limits) if (value := getattr(limits, item.name)) is not None}


def write_property(property_: Property) -> str | dict[str, Any]:
    """A property as the table has it."""
    if property_.read_only:
        return "read-only any"
    words = [word for word, attribute in FLAGS.items() if getattr(property_, attribute)]
    text = " ".join([*words, write_type(property_.type)])
    details = write_limits(property_.limits)
    if isinstance(property_.type, InlineObject):
        details["properties"] = {name: write_property(part) for name, part in sorted(property_.type.properties.items())}
    return {"type": text, **details} if details else text


def read_property(written: str | Mapping[str, Any], enumerations: Enumerations) -> Property:
    """A property from the table."""
    details: dict[str, Any] = {"type": written} if isinstance(written, str) else dict(written)
    text = details.pop("type")
    flags = set()
    while (word := text.split(" ", 1)[0]) in FLAGS:
        flags.add(word)
        text = text[len(word) + 1 :]
    parts = details.pop("properties", None)
    return Property(
        read_type(text, enumerations) if parts is None else _inline(parts, enumerations),
        required="required" in flags,
        read_only="read-only" in flags,
        create_only="create-only" in flags,
        limits=Limits(**details),
    )


def _inline(parts: Mapping[str, Any], enumerations: Enumerations) -> InlineObject:
    return InlineObject({name: read_property(part, enumerations) for name, part in parts.items()})


def write_model(model: Model) -> dict[str, Any]:
    """A model as the table has it."""
    written: dict[str, Any] = {}
    if model.discriminator:
        written["by"] = model.discriminator.property
        written["models"] = dict(sorted(model.discriminator.models.items()))
    if model.additional:
        written["additional"] = write_type(model.additional)
    written["properties"] = {name: write_property(item) for name, item in sorted(model.properties.items())}
    return written


def read_model(written: Mapping[str, Any], enumerations: Enumerations) -> Model:
    """A model from the table."""
    return Model(
        properties={name: read_property(item, enumerations) for name, item in written["properties"].items()},
        additional=read_type(written["additional"], enumerations) if "additional" in written else None,
        discriminator=Discriminator(written["by"], written["models"]) if "by" in written else None,
    )
