"""A recording as Azure Resource Manager sees it: requests, ids, and who names whom. All of it follows from the table of
resource types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emulator.resource_types import ResourceEntry, ResourceTable, UnknownResourceTypeError
from emulator.resource_types.conversion import ArmRequest, request
from emulator.resource_types.entry import ID_OF_TYPE
from emulator.resource_types.path import type_key
from infra.naming import LIMITS, Kind, Unique
from tests.program.recorder import Recording, Registered

TABLE = ResourceTable.load()
ARM_ID = re.compile(r"/subscriptions/[0-9a-f-]{36}(?:/[\w.()~-]+)*", re.IGNORECASE)
KINDS = {kind.value.lower(): kind for kind in Kind}


@dataclass(frozen=True)
class Resource:
    """One resource of azure-native: what the program said, and the PUT that comes of it."""

    registered: Registered
    entry: ResourceEntry
    request: ArmRequest

    @property
    def name(self) -> str:
        """Its logical name."""
        return self.registered.name

    @property
    def inputs(self) -> dict[str, Any]:
        """What the program gave."""
        return self.registered.inputs

    @property
    def body(self) -> dict[str, Any]:
        """What Azure gets."""
        return self.request.body

    @property
    def id(self) -> str:
        """The ARM id."""
        return self.request.path

    @property
    def arm_type(self) -> str:
        """`microsoft.storage/storageaccounts`, in lower case."""
        words = type_key(self.id)
        return "/".join(words) if "." in words[0] else f"microsoft.resources/{words[-1]}"

    @property
    def kind(self) -> Kind | None:
        """Its line in the table of names."""
        return KINDS.get(self.arm_type)

    @property
    def own_name(self) -> str:
        """Its name in Azure."""
        return self.id.rsplit("/", 1)[1]

    @property
    def properties(self) -> dict[str, Any]:
        """Where most of a body is."""
        return dict(self.body.get("properties") or {})

    def takes(self, *at: str) -> bool:
        """Whether the model of its body has a property there."""
        type_ = self.entry.body_type()
        for step in at:
            found = self.entry.schema.properties(type_).get(step) if type_ is not None else None
            type_ = found.type if found and not found.read_only else None
        return type_ is not None

    def __str__(self) -> str:
        return f"{self.name} ({self.entry.name})"


@dataclass(frozen=True)
class Declared:
    """Everything that a run of the program declares, and the configuration it was given."""

    recording: Recording
    config: Mapping[str, Any]

    @cached_property
    def subscription(self) -> str:
        """The provider's own."""
        (provider,) = self.recording.of_type("pulumi:providers:azure-native")
        return str(provider.inputs["subscriptionId"])

    @cached_property
    def external(self) -> set[str]:
        """The ids in lower case that the configuration names: they and what is in them belong to somebody else."""
        return {found.lower() for found in ARM_ID.findall(json.dumps(self.config))}

    @cached_property
    def resources(self) -> list[Resource]:
        """What can be asked of Azure; `unasked` has the others."""
        return [made for one in self.recording.azure if isinstance(made := self._made(one), Resource)]

    @cached_property
    def unasked(self) -> list[str]:
        """Why there is no request for a resource."""
        return [made for one in self.recording.azure if isinstance(made := self._made(one), str)]

    def _made(self, registered: Registered) -> Resource | str:
        """A request needs every name on the path: that none is drawn by chance, or known only later, follows."""
        who = f"{registered.name} ({registered.type.removeprefix(ID_OF_TYPE)})"
        try:
            entry = TABLE.entry_for_token(registered.type)
        except UnknownResourceTypeError as error:
            return f"{who}: {error}"
        for parameter in entry.parameters.values():
            if parameter.input and not isinstance(registered.inputs.get(parameter.input), str):
                return f"{who}: {parameter.input} is not given, or not known in a preview"
        if unknown := registered.inputs.keys() - entry.inputs.keys():
            return f"{who}: has no input {', '.join(sorted(unknown))}"
        return Resource(registered, entry, request(entry, registered.inputs, self.subscription))

    @cached_property
    def by_id(self) -> dict[str, Resource]:
        """By ARM id in lower case."""
        return {one.id.lower(): one for one in self.resources}

    def of(self, *types: str) -> list[Resource]:
        """Those of Pulumi types such as `storage:StorageAccount`."""
        return [one for one in self.resources if one.entry.name in types]

    @cached_property
    def _names(self) -> dict[str, list[Resource]]:
        """By names that say which resource is meant wherever they stand: those with the stack's suffix."""
        found: dict[str, list[Resource]] = {}
        for one in self.resources:
            if one.kind and LIMITS[one.kind].unique is not Unique.PARENT:
                found.setdefault(one.own_name, []).append(one)
        return found

    @cached_property
    def _name_pattern(self) -> re.Pattern[str]:
        names = "|".join(re.escape(name) for name in sorted(self._names, key=len, reverse=True))
        return re.compile(rf"(?<![A-Za-z0-9-])(?:{names})(?![A-Za-z0-9-])")

    def above(self, arm_id: str) -> Iterator[Resource]:
        """The declared resources that an id leads through, itself included, the nearest first."""
        words = arm_id.lower().split("/")
        for length in range(len(words), 2, -1):
            if found := self.by_id.get("/".join(words[:length])):
                yield found

    def ids_in(self, resource: Resource) -> Iterator[str]:
        """Every ARM id in what the program gave, inside longer texts too."""
        for text in resource.registered.texts():
            yield from ARM_ID.findall(text)

    def mentioned(self, resource: Resource) -> Iterator[Resource]:
        """The resources that must be there before this one: those on its own path, and those whose id or name stands
        anywhere in its inputs.
        """
        for arm_id in (resource.id, *self.ids_in(resource)):
            yield from self.above(arm_id)
        for text in resource.registered.texts():
            for name in self._name_pattern.findall(text):
                yield from self._names[name]
        yield from self._named_within(resource)

    def _named_within(self, resource: Resource) -> Iterator[Resource]:
        """What is named by a short name, which means something only in its surroundings."""
        for name, type_name in _references(resource.body):
            factory = resource.id.lower().split("/")
            factory_id = "/".join(factory[: factory.index("factories") + 2])
            if found := self.by_id.get(f"{factory_id}/{type_name}/{name}".lower()):
                yield found
        if resource.entry.name == "machinelearningservices:Datastore":
            wanted = (resource.properties["accountName"], resource.properties["filesystem"])
            for one in self.of("storage:BlobContainer"):
                if (one.inputs["accountName"], one.own_name) == wanted:
                    yield one


REFERENCES = {
    "DataFlowReference": "dataflows",
    "DatasetReference": "datasets",
    "IntegrationRuntimeReference": "integrationruntimes",
    "LinkedServiceReference": "linkedservices",
    "PipelineReference": "pipelines",
}
"""How Data Factory names its own resources, and the ARM type that is meant."""


def _references(value: Any) -> Iterator[tuple[str, str]]:
    """`{"type": "DatasetReference", "referenceName": "bikes"}`, wherever it stands: `("bikes", "datasets")`."""
    if isinstance(value, Mapping):
        if value.get("type") in REFERENCES and "referenceName" in value:
            yield str(value["referenceName"]), REFERENCES[value["type"]]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
