"""The REST operations of a package, read from the functions that build its requests."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emulator.resource_types.schema import Limits
from tools.resource_types.syntax import camel_case, keyword, letters, parse_file, text_of

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

VERSION = re.compile(r"20\d\d-\d\d-\d\d")
WITH_BODY = ("PATCH", "POST", "PUT")
LIMITS = ("pattern", "min_length", "max_length")


@dataclass(slots=True)
class Hole:
    """A path parameter: the client's name for it, and its limits."""

    client_name: str
    limits: Limits


@dataclass(slots=True)
class Request:
    """What one `build_…_request` function makes."""

    path: str = ""
    method: str = ""
    api_version: str | None = None
    holes: dict[str, Hole] = field(default_factory=dict)
    query: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PackageOperation:
    """One method of the package's clients."""

    group: str
    request: Request
    body: str | None
    response: str | None
    long_running: bool

    @property
    def path(self) -> str:
        return self.request.path

    @property
    def method(self) -> str:
        return self.request.method

    def same_path(self, path: str) -> bool:
        """Whether the operation is on this path; case does not count."""
        return letters(self.path) == letters(path)


def read_operations(package: Path, models: Container[str]) -> list[PackageOperation]:
    """Every operation of the package; only classes in `models` count as bodies and responses."""
    found = []
    for file in sorted((package / "operations").glob("*.py")):
        module = parse_file(file)
        functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
        builders = {node.name: node for node in functions if node.name.startswith("build_")}
        for group in [node for node in module.body if isinstance(node, ast.ClassDef)]:
            found += _operations_of(group, builders, models)
    return found


def _operations_of(
    group: ast.ClassDef, builders: dict[str, ast.FunctionDef], models: Container[str]
) -> list[PackageOperation]:
    # The last definition of a name is the real one, after the overloads.
    methods = {node.name: node for node in group.body if isinstance(node, ast.FunctionDef)}
    operations = []
    for name, method in methods.items():
        builder = next((n.func.id for n in ast.walk(method) if _calls(n, builders)), None)  # type: ignore[attr-defined]
        if builder is None:
            continue
        request = _request(builders[builder])
        request.api_version = request.api_version or _any_version(method)
        plain = re.sub(r"^_(.*)_initial$", r"\1", name)
        public = methods.get(f"begin_{plain}") or methods.get(plain) or method
        if request.path and request.method:
            long_running = f"begin_{plain}" in methods
            body = _body_model(method, models) if request.method in WITH_BODY else None
            returned = _returned_model(public, models)
            operations.append(PackageOperation(group.name, request, body, returned, long_running))
    return operations


def _calls(node: ast.AST, builders: dict[str, ast.FunctionDef]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in builders


def _body_model(method: ast.FunctionDef, models: Container[str]) -> str | None:
    notes = [
        ast.unparse(arg.annotation) for arg in method.args.args if arg.annotation is not None and arg.arg != "self"
    ]
    streams = [note for note in notes if "IO" in note]  # a body is also taken as a stream, a query's enumeration is not
    return _last_model(" ".join(streams or notes), models)


def _returned_model(method: ast.FunctionDef, models: Container[str]) -> str | None:
    return _last_model(ast.unparse(method.returns), models) if method.returns else None


def _last_model(text: str, models: Container[str]) -> str | None:
    found = [name for name in re.findall(r"_models\.(\w+)", text) if name in models]
    return found[-1] if found else None


def _any_version(node: ast.AST) -> str | None:
    texts = (text_of(part) for part in ast.walk(node))
    return next((text for text in texts if text and VERSION.match(text)), None)


def _request(builder: ast.FunctionDef) -> Request:
    request = Request()
    for node in ast.walk(builder):
        if isinstance(node, ast.Constant):
            _take_path(request, node)
        elif isinstance(node, ast.Call):
            _take_call(request, node)
        elif isinstance(node, ast.Dict):
            _take_holes(request, node)
        elif isinstance(node, ast.Assign):
            _take_assignment(request, node)
    return request


def _take_path(request: Request, node: ast.Constant) -> None:
    text = text_of(node)
    if text and text.startswith("/") and not request.path:
        request.path = text.rstrip("/")


def _take_call(request: Request, node: ast.Call) -> None:
    name = ast.unparse(node.func).split(".")[-1]
    arguments = [text_of(argument) for argument in node.args]
    if name == "pop" and arguments[:1] == ["api-version"]:
        request.api_version = arguments[1]
    elif name == "HttpRequest":
        request.method = text_of(keyword(node, "method")) or ""


def _take_holes(request: Request, node: ast.Dict) -> None:
    for key, value in zip(node.keys, node.values, strict=True):
        hole = text_of(key)
        if hole and isinstance(value, ast.Call) and ast.unparse(value.func).endswith(".url"):
            limits = {word.arg: ast.literal_eval(word.value) for word in value.keywords if word.arg in LIMITS}
            request.holes[hole] = Hole(camel_case(text_of(value.args[0]) or hole), Limits(**limits))


def _take_assignment(request: Request, node: ast.Assign) -> None:
    target = node.targets[0]
    if isinstance(target, ast.Subscript) and ast.unparse(target.value) == "_params":
        name = text_of(target.slice)
        request.query += [name] if name and name != "api-version" else []
    elif isinstance(target, ast.Name) and target.id == "api_version" and request.api_version is None:
        request.api_version = _any_version(node.value)
