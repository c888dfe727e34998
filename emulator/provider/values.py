"""Property values on the wire (protobuf `Struct`) and in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import struct_pb2

Properties = dict[str, Any]

# Fixed names of the protocol: pulumi/sdk/go/common/resource/plugin/rpc.go and properties.go.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker, not a secret
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_TEXTS = frozenset(
    {
        UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


class Unknown:
    """A value that a preview does not know yet."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()


def is_unknown(value: object) -> bool:
    """Whether a value is the mark of a preview."""
    return value is UNKNOWN


def read(struct: struct_pb2.Struct) -> Properties:
    """Properties without those that are null."""
    found = {name: _read_value(value) for name, value in struct.fields.items()}
    return {name: value for name, value in found.items() if value is not None}


def _read_value(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value in UNKNOWN_TEXTS else value.string_value
        case "number_value":
            return int(value.number_value) if value.number_value.is_integer() else value.number_value
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_read_value(item) for item in value.list_value.values]
        case "struct_value":
            return _unwrapped(read(value.struct_value))
    return None


def _unwrapped(value: Properties) -> Any:
    match value.get(SIGNATURE):
        case None:
            return value
        case signature if signature == OUTPUT:
            return value.get("value", UNKNOWN)
        case signature if signature == REFERENCE:
            return value.get("id", UNKNOWN)
    return value.get("value")


def write(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """The message for properties; null ones are left out."""
    struct = struct_pb2.Struct()
    for name, value in properties.items():
        if value is not None:
            struct.fields[name].CopyFrom(_written(value))
    return struct


def _written(value: Any) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if value is UNKNOWN:
        return struct_pb2.Value(string_value=UNKNOWN_STRING)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, (int, float)):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=write(value))
    if isinstance(value, list):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_written(item) for item in value]))
    return struct_pb2.Value(string_value=str(value))
