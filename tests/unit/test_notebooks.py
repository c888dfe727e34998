"""Every notebook runs from its first cell to its last, and tells of a system that there is."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from tests.conftest import ROOT

NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))


def cells(path: Path) -> list[str]:
    """The code of a notebook."""
    found = json.loads(path.read_text())["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mpl.use("agg")
    monkeypatch.setattr(plt, "show", lambda: None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    known: dict[str, Any] = {"__name__": path.stem}
    with mpl.rc_context():
        for number, code in enumerate(cells(path), start=1):
            exec(compile(ast.parse(code), f"{path.name}, cell {number}", "exec"), known)
        assert plt.get_fignums(), "it shows nothing"
        plt.close("all")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_of_a_system(path: Path) -> None:
    assert (ROOT / "ml" / "systems" / path.stem / "system.py").is_file()
    assert f"notebooks/{path.name}" in (ROOT / "ml" / "systems" / path.stem / "README.md").read_text()
