"""One module of a published client package: its models and its operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.resource_types.schema import Schema
from tools.resource_types.class_index import ClassIndex
from tools.resource_types.msrest_models import MsrestModels
from tools.resource_types.operations import PackageOperation, read_operations
from tools.resource_types.packages import package_folder
from tools.resource_types.rest_field_models import RestFieldModels

if TYPE_CHECKING:
    from tools.resource_types.targets import Source


@dataclass(frozen=True, slots=True)
class Package:
    """Models and operations."""

    schema: Schema
    operations: list[PackageOperation]


def read_package(source: Source) -> Package:
    """Reads one source without importing it."""
    folder = package_folder(source.distribution, source.version).joinpath(*source.module.split("."))
    index = ClassIndex.read(folder / "models")
    older = any("_attribute_map" in _assigned(index, name) for name in index.classes)
    models = MsrestModels(index) if older else RestFieldModels(index)
    return Package(Schema(models.read), read_operations(folder, index.classes))


def _assigned(index: ClassIndex, name: str) -> set[str]:
    return {getattr(target, "id", "") for line in index.classes[name].body for target in getattr(line, "targets", [])}
