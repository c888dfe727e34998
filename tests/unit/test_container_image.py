"""What makes a scoring image another one, known without any cloud."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pulumi.output import Unknown

from ml.identity.environment import requirements
from ml.images import context as image_context
from ml.resources import container_image
from ml.resources.base import unknown
from ml.resources.container_image import ContainerImageProvider

FILES = {
    "ml/scoring/__init__.py": "VERSION = '1'\n",
    "ml/scoring/__main__.py": "from ml.jobkit import features\nfrom ml.scoring.http import server\n",
    "ml/scoring/http/server.py": "LIMIT = 3\n",
    "ml/scoring/unused.py": "X = 1\n",
    "ml/jobkit/features.py": "import math\n",
    "ml/jobkit/plots.py": "import math\n",
    "ml/systems/shop/features.yaml": "a: 1\nb: 2\n",
    "ml/environments/scoring.lock.txt": "numpy==2.4.6 \\\n    --hash=sha256:00\n    # via x\n",
}
GIVEN: dict[str, Any] = {
    "system": "shop",
    "model": "shop",
    "version": 3.0,
    "sha256": "ab" * 32,
    "workspace": {"subscriptionId": "s", "resourceGroupName": "g", "workspaceName": "w"},
    "registry": {"id": "/r", "loginServer": "r.test", "name": "r"},
    "environment": "scoring",
    "timeoutMinutes": 30,
}


@pytest.fixture(autouse=True, name="root")
def fixture_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(**changes: Any) -> dict[str, Any]:
    result = ContainerImageProvider().check({}, {**GIVEN, **changes})
    assert not result.failures, [(one.property, one.reason) for one in result.failures]
    return dict(result.inputs)


def test_only_what_runs_is_in_the_image() -> None:
    assert list(checked()["code"]) == [
        "ml/jobkit/features.py",
        "ml/scoring/__init__.py",
        "ml/scoring/__main__.py",
        "ml/scoring/http/server.py",
    ]


@pytest.mark.parametrize(
    ("file", "text", "another"),
    [
        ("ml/scoring/http/server.py", "LIMIT = 4\n", True),
        ("ml/scoring/http/server.py", "# a comment\nLIMIT = 3\n", False),
        ("ml/scoring/unused.py", "X = 2\n", False),
        ("ml/jobkit/plots.py", "import os\n", False),
        # The model's own goes into the image: a champion is served by what it was trained with.
        ("ml/systems/shop/features.yaml", "a: 1\nb: 3\n", False),
        ("ml/environments/scoring.lock.txt", "numpy==2.4.7 \\\n    --hash=sha256:01\n", True),
        ("ml/environments/scoring.lock.txt", "numpy==2.4.6 \\\n    --hash=sha256:00\n    # via y\n", False),
    ],
)
def test_the_tag_follows_what_is_in_the_image(root: Path, file: str, text: str, another: bool) -> None:
    before = checked()["tag"]
    (root / file).write_text(text)
    assert (checked()["tag"] != before) is another


@pytest.mark.parametrize(
    ("change", "another"),
    [
        ({"version": 4.0}, True),
        ({"sha256": "cd" * 32}, True),
        ({"model": "other"}, True),
        ({"timeoutMinutes": 5}, False),
        ({"workspace": {"subscriptionId": "s", "resourceGroupName": "g", "workspaceName": "other"}}, False),
    ],
)
def test_the_tag_follows_the_model(change: dict[str, Any], another: bool) -> None:
    assert (checked(**change)["tag"] != checked()["tag"]) is another


@pytest.mark.parametrize("part", ["version", "sha256"])
def test_the_tag_is_unknown_while_the_model_is(part: str) -> None:
    assert unknown(checked(**{part: Unknown()})["tag"])  # type: ignore[no-untyped-call]


def test_another_tag_replaces_and_a_timeout_changes_nothing() -> None:
    provider, old = ContainerImageProvider(), checked()
    assert provider.diff("id", old, checked(version=4.0)).replaces == ["tag"]
    assert provider.diff("id", old, checked(timeoutMinutes=5)).changes is False


def test_a_wrong_input_is_named() -> None:
    (failure,) = ContainerImageProvider().check({}, {**GIVEN, "environment": "none"}).failures
    assert failure.property == "environment"
    assert re.search("there is no environment 'none'.*there are: scoring", failure.reason)


def test_code_that_cannot_be_read_is_named(root: Path) -> None:
    (root / "ml/scoring/http/server.py").write_text("LIMIT =\n")
    (failure,) = ContainerImageProvider().check({}, GIVEN).failures
    assert re.search(r"ml/scoring/http/server\.py, line 1: invalid syntax", failure.reason)


def test_a_preview_names_what_changed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(container_image, "note", told.append)
    old = checked()
    (root / "ml/scoring/http/server.py").write_text("LIMIT = 4\n")
    ContainerImageProvider().check(old, {**GIVEN, "sha256": "cd" * 32})
    assert told == ["shop gets another image because of: ml/scoring/http/server.py, model"]


def test_the_context_holds_what_the_dockerfile_copies(root: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for name in (*image_context.MODEL_FILES, "metrics.json"):
        (model / name).write_text("features: []\n" if name == "features.yaml" else name)
    folder = tmp_path / "context"
    folder.mkdir()
    inputs = checked()
    image_context.fill(folder, root, inputs, model, {"job": "j", "data": "d", "commit": "c"}, "r.test/env@sha256:0")
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert [name for name in files if not name.endswith(".pyc")] == [
        "Dockerfile",
        "app/ml/jobkit/features.py",
        "app/ml/scoring/__init__.py",
        "app/ml/scoring/__main__.py",
        "app/ml/scoring/http/server.py",
        "app/model/features.yaml",
        "app/model/golden.json",
        "app/model/model.json",
        "app/model/model.onnx",
        "app/model/provenance.json",
    ]
    text = (folder / "Dockerfile").read_text()
    assert text.startswith("FROM r.test/env@sha256:0\n")
    assert f'ml.sha256="{GIVEN["sha256"]}" ml.context="{inputs["tag"]}"' in text


def test_the_environment_s_tag_follows_its_packages_alone(root: Path) -> None:
    before = image_context.environment_tag("scoring")
    assert requirements("scoring") == ["numpy==2.4.6 --hash=sha256:00"]
    (root / "ml/scoring/http/server.py").write_text("LIMIT = 9\n")
    assert image_context.environment_tag("scoring") == before
