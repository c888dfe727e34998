"""Properties of azure-native's resources and nested types, read from its Python SDK without importing it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tools.resource_types.packages import package_folder
from tools.resource_types.syntax import parse_file, text_of

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class PulumiType:
    """The type of a property: `array`, `map` and `union` have parts, `object` names a nested class."""

    kind: str
    name: str = ""
    parts: tuple[PulumiType, ...] = ()
    values: tuple[str, ...] = ()
    """Values of an enumeration."""
    open: bool = False
    """The enumeration also takes any other string."""


PLAIN = PulumiType("plain")
ANY = PulumiType("any")


@dataclass(slots=True)
class PulumiProperty:
    """One property of a resource or nested type. `constant` is the value the SDK itself sets."""

    type: PulumiType
    required: bool = False
    constant: Any = None


@dataclass(frozen=True, slots=True)
class PulumiResource:
    """One resource class."""

    api_version: str
    inputs: dict[str, PulumiProperty]
    outputs: dict[str, PulumiProperty]


class PulumiModule:
    """One module of the SDK, for instance `storage`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def open(cls, name: str, version: str) -> PulumiModule:
        """The module of the pinned SDK."""
        return cls(package_folder("pulumi-azure-native", version) / "pulumi_azure_native" / name)

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        files = [self.folder / name for name in ("_inputs.py", "outputs.py")]
        nodes = [node for file in files if file.exists() for node in parse_file(file).body]
        return {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}

    @cached_property
    def enumerations(self) -> dict[str, tuple[str, ...]]:
        file = self.folder / "_enums.py"
        nodes = parse_file(file).body if file.exists() else []
        return {node.name: _values(node) for node in nodes if isinstance(node, ast.ClassDef)}

    def properties(self, nested_type: str) -> dict[str, PulumiProperty]:
        """Properties of a nested type by their names in Pulumi's inputs and outputs."""
        return self._properties_of(self.classes[nested_type])

    def resource(self, name: str) -> PulumiResource:
        """`LookupError` when the SDK has no such resource."""
        file = self.folder / (re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower() + ".py")
        if not file.exists():
            raise LookupError(f"pulumi-azure-native has no {self.folder.name}:{name}")
        classes = {node.name: node for node in parse_file(file).body if isinstance(node, ast.ClassDef)}
        version = re.search(r"Uses Azure REST API version ([0-9a-z-]+)", ast.unparse(classes[name]))
        if version is None:
            raise LookupError(f"pulumi-azure-native does not say which API version {self.folder.name}:{name} uses")
        inputs = self._properties_of(classes.get(f"{name}InitArgs") or classes[f"{name}Args"])
        return PulumiResource(version.group(1), inputs, self._outputs_of(classes[name]))

    def _outputs_of(self, node: ast.ClassDef) -> dict[str, PulumiProperty]:
        getters = [line for line in node.body if isinstance(line, ast.FunctionDef) and line.returns is not None]
        return {wire: PulumiProperty(self._type(g.returns)) for g in getters if g.returns and (wire := _getter_name(g))}

    def _properties_of(self, node: ast.ClassDef) -> dict[str, PulumiProperty]:
        functions = [line for line in node.body if isinstance(line, ast.FunctionDef)]
        constructor = next((one for one in functions if one.name == "__init__"), None)
        if constructor is None:
            return {}
        names = {function.name: wire for function in functions if (wire := _getter_name(function))}
        found = {}
        for argument, default in zip(constructor.args.kwonlyargs, constructor.args.kw_defaults, strict=True):
            if argument.annotation is not None:
                found[argument.arg] = PulumiProperty(self._type(argument.annotation), required=default is None)
        for python_name, value in _constants(constructor):
            if python_name in found:
                found[python_name].constant = value
        return {names.get(python_name, python_name): item for python_name, item in found.items()}

    def _type(self, node: ast.expr) -> PulumiType:
        if (quoted := text_of(node)) is not None:
            return self._named(quoted.split(".")[-1])
        if not isinstance(node, ast.Subscript):
            return ANY if ast.unparse(node).endswith("Any") else PLAIN
        arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        match ast.unparse(node.value):
            case "pulumi.Input" | "pulumi.Output" | "Optional":
                return self._type(arguments[0])
            case "Sequence":
                return PulumiType("array", parts=(self._type(arguments[0]),))
            case "Mapping":
                return PulumiType("map", parts=(self._type(arguments[1]),))
            case "Union":
                return _union([self._type(argument) for argument in arguments])
        return PLAIN

    def _named(self, name: str) -> PulumiType:
        if name in self.enumerations:
            return PulumiType("enumeration", name, values=self.enumerations[name])
        return PulumiType("object", name) if name in self.classes else PLAIN


def _union(parts: list[PulumiType]) -> PulumiType:
    """`Union[str, SomeEnum]` is an enumeration that takes other values too."""
    closed = [part for part in parts if part.kind == "enumeration"]
    if closed and len(parts) == 2:
        return PulumiType("enumeration", closed[0].name, values=closed[0].values, open=True)
    return PulumiType("union", parts=tuple(parts))


def _values(node: ast.ClassDef) -> tuple[str, ...]:
    assigned = [line.value for line in node.body if isinstance(line, ast.Assign)]
    return tuple(value.value for value in assigned if isinstance(value, ast.Constant) and isinstance(value.value, str))


def _getter_name(function: ast.FunctionDef) -> str | None:
    """The property's name on the wire, from `@pulumi.getter(name="…")`."""
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pulumi.getter":
            return next((text_of(word.value) for word in decorator.keywords if word.arg == "name"), function.name)
        if ast.unparse(decorator) == "pulumi.getter":
            return function.name
    return None


def _constants(constructor: ast.FunctionDef) -> list[tuple[str, Any]]:
    """Python names and values that the constructor itself sets: `pulumi.set(__self__, "type", 'FQDN')`."""
    found = []
    for line in constructor.body:
        if (
            isinstance(line, ast.Expr)
            and isinstance(line.value, ast.Call)
            and ast.unparse(line.value.func) == "pulumi.set"
        ):
            name, value = line.value.args[1:]
            if isinstance(value, ast.Constant):
                found.append((text_of(name) or "", value.value))
    return found
