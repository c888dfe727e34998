"""Makes the whole table from the targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.resource_types import targets
from tools.resource_types.builder import Builder
from tools.resource_types.document import Document
from tools.resource_types.nested_layouts import NestedLayouts
from tools.resource_types.package import read_package
from tools.resource_types.placement import Placement
from tools.resource_types.pulumi_sdk import PulumiModule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tools.resource_types.targets import Source


@dataclass(slots=True)
class Generated:
    """The table and what there is to say about it."""

    document: Document
    notes: list[str] = field(default_factory=list)
    """What a person should know: models of another API version, nested properties no model has."""


def generate(
    types: Mapping[str, Sequence[str]] = targets.TYPES, sources: Mapping[str, Source] = targets.SOURCES
) -> Generated:
    """Reads all sources; `LookupError` and `UnplacedInputError` name a type that cannot be made."""
    generated = Generated(Document(targets.PULUMI_AZURE_NATIVE))
    modules: dict[str, PulumiModule] = {}
    for source, tokens in sorted(types.items()):
        package = read_package(sources[source])
        placement = Placement(package.schema)
        for module_name, names in _by_module(tokens):
            opened = PulumiModule.open(module_name, targets.PULUMI_AZURE_NATIVE)
            module = modules.setdefault(module_name, opened)
            layouts = NestedLayouts(module, placement)
            for token in names:
                entry = Builder(package, module, placement, layouts).build(token)
                generated.document.add(source, entry)
                if entry.model_api_version != entry.api_version:
                    generated.notes.append(f"{token} {entry.api_version}: models of {entry.model_api_version}")
            generated.document.add_layouts(module_name, layouts.found)
            generated.notes += [f"{module_name}:{name}: in no model" for name in sorted(layouts.unplaced)]
    return generated


def _by_module(tokens: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    modules = sorted({token.split(":")[0] for token in tokens})
    return ((module, sorted(token for token in tokens if token.split(":")[0] == module)) for module in modules)
