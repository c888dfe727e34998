"""What job preparation reads: conda files, durations, command lines, pipelines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from emulator.errors import ServiceError
from emulator.machine_learning.assets.packages import InvalidPackages, Packages, read_packages
from emulator.machine_learning.durations import seconds
from emulator.machine_learning.jobs.command import bind
from emulator.machine_learning.jobs.inputs import JobFailure, inside
from emulator.machine_learning.jobs.pipeline import order, ready_steps
from emulator.machine_learning.locations import DATASTORE_PATH, JOB_PATH
from emulator.store import Document

HASHED = "six==1.17.0 --hash=sha256:" + "a" * 64


def test_conda_file() -> None:
    text = "name: x\nchannels: [conda-forge]\ndependencies: [python=3.11, pip=24, {pip: [numpy, 'six==1.17.0']}]\n"
    assert read_packages(text) == Packages("3.11", ("numpy", "six==1.17.0"))
    assert read_packages("dependencies: [python]") == Packages()
    assert read_packages("dependencies: ['conda-forge::python=3.8.12']") == Packages("3.8")
    assert read_packages("dependencies: ['python>=3.8']") == Packages()


@pytest.mark.parametrize(
    ("conda", "line"),
    [
        ("pandas", "pandas"),
        ("pandas=1.5", "pandas==1.5.*"),
        ("pandas=1.5.3=py310_0", "pandas==1.5.3.*"),
        ("pandas==1.5.3", "pandas==1.5.3"),
        ("pandas 1.5.*", "pandas==1.5.*"),
        ("pandas ~= 1.5.3", "pandas~=1.5.3"),
        ("conda-forge::Scikit-Learn>=1.2,<2", "scikit-learn>=1.2,<2"),
        ("pytorch=2.1", "torch==2.1.*"),
        ("py-xgboost", "xgboost"),
    ],
)
def test_conda_packages_in_the_words_of_pip(conda: str, line: str) -> None:
    assert read_packages(f"dependencies: ['{conda}', blas]") == Packages(None, (line,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dependencies: [cudatoolkit=11.3]", "'cudatoolkit=11.3' has no known counterpart"),
        ("dependencies: [r-base]", "'r-base' has no known counterpart"),
        ("dependencies: ['numpy=1.2|1.3']", "version of the conda package 'numpy=1.2|1.3' cannot be said"),
        ("dependencies: ['python=new']", "no version of Python"),
        ("dependencies: [python=3.11, {conda: [x]}]", "'pip' with a list"),
        ("- a", "must be a mapping"),
        ("a: [", "no YAML"),
    ],
)
def test_wrong_conda_files_are_named(text: str, message: str) -> None:
    with pytest.raises(InvalidPackages, match=re.escape(message)):
        read_packages(text)


def test_hashes_are_required_only_when_every_requirement_has_them() -> None:
    assert Packages(None, (HASHED, "--index-url https://example.org/simple")).hashed
    assert not Packages(None, (HASHED, "numpy")).hashed
    assert not Packages().hashed


@pytest.mark.parametrize(("text", "expected"), [("PT60S", 60), ("PT1H30M", 5400), ("P1DT0.5S", 86400.5)])
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["P", "PT", "1h", "", "PT5"])
def test_wrong_durations(text: str) -> None:
    with pytest.raises(ValueError, match="no ISO 8601 duration"):
        seconds(text)


def test_command_line() -> None:
    values = {"inputs.a": "/in/a", "outputs.b": "/out/b"}
    text = "run ${{inputs.a}} ${{ outputs.b }}$[[ --c ${{inputs.c}}]] $[[--a ${{inputs.a}}]]"
    assert bind(text, values) == "run /in/a /out/b --a /in/a"
    with pytest.raises(JobFailure, match="no such input"):
        bind("${{inputs.c}}", values)


def test_a_blob_cannot_leave_its_folder() -> None:
    assert inside(Path("/job/in"), "a/b.csv") == Path("/job/in/a/b.csv")
    with pytest.raises(JobFailure, match="leads out"):
        inside(Path("/job/in"), "../../etc/passwd")


@pytest.mark.parametrize(
    "uri",
    [
        "azureml://datastores/lake/paths/a/b.csv",
        "azureml://datastores/lake/a/b.csv",
        "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/lake/paths/a/b.csv",
        "azureml://subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
        "/datastores/lake/paths/a/b.csv",
    ],
)
def test_datastore_paths(uri: str) -> None:
    found = DATASTORE_PATH.fullmatch(uri)
    assert found is not None
    assert (found["name"], found["path"]) == ("lake", "a/b.csv")


def test_job_paths() -> None:
    found = JOB_PATH.fullmatch("azureml://jobs/train-1/outputs/model/paths/model.onnx")
    assert found is not None
    assert (found["job"], found["output"], found["path"]) == ("train-1", "model", "model.onnx")


def steps(**bindings: str) -> dict[str, Any]:
    """Steps by name, each bound to the steps named."""
    return {
        name: {"inputs": {one: {"value": f"${{{{parent.jobs.{one}.outputs.out}}}}"} for one in needed.split()}}
        for name, needed in bindings.items()
    }


def test_steps_come_after_what_they_need() -> None:
    assert order(steps(c="a b", b="a", a="")) == ["a", "b", "c"]
    with pytest.raises(ServiceError, match="a, b wait for each other"):
        order(steps(a="b", b="a"))


def test_a_step_starts_once_its_predecessors_have_completed() -> None:
    parent = Document("/subscriptions/s/providers/p/t/n", {"properties": {"jobs": steps(a="", b="a", c="b", d="")}})
    done = Document("x", {"properties": {"status": "Completed"}})
    running = Document("x", {"properties": {"status": "Running"}})
    assert ready_steps(parent, {}) == ["a", "d"]
    assert ready_steps(parent, {"a": running, "d": running}) == []
    assert ready_steps(parent, {"a": done, "d": running}) == ["b"]
