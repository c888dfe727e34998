"""The code of a job: exactly what its entry module imports of this repository, and a digest that formatting does not
change.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ml.jobkit.features import FILE as FEATURES
from ml.jobkit.plan import FILE as PLAN
from ml.jobkit.plan import Plan
from ml.jobkit.report import module as report_module

PACKAGE = "ml"
DATA_SUFFIXES = (".yaml", ".yml", ".json")


class CodeError(Exception):
    """The code of a job cannot be staged; the message names the file and the fix."""


def job_files(root: Path, entry: str, plan: Plan, *, trainer: bool) -> dict[str, str]:
    """Every file that makes a job what it is, by its path below `root` (with forward slashes), and the digest of its
    meaning.

    Args:
        root: the project's folder.
        entry: the module that runs, such as `ml.jobkit.train`.
        plan: whose kinds are found by name, so that imports do not show them.
        trainer: whether the job trains, or only judges what was trained.

    Returns:
        Paths in order with 12 hexadecimal digits each. A Python file counts by its syntax tree and a YAML or JSON file
        by its values, so that comments and formatting retrain nothing; any other file by its content. Of the system's
        folder these are `features.yaml` and every file below `job/`.

    Raises:
        CodeError: a file is missing or cannot be parsed.
    """
    modules = closure(root, entry, *plan.modules(trainer=trainer))
    system = root / "ml" / "systems" / plan.system
    data = (path for path in system.glob("job/**/*") if path.is_file() and path.suffix not in (".py", ".pyc"))
    return {path.relative_to(root).as_posix(): digest(path) for path in sorted({*modules, system / FEATURES, *data})}


def report_files(root: Path, plan: Plan) -> list[str]:
    """The files that draw pictures: a job has them with it, and they make it no other job."""
    modules = (report_module(name) for name in (plan.task.kind, "drawing"))
    found = closure(root, *(module for module in modules if is_module(root, module)))
    return sorted(path.relative_to(root).as_posix() for path in found)


def stage(root: Path, files: Iterable[str], plan: Plan, target: Path) -> None:
    """Copies the files of a job into an empty folder, so that nothing else is uploaded, with its plan."""
    for name in {*files, *report_files(root, plan)}:
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, destination)
    written = target / "ml" / "systems" / plan.system / PLAN
    written.write_text(json.dumps(plan.document(), indent=1, sort_keys=True) + "\n")


def closure(root: Path, *entries: str) -> list[Path]:
    """Files of the modules below `ml` that the entries import, directly or not, with themselves and the packages they
    lie in, each once.

    An `up` asks for the closures of every system's steps: each name is looked for once.
    """
    found: dict[str, Path] = {}
    looked_for = set(entries)
    waiting = list(entries)
    while waiting:
        module = waiting.pop()
        found[module] = module_file(root, module)
        new = {*imports(found[module], module), *parents(module)} - looked_for
        looked_for |= new
        waiting += [name for name in sorted(new) if is_module(root, name)]
    return list(found.values())


def imports(path: Path, module: str) -> list[str]:
    """Names below `ml` that a file imports; `from a import b` gives both `a` and `a.b`."""
    names: list[str] = []
    for node in source(path).imports:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        else:
            base = absolute(node, module, path)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] == PACKAGE]


def absolute(node: ast.ImportFrom, module: str, path: Path) -> str:
    """The module a `from ... import` names, relative ones resolved."""
    if not node.level:
        return node.module or ""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for _ in range(node.level - 1):
        package = package.rpartition(".")[0]
    return f"{package}.{node.module}" if node.module else package


def parents(module: str) -> list[str]:
    """Packages a module lies in."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def is_module(root: Path, name: str) -> bool:
    """Whether a dotted name is a module or a package with an `__init__.py`."""
    path = os.path.join(root, *name.split("."))
    return os.path.isfile(f"{path}.py") or os.path.isfile(f"{path}/__init__.py")


def module_file(root: Path, name: str) -> Path:
    """The file of a module."""
    path = root.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    raise CodeError(f"there is no module {name}: neither {path.with_suffix('.py')} nor {path / '__init__.py'} exists")


def digest(path: Path) -> str:
    """12 hexadecimal digits of a file's meaning."""
    if path.suffix == ".py":
        return source(path).digest
    if path.suffix in DATA_SUFFIXES:
        try:
            meaning = json.dumps(load_yaml(path.read_text()), sort_keys=True, default=str)
        except yaml.YAMLError as error:
            raise CodeError(f"{path} is no YAML: {error}") from None
    else:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return hexadecimal(meaning)


def load_yaml(text: str) -> Any:
    """What a YAML text says, read by libyaml where PyYAML was built with it: ten times as fast."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - it is a safe one


def hexadecimal(meaning: str) -> str:
    """12 hexadecimal digits of a text."""
    return hashlib.sha256(meaning.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Source:
    """What a Python file imports, and the digest of its meaning."""

    imports: tuple[ast.Import | ast.ImportFrom, ...]
    digest: str


def source(path: Path) -> Source:
    """A Python file, read once for as long as it does not change: jobs share most of their files."""
    known = path.stat()
    return _read(path, known.st_mtime_ns, known.st_size, known.st_ino)


_parser = threading.Lock()
"""Python 3.11 counts how deep it is in a tree for all threads together, and fails when two parse at once: "AST
constructor recursion depth mismatch" (https://github.com/python/cpython/issues/106905). Systems are checked side by
side.
"""


@cache
def _read(path: Path, _modified: int, _size: int, _number: int) -> Source:
    with _parser:
        tree = parse(path)
    found = tuple(node for node in statements(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return Source(found, hexadecimal(ast.dump(without_docstrings(tree))))


def without_docstrings(tree: ast.Module) -> ast.Module:
    """The tree without the texts that only people read."""
    for node in [tree, *statements(tree)]:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [one for one in node.body if not _is_text(one)]
    return tree


def statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Every statement below a node. Expressions, most of a tree, are left out: they hold no statements."""
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        for node in getattr(tree, name, ()):
            if isinstance(node, ast.stmt):
                yield node
            yield from statements(node)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def parse(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    try:
        return ast.parse(path.read_text(), filename=str(path))
    except SyntaxError as error:
        raise CodeError(f"{path}, line {error.lineno}: {error.msg}") from None
