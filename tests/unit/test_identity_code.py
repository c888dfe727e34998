"""What makes a job another job, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.identity.code import CodeError, job_files, stage

ENTRY = "ml.systems.shop.job.train"
FILES = {
    "ml/systems/shop/job/train.py": "from ml.jobkit.metrics import auc\nfrom . import model\n\nLIMIT = 3  # rows\n",
    "ml/systems/shop/job/model.py": "import ml.jobkit.splits\n",
    "ml/systems/shop/job/unused.py": "X = 1\n",
    "ml/systems/shop/job/parameters.yaml": "rate: 0.1  # measured\n",
    "ml/systems/shop/features.yaml": "a: 1\nb: 2\n",
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


def test_only_what_the_entry_imports_and_the_data_beside_it_are_part_of_a_job(root: Path) -> None:
    assert list(job_files(root, ENTRY)) == [
        "ml/jobkit/metrics.py",
        "ml/jobkit/splits.py",
        "ml/systems/shop/features.yaml",
        "ml/systems/shop/job/model.py",
        "ml/systems/shop/job/parameters.yaml",
        "ml/systems/shop/job/train.py",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "ml/systems/shop/job/train.py",
            "from ml.jobkit.metrics import auc\nfrom . import (\n    model,\n)\n\n\nLIMIT = 3\n",
        ),
        ("ml/jobkit/metrics.py", "# comment\ndef auc() -> float:\n    return 1.0  # always\n"),
        ("ml/jobkit/metrics.py", '"""Text."""\ndef auc() -> float:\n    """More text."""\n    return 1.0\n'),
        ("ml/systems/shop/features.yaml", "b: 2 # second\na:   1\n"),
        ("ml/jobkit/plots.py", "import os\n"),
        ("ml/systems/shop/job/unused.py", "X = 2\n"),
    ],
)
def test_comments_formatting_and_unused_code_change_nothing(root: Path, name: str, text: str) -> None:
    before = job_files(root, ENTRY)
    root.joinpath(name).write_text(text)
    assert job_files(root, ENTRY) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ml/systems/shop/job/train.py", FILES["ml/systems/shop/job/train.py"].replace("3", "4")),
        ("ml/jobkit/metrics.py", "def auc() -> float:\n    return 0.5\n"),
        ("ml/systems/shop/features.yaml", "a: 1\nb: 3\n"),
        ("ml/systems/shop/job/parameters.yaml", "rate: 0.2\n"),
    ],
)
def test_a_change_of_meaning_changes_exactly_that_files_digest(root: Path, name: str, text: str) -> None:
    before = job_files(root, ENTRY)
    root.joinpath(name).write_text(text)
    after = job_files(root, ENTRY)
    assert [path for path in after if after[path] != before[path]] == [name]


def test_staging_copies_exactly_these_files(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "staged"
    files = job_files(root, ENTRY)
    stage(root, files, target)
    assert sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()) == list(files)


def test_a_missing_entry_and_broken_code_are_named(root: Path) -> None:
    with pytest.raises(CodeError, match=r"no module ml\.systems\.shop\.job\.trian"):
        job_files(root, "ml.systems.shop.job.trian")
    root.joinpath("ml/systems/shop/job/model.py").write_text("def (:\n")
    with pytest.raises(CodeError, match=r"model\.py, line 1"):
        job_files(root, ENTRY)
