"""The committed defects still fit the code: each line stands where it is named, and so does the test that kills it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import __main__ as runner
from tests.mutants.defects import Defect, load
from tools.progress import SetupError
from tools.versions import ROOT

SOUND = "def half(number):\n    return number / 2\n"
TESTS = """
from half import half

def test_half():
    assert half(4) == 2
"""


@pytest.mark.parametrize("defect", load(), ids=lambda one: one.name)
def test_a_defect_can_be_put_in(defect: Defect) -> None:
    assert defect.applied(ROOT) != ROOT.joinpath(defect.file).read_text()
    defect.check_test(ROOT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.joinpath("half.py").write_text(SOUND)
    tmp_path.joinpath("test_half.py").write_text(TESTS)
    tmp_path.joinpath("conftest.py").touch()
    tmp_path.joinpath(".venv").symlink_to(ROOT / ".venv")
    return tmp_path


def defect(new: str = "number / 3", test: str = "test_half.py::test_half", **other: str) -> Defect:
    return Defect(**{"name": "third", "file": "half.py", "old": "number / 2", "new": new, "test": test, **other})


def test_a_defect_is_put_in_and_taken_out_again(folder: Path) -> None:
    outcome = runner.attempt(defect(), folder)
    assert outcome.killed, outcome
    assert folder.joinpath("half.py").read_text() == SOUND


@pytest.mark.parametrize(
    ("code", "killed", "said"),
    [(1, True, "killed"), (0, False, "its test passes"), *((code, False, "did not run") for code in (-1, 2, 3, 4, 5))],
)
def test_only_a_test_that_fails_kills(code: int, killed: bool, said: str) -> None:
    """Code that cannot even be imported, or a test that is not there, proves nothing."""
    outcome = runner.Outcome(defect(), code, 1.0, "")
    assert (outcome.killed, said in str(outcome)) == (killed, True)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (defect(old="number / 4"), "'number / 4' stands 0 times in half.py"),
        (defect(old="number"), "'number' stands 2 times in half.py"),
        (defect(file="gone.py"), "there is no gone.py"),
        (defect(new="1\n2"), "within one line"),
    ],
)
def test_a_defect_that_does_not_fit_is_named(folder: Path, one: Defect, said: str) -> None:
    with pytest.raises(SetupError, match=f"third: .*{said}"):
        one.applied(folder)


def test_a_test_that_is_gone_is_named(folder: Path) -> None:
    with pytest.raises(SetupError, match=r"no test test_half\.py::test_gone"):
        defect(test="test_half.py::test_gone").check_test(folder)
