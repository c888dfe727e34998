"""The committed table of resource types."""

from __future__ import annotations

import difflib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.resource_types.entry import Autoname, Input, Operation, ResourceEntry, read_parameters
from emulator.resource_types.layout import Layout, Move
from emulator.resource_types.limits import broken_limits
from emulator.resource_types.notation import read_model
from emulator.resource_types.path import PathTemplate, type_key
from emulator.resource_types.problem import Problem
from emulator.resource_types.schema import Model, Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE_FILE = Path(__file__).with_name("table.json")


class UnknownResourceTypeError(LookupError):
    """A Pulumi type that the table does not have."""


class ResourceTable:
    """Every resource type the emulator and the stand-in plugin know. Entries and models are decoded at first use."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._resources: Mapping[str, Any] = document["resources"]
        self._models: Mapping[str, Any] = document["models"]
        self._enumerations: Mapping[str, Any] = document["enumerations"]
        self._layouts: Mapping[str, Any] = document["layouts"]
        self._entries: dict[str, ResourceEntry] = {}
        self._schemas: dict[str, Schema] = {}
        self._tokens_by_key = _index(self._resources)
        self.plugin_version: str = document["pulumi_azure_native"]

    @classmethod
    def load(cls) -> ResourceTable:
        """The table of this checkout; read once a process."""
        return _load()

    @property
    def tokens(self) -> list[str]:
        """Every Pulumi type of the table."""
        return list(self._resources)

    def entry_for_token(self, token: str) -> ResourceEntry:
        """The entry of a Pulumi type; `UnknownResourceTypeError` names it and how to add it."""
        if token not in self._entries:
            if token not in self._resources:
                raise UnknownResourceTypeError(self._unknown(token))
            self._entries[token] = self._read(token, self._resources[token])
        return self._entries[token]

    def entry_for_path(self, method: str, path: str) -> ResourceEntry | None:
        """The type of the resource at an ARM path, if it has the method; `None` for anything else (case is ignored)."""
        for token in self._tokens_by_key.get(type_key(path), ()):
            entry = self.entry_for_token(token)
            if method.upper() in entry.operations and entry.path.match(path):
                return entry
        return None

    def _unknown(self, token: str) -> str:
        near = difflib.get_close_matches(token, self._resources, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        name = token.removeprefix("azure-native:")
        return (
            f"{token} is not in the table of resource types.{hint} To add it, write {name!r} into "
            "tools/resource_types/targets.py and run `python -m tools.resource_types`."
        )

    def _read(self, token: str, written: Mapping[str, Any]) -> ResourceEntry:
        autoname = written.get("autoname")
        return ResourceEntry(
            token=token,
            api_version=written["api_version"],
            model_api_version=written.get("model_api_version", written["api_version"]),
            path=PathTemplate(written["path"]),
            parameters=read_parameters(written["parameters"]),
            operations={method: Operation(**details) for method, details in written["operations"].items()},
            inputs={name: Input.read(text) for name, text in written["inputs"].items()},
            outputs={name: Move.read(text) for name, text in written["outputs"].items()},
            read_only=frozenset(tuple(text.split("/")) for text in written["read_only"]),
            autoname=Autoname(**autoname) if autoname else None,
            created_by_azure=written.get("created_by_azure", False),
            schema=self._schema(written["models"]),
            layouts=self._layouts_of(token.split(":")[1]),
        )

    def _schema(self, source: str) -> Schema:
        if source not in self._schemas:
            models, enumerations = self._models.get(source, {}), self._enumerations.get(source, {})

            def read(name: str) -> Model:
                return read_model(models[name], enumerations)

            self._schemas[source] = Schema(read)
        return self._schemas[source]

    def _layouts_of(self, module: str) -> dict[str, Layout]:
        return {name: Layout.read(written) for name, written in self._layouts.get(module, {}).items()}


@cache
def _load() -> ResourceTable:
    return ResourceTable(json.loads(TABLE_FILE.read_bytes()))


def _index(resources: Mapping[str, Any]) -> dict[tuple[str, ...], list[str]]:
    index: dict[tuple[str, ...], list[str]] = {}
    for token, written in resources.items():
        index.setdefault(PathTemplate(written["path"]).key, []).append(token)
    return index


def read_only_paths(entry: ResourceEntry) -> frozenset[tuple[str, ...]]:
    """Paths in the resource's document that only the service sets; a request never changes what lies there."""
    return entry.read_only


def check_path(entry: ResourceEntry, path: str) -> list[Problem]:
    """Names in an ARM path that break the limits of the type (length, pattern, fixed values)."""
    problems = []
    for hole, value in (entry.path.match(path) or {}).items():
        parameter = entry.parameters[hole]
        problems += [Problem((hole,), "OutOfLimits", text) for text in broken_limits(parameter.limits, value)]
        if parameter.values and value.lower() not in {known.lower() for known in parameter.values}:
            problems.append(Problem((hole,), "InvalidValue", f"{value!r} is not one of {', '.join(parameter.values)}"))
    return problems
