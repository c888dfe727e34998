"""The import table of the architecture: who may know whom."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PULUMI = ("pulumi", "pulumi_azure_native", "pulumi_kubernetes")
STEPS = ("identity", "jobs", "gate", "images", "data", "promotion", "rollout")
LIFE_CYCLE = ("ml.resources", *(f"ml.{name}" for name in STEPS if name != "data"), "ml.progress")
JOB_CODE = (*PULUMI, *LIFE_CYCLE, "infra", "emulator", "tools", "azure", "ml.clients")
PULUMI_FREE = (*PULUMI, "ml.resources", "infra", "emulator", "tools")
# folder pattern -> what its files must not import
FORBIDDEN = {
    "infra/**/*.py": ("ml", "emulator", "tools"),
    "ml/system.py": (*JOB_CODE, "ml.recipes", "mlflow"),
    "ml/recipes/**/*.py": ("azure", "emulator", "tools", "ml.clients", "mlflow"),
    "ml/systems/*/system.py": (*JOB_CODE, "ml.recipes", "ml.jobkit", "mlflow"),
    "ml/systems/*/prepare.py": (*JOB_CODE, "ml.system", "ml.recipes"),
    "ml/systems/*/generator.py": (*JOB_CODE, "ml.system", "ml.recipes"),
    "ml/jobkit/**/*.py": (*JOB_CODE, "ml.data", "ml.systems"),
    "ml/scoring/**/*.py": (*JOB_CODE, "ml.data", "ml.systems"),
    "ml/resources/**/*.py": ("infra", "emulator", "tools", "pulumi_azure_native", "ml.systems"),
    "ml/clients/**/*.py": (*PULUMI, *LIFE_CYCLE, "infra", "emulator", "tools", "ml.systems"),
    **{f"ml/{name}/**/*.py": PULUMI_FREE for name in STEPS},
    "ml/progress.py": (*PULUMI_FREE, "ml"),
    "emulator/**/*.py": ("infra", "ml"),
    "policies/**/*.py": ("infra", "ml", "emulator", "tools", "review"),
    "review/**/*.py": ("infra", "ml", "emulator", "tools", *PULUMI),
}


def imported(path: Path) -> set[str]:
    """Modules a file imports anywhere, imports for type checkers left out."""
    tree = ast.parse(path.read_text())
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def breaches(path: Path, forbidden: tuple[str, ...]) -> list[str]:
    """What a file imports against the table."""
    return [
        name for name in sorted(imported(path)) if any(name == one or name.startswith(one + ".") for one in forbidden)
    ]


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_no_folder_imports_what_it_must_not_know(pattern: str) -> None:
    files = sorted(ROOT.glob(pattern))
    assert files, f"nothing matches {pattern}"
    found = {str(path.relative_to(ROOT)): breaches(path, FORBIDDEN[pattern]) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


def test_breaches_are_found(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("import os\nfrom ml.clients import jobs\n")
    assert breaches(path, ("ml.clients",)) == ["ml.clients", "ml.clients.jobs"]


def test_files_stay_small() -> None:
    folders = ("infra", "ml", "emulator", "tools", "policies", "review", "tests")
    long = {
        str(path.relative_to(ROOT)): count
        for folder in folders
        for path in ROOT.joinpath(folder).rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 500
    }
    assert long == {}


def test_nothing_asks_whether_it_is_the_emulator() -> None:
    asks = re.compile(r"\bis_(local|emulator)\b|[=!]= *[\"'](local|emulator)[\"']")
    found = [
        f"{path.relative_to(ROOT)}: {hit.group()}"
        for folder in ("infra", "ml")
        for path in ROOT.joinpath(folder).rglob("*.py")
        for hit in asks.finditer(path.read_text())
    ]
    assert found == []
