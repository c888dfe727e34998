"""What makes a job another job, and what does not."""

from __future__ import annotations

import ast
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml.identity import code
from ml.identity.code import CodeError, stage
from ml.jobkit.plan import Choice, Plan, parse

ENTRY = "ml.jobkit.train"
PLAN = Plan("shop", Choice("binary"), Choice("linear", {"rate": 1}), ("shop.csv",))
FEATURES = """\
system: shop
description: d
key: id
label: {name: y, description: why}
features:
  - {name: a, description: d, type: number, range: [0, 1], unknown: reject}
"""
FILES = {
    "ml/jobkit/train.py": "from ml.jobkit.metrics import auc\nfrom . import model\n\nLIMIT = 3  # rows\n",
    "ml/jobkit/model.py": "import ml.jobkit.splits\n",
    "ml/jobkit/unused.py": "X = 1\n",
    "ml/jobkit/kinds/number.py": "A = 1\n",
    "ml/jobkit/kinds/category.py": "A = 1\n",
    "ml/jobkit/encodings/number.py": "A = 1\n",
    "ml/jobkit/tasks/binary/task.py": "A = 1\n",
    "ml/jobkit/tasks/regression/task.py": "A = 1\n",
    "ml/jobkit/trainers/linear/settings.py": "A = 1\n",
    "ml/jobkit/trainers/linear/trainer.py": "A = 1\n",
    "ml/jobkit/reports/binary.py": "from ml.jobkit import plots\nfrom ml.jobkit.metrics import auc\n",
    "ml/jobkit/reports/drawing.py": "A = 1\n",
    "ml/systems/shop/system.py": "SYSTEM = 1\n",
    "ml/systems/shop/prepare.py": "from ml.systems.shop import columns\n",
    "ml/systems/shop/columns.py": "A = 1\n",
    "ml/systems/shop/generator.py": "A = 1\n",
    "ml/systems/shop/job/parameters.yaml": "rate: 0.1  # measured\n",
    "ml/systems/shop/job/words.txt": "some words\n",
    "ml/systems/shop/features.yaml": FEATURES,
    "ml/jobkit/metrics.py": "def auc() -> float:\n    return 1.0\n",
    "ml/jobkit/splits.py": "import math\n",
    "ml/jobkit/plots.py": "import math\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def job_files(root: Path, entry: str = ENTRY, *, trainer: bool = True) -> dict[str, str]:
    """The files of the shop's job."""
    return code.job_files(root, entry, PLAN, trainer=trainer)


@pytest.fixture(autouse=True)
def _systems(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml.jobkit.plan.SYSTEMS", root / "ml/systems")


JUDGES = [
    "ml/jobkit/encodings/number.py",
    "ml/jobkit/kinds/number.py",
    "ml/jobkit/metrics.py",
    "ml/jobkit/model.py",
    "ml/jobkit/splits.py",
    "ml/jobkit/tasks/binary/task.py",
    "ml/jobkit/train.py",
    "ml/systems/shop/columns.py",
    "ml/systems/shop/features.yaml",
    "ml/systems/shop/job/parameters.yaml",
    "ml/systems/shop/job/words.txt",
    "ml/systems/shop/prepare.py",
]
TRAINER = ["ml/jobkit/trainers/linear/settings.py", "ml/jobkit/trainers/linear/trainer.py"]
REPORTS = ["ml/jobkit/plots.py", "ml/jobkit/reports/binary.py", "ml/jobkit/reports/drawing.py"]


def test_only_what_the_entry_imports_the_kinds_in_use_and_the_systems_own_are_part_of_a_job(root: Path) -> None:
    assert list(job_files(root)) == sorted([*JUDGES, *TRAINER])
    assert list(job_files(root, trainer=False)) == JUDGES


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "ml/jobkit/train.py",
            "from ml.jobkit.metrics import auc\nfrom . import (\n    model,\n)\n\n\nLIMIT = 3\n",
        ),
        ("ml/jobkit/metrics.py", "# comment\ndef auc() -> float:\n    return 1.0  # always\n"),
        ("ml/jobkit/metrics.py", '"""Text."""\ndef auc() -> float:\n    """More text."""\n    return 1.0\n'),
        ("ml/systems/shop/features.yaml", "# a comment\n" + FEATURES),
        ("ml/jobkit/plots.py", "import os\n"),
        ("ml/jobkit/unused.py", "X = 2\n"),
        ("ml/jobkit/reports/binary.py", "X = 2\n"),
        ("ml/jobkit/kinds/category.py", "X = 2\n"),
        ("ml/jobkit/tasks/regression/task.py", "X = 2\n"),
        ("ml/systems/shop/system.py", "SYSTEM = 2\n"),
        ("ml/systems/shop/generator.py", "X = 2\n"),
    ],
)
def test_comments_formatting_and_unused_code_change_nothing(root: Path, name: str, text: str) -> None:
    before = job_files(root)
    root.joinpath(name).write_text(text)
    assert job_files(root) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ml/jobkit/train.py", FILES["ml/jobkit/train.py"].replace("3", "4")),
        ("ml/jobkit/metrics.py", "def auc() -> float:\n    return 0.5\n"),
        ("ml/systems/shop/features.yaml", FEATURES.replace("1]", "2]")),
        ("ml/systems/shop/job/words.txt", "other words\n"),
        ("ml/jobkit/kinds/number.py", "A = 2\n"),
        ("ml/jobkit/trainers/linear/settings.py", "A = 2\n"),
        ("ml/systems/shop/job/parameters.yaml", "rate: 0.2\n"),
    ],
)
def test_a_change_of_meaning_changes_exactly_that_files_digest(root: Path, name: str, text: str) -> None:
    before = job_files(root)
    root.joinpath(name).write_text(text)
    after = job_files(root)
    assert [path for path in after if after[path] != before[path]] == [name]


def test_staging_copies_these_files_the_pictures_and_the_plan(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "staged"
    stage(root, job_files(root), PLAN, target)
    found = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    assert found == sorted([*JUDGES, *TRAINER, *REPORTS, "ml/systems/shop/job.json"])
    written = json.loads(target.joinpath("ml/systems/shop/job.json").read_text())
    assert parse("shop", written) == PLAN


def test_a_missing_entry_and_broken_code_are_named(root: Path) -> None:
    with pytest.raises(CodeError, match=r"no module ml\.jobkit\.trian"):
        job_files(root, "ml.jobkit.trian")
    root.joinpath("ml/jobkit/model.py").write_text("def (:\n")
    with pytest.raises(CodeError, match=r"model\.py, line 1"):
        job_files(root)


def test_one_file_is_parsed_at_a_time(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11 fails now and then when two threads parse at once; systems are checked side by side."""
    within, most = 0, 0
    honest = code.parse

    def parse(path: Path) -> ast.Module:
        nonlocal within, most
        within += 1
        most = max(most, within)
        time.sleep(0.002)
        tree = honest(path)
        within -= 1
        return tree

    monkeypatch.setattr(code, "parse", parse)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(code.source, root.rglob("*.py")))
    assert most == 1
