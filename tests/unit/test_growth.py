"""Growth retrains nobody: what a new kind, system or picture changes of the systems that are there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml.identity import code
from ml.images.context import scoring_code
from ml.jobkit import plan
from ml.jobkit.plan import Plan
from ml.recipes.served_model import EVALUATE, TRAIN
from ml.system import find

SYSTEMS = sorted(path.parent.name for path in Path("ml/systems").glob("*/system.py"))
PLANS = {name: find(name).plan(name) for name in SYSTEMS}
Digests = dict[str, dict[str, dict[str, str]]]


@pytest.fixture(scope="module", name="grown")
def fixture_grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the project in which things may grow."""
    root = tmp_path_factory.mktemp("grown")
    shutil.copytree("ml", root / "ml", ignore=shutil.ignore_patterns("__pycache__"))
    patch = pytest.MonkeyPatch()
    patch.setattr(plan, "SYSTEMS", root / "ml/systems")
    yield root
    patch.undo()


def digests(root: Path) -> Digests:
    """What makes each system's jobs and image what they are."""

    def of(name: str, planned: Plan) -> dict[str, dict[str, str]]:
        return {
            "training": code.job_files(root, TRAIN, planned, trainer=True),
            "evaluation": code.job_files(root, EVALUATE, planned, trainer=False),
            "image": scoring_code(root, root / "ml/systems" / name / "features.yaml"),
        }

    return {name: of(name, planned) for name, planned in PLANS.items()}


def write(root: Path, name: str, text: str = "X = 1\n") -> None:
    """A new file."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_new_kinds_a_new_system_and_another_picture_change_nothing(grown: Path) -> None:
    before = digests(grown)
    for kind in ("contract", "task"):
        write(grown, f"ml/jobkit/tasks/ranking/{kind}.py")
    for kind in ("settings", "trainer"):
        write(grown, f"ml/jobkit/trainers/oracle/{kind}.py")
    for part in ("jobkit/kinds", "jobkit/encodings", "scoring/fields"):
        write(grown, f"ml/{part}/colour.py")
    write(grown, "ml/jobkit/reports/ranking.py")
    shutil.copytree(grown / "ml/systems/bike_buyer", grown / "ml/systems/another")
    for path in (grown / "ml/jobkit/reports").glob("*.py"):
        path.write_text(path.read_text() + "\nANOTHER_COLOUR = 1\n")
    for path in (grown / "ml/system.py", *(grown / "ml/recipes").glob("*.py")):
        path.write_text(path.read_text() + "\nADDED = 1\n")
    assert digests(grown) == before


def test_what_a_system_uses_changes_it_and_no_other(grown: Path) -> None:
    """The check above can fail: each part that is in use is in the digests of exactly the systems that use it."""
    before = digests(grown)

    def changed(name: str) -> set[str]:
        path = grown / name
        text = path.read_text()
        path.write_text(text + "\nADDED = 1\n")
        after = digests(grown)
        path.write_text(text)
        return {system for system in SYSTEMS if after[system] != before[system]}

    for kind in {planned.task.kind for planned in PLANS.values()}:
        using = {name for name, planned in PLANS.items() if planned.task.kind == kind}
        assert changed(f"ml/jobkit/tasks/{kind}/task.py") == using
    for kind in {planned.trainer.kind for planned in PLANS.values()}:
        assert changed(f"ml/jobkit/trainers/{kind}/trainer.py") >= {
            name for name, planned in PLANS.items() if planned.trainer.kind == kind
        }
    for kind in {kind for planned in PLANS.values() for kind in planned.specification().kinds}:
        using = {name for name, planned in PLANS.items() if kind in planned.specification().kinds}
        assert changed(f"ml/jobkit/encodings/{kind}.py") >= using
    for name in SYSTEMS:
        assert changed(f"ml/systems/{name}/prepare.py") == {name}
