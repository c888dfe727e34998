"""The image holds what `ml.scoring` reaches and the packages of one lock file; nothing else may be needed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

LOCK = Path("ml/environments/scoring.lock.txt")
MODULES = {"pyyaml": "yaml"}
ALLOWED_JOBKIT = {"ml.jobkit.features", "ml.jobkit.document", "ml.jobkit.errors"}
KINDS = [path.stem for path in Path("ml/jobkit/kinds").glob("*.py") if path.stem != "__init__"]
FOUND_BY_NAME = [f"ml.{part}.{kind}" for kind in KINDS for part in ("jobkit.kinds", "scoring.fields")]


def imports(path: Path) -> set[str]:
    """Modules that a file imports, those for type checkers left out."""
    tree = ast.parse(path.read_text())
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def reached() -> dict[str, set[str]]:
    """Our modules that the server reaches, with what each imports."""
    found: dict[str, set[str]] = {}
    left = ["ml.scoring.__main__", "ml.scoring.gateway.__main__", *FOUND_BY_NAME]
    while left:
        name = left.pop()
        path = Path(*name.split("."))
        file = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
        if name in found or not file.exists():
            continue
        found[name] = imports(file)
        left += [one for one in found[name] if one.startswith("ml.")]
    return found


def test_only_packages_of_the_lock_file_are_imported() -> None:
    packages = set(re.findall(r"^([a-z0-9-]+)==", LOCK.read_text(), re.MULTILINE))
    allowed = {MODULES.get(one, one) for one in packages} | set(sys.stdlib_module_names) | {"ml", "__future__"}
    found = {module: {one.partition(".")[0] for one in names} - allowed for module, names in reached().items()}
    assert {module: names for module, names in found.items() if names} == {}


def test_only_light_modules_of_the_jobkit_are_reached() -> None:
    modules = set(reached())
    others = {one for one in modules if not one.startswith("ml.scoring")}
    assert others - set(FOUND_BY_NAME) == ALLOWED_JOBKIT
    files = (path for path in Path("ml/scoring").rglob("*.py") if path.stem != "__init__")
    written = {".".join(path.with_suffix("").parts) for path in files}
    assert written - modules == set(), "a module that nothing imports would be missing in the image"


WATCH = """
import os, sys
os.environ.pop("ORT_DISABLE_TELEMETRY", None)
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            print(os.environ.get("ORT_DISABLE_TELEMETRY"))
sys.meta_path.insert(0, Watch())
"""
"""Prints the variable when the runtime is imported; afterwards it is too late for it."""


@pytest.mark.parametrize("module", sorted(name for name, names in reached().items() if "onnxruntime" in names))
def test_the_runtime_reports_nothing_whichever_module_comes_first(module: str) -> None:
    found = subprocess.run(
        [sys.executable, "-c", f"{WATCH}import {module}"], check=True, capture_output=True, text=True
    )
    assert found.stdout == "1\n"
