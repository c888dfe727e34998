"""What a job is told of its author and commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ml.jobs import variables as job_variables
from ml.jobs.variables import AUTHORS, author

INPUTS = {"dataDigest": "0123456789ab", "dataReference": "azureml:customers:0123456789ab"}


@pytest.fixture(name="checkout")
def fixture_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository of somebody's; nothing of this machine's own settings counts."""
    for name in AUTHORS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.chdir(tmp_path)
    for words in (["init", "-q"], ["config", "user.name", "Ada Lovelace"], ["config", "user.email", "ada@example.com"]):
        subprocess.run(["git", *words], check=True)
    return tmp_path


def test_commit_changes_and_author(checkout: Path) -> None:
    code = checkout / "ml" / "train.py"
    code.parent.mkdir()
    code.touch()
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(["git", "commit", "-qm", "first"], check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    found = job_variables.job_variables(INPUTS)
    assert (found["MLOPS_GIT_COMMIT"], found["MLOPS_GIT_CHANGES"]) == (head, "")
    assert (found["MLOPS_AUTHOR"], found["MLOPS_DATA_REFERENCE"]) == ("Ada Lovelace", INPUTS["dataReference"])
    code.write_text("changed = True")
    assert job_variables.job_variables(INPUTS)["MLOPS_GIT_CHANGES"] == "yes"


@pytest.mark.usefixtures("checkout")
def test_who_started_a_pipeline_is_the_author_and_no_address_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD_REQUESTEDFOR", "grace@example.com")
    assert author() == "grace"
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    assert author() == "octocat"


def test_without_a_repository_the_commit_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert job_variables.job_variables(INPUTS)["MLOPS_GIT_COMMIT"] == "unknown"
