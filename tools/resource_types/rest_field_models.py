"""Models of packages whose classes declare `rest_field` attributes (the newer generator)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from emulator.resource_types.schema import (
    AnyOf,
    ArmType,
    ArrayOf,
    Constant,
    Discriminator,
    Enumeration,
    MapOf,
    Model,
    ModelReference,
    Property,
    Scalar,
)
from tools.resource_types.syntax import camel_case, keyword, text_of

if TYPE_CHECKING:
    from tools.resource_types.class_index import ClassIndex

SCALARS = {
    "str": "string", "int": "int", "float": "float", "Decimal": "float", "bool": "bool", "datetime": "datetime",
    "date": "date", "time": "string", "timedelta": "duration", "bytes": "bytes", "object": "any", "Any": "any",
}  # fmt: skip
FIELDS = ("rest_field", "rest_discriminator")


class RestFieldModels:
    """Reads models by name."""

    def __init__(self, index: ClassIndex) -> None:
        self.index = index
        self._children = self._find_children()

    def read(self, name: str) -> Model:
        """The model of a class."""
        properties: dict[str, Property] = {}
        discriminated_by = ""
        for node in reversed(list(self.index.lineage(name))):
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and _is_field(line.value):
                    wire, property_ = self._property(line)
                    properties[wire] = property_
                    if ast.unparse(line.value.func) == "rest_discriminator":  # type: ignore[union-attr]
                        discriminated_by = wire
        children = self._children.get(name)
        return Model(properties, discriminator=Discriminator(discriminated_by, children) if children else None)

    def _property(self, line: ast.AnnAssign) -> tuple[str, Property]:
        attribute, call = ast.unparse(line.target), line.value
        assert isinstance(call, ast.Call)  # noqa: S101 - `_is_field` has seen to it
        written = keyword(call, "visibility")
        visibility = ast.literal_eval(written) if written else []
        read_only = visibility == ["read"]
        property_ = Property(
            self._type(line.annotation),
            required=not read_only and not _is_optional(line.annotation),
            read_only=read_only,
            create_only="create" in visibility and "update" not in visibility,
            client_name=camel_case(attribute),
        )
        return text_of(keyword(call, "name")) or attribute, property_

    def _type(self, node: ast.expr) -> ArmType:
        if (quoted := text_of(node)) is not None:
            return self._type(ast.parse(quoted, mode="eval").body)
        if isinstance(node, ast.Subscript):
            return self._generic(node)
        name = ast.unparse(node).split(".")[-1]
        if name in SCALARS:
            return Scalar(SCALARS[name])
        if name in self.index.classes:
            return ModelReference(name)
        return self.index.enumeration(name) or Scalar("any")

    def _generic(self, node: ast.Subscript) -> ArmType:
        arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        match ast.unparse(node.value).split(".")[-1]:
            case "Optional":
                return self._type(arguments[0])
            case "Union":
                return _joined([self._type(one) for one in arguments if ast.unparse(one) != "None"])
            case "list" | "List":
                return ArrayOf(self._type(arguments[0]))
            case "dict" | "Dict" | "Mapping" | "MutableMapping":
                return MapOf(self._type(arguments[1]))
            case "Literal":
                return self._literal(arguments[0])
        return Scalar("any")

    def _literal(self, node: ast.expr) -> Constant:
        if isinstance(node, ast.Constant):
            return Constant(node.value)  # type: ignore[arg-type]
        enumeration, _, member = ast.unparse(node).rpartition(".")
        return Constant(self.index.enumerations[enumeration.split(".")[-1]][member])

    def _find_children(self) -> dict[str, dict[str, str]]:
        """Class -> discriminator value -> class; a class registers with the nearest base that keeps a register."""
        children: dict[str, dict[str, str]] = {n: {} for n, node in self.index.classes.items() if _keeps_register(node)}
        for name, node in self.index.classes.items():
            value = next((text_of(word.value) for word in node.keywords if word.arg == "discriminator"), None)
            for base in self.index.bases(name):
                owner = next((one.name for one in self.index.lineage(base) if one.name in children), None)
                if owner:
                    children[owner][value or name] = name
        return children


def _joined(parts: list[ArmType]) -> ArmType:
    """`Union[str, SomeEnum]` is how the packages write an enumeration."""
    enumerations = [part for part in parts if isinstance(part, Enumeration)]
    if enumerations and all(part in enumerations or part == Scalar("string") for part in parts):
        values = sorted({value for part in enumerations for value in part.values})
        return (
            enumerations[0]
            if len(enumerations) == 1
            else Enumeration("+".join(e.name for e in enumerations), tuple(values))
        )
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


def _is_field(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in FIELDS


def _is_optional(annotation: ast.expr) -> bool:
    text = text_of(annotation) or ast.unparse(annotation)
    return text.startswith("Optional[") or "None" in text


def _keeps_register(node: ast.ClassDef) -> bool:
    return any(isinstance(line, ast.AnnAssign) and ast.unparse(line.target) == "__mapping__" for line in node.body)
