"""The real engine with our language host and our server of dynamic resources: the whole life of a small stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.local.engine_project import MANIFEST, Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("lifecycle"))


def test_create_refresh_and_destroy(project: Project) -> None:
    toys = {"a": 0, "b": 0}
    project.up(toys=toys)
    assert project.objects() == {"a", "b"}
    project.up("--expect-no-changes", toys=toys)
    (project.cloud / "a.json").unlink()
    assert "1 deleted" in project.run("refresh", "--yes", "--skip-preview", toys=toys)
    assert "1 created" in project.up(toys=toys)
    project.run("destroy", "--yes", "--skip-preview")
    assert project.objects() == set()


@pytest.mark.alone
def test_many_creates_run_at_the_same_time(project: Project) -> None:
    """The SDK's server works on four at a time: twelve creates of two seconds would take six."""
    said = project.up(toys={f"slow{number}": 2 for number in range(12)})
    times = [when for _, name, when in project.calls() if name.startswith("slow")]
    assert len(times) == 24
    assert max(times) - min(times) < 5
    assert "second 1" in said, "the row shows how far the create is"


def test_a_failure_is_one_message_and_holds_nobody_up(project: Project) -> None:
    said = project.up(toys={"good": 0, "bad": -1}, code=1)
    assert "bad: seconds is -1; write 0 or more" in said
    assert "Traceback" not in said
    assert "good" in project.objects()


def test_a_program_that_fails_says_where(tmp_path: Path) -> None:
    project = Project(
        tmp_path / "project", program="import pulumi\nraise pulumi.RunError('mlops:owner is missing; write it')\n"
    )
    said = project.up(toys={}, code=1)
    assert "mlops:owner is missing; write it" in said
    assert "Traceback" not in said


def test_resources_work_under_the_sdk_s_own_server(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    stock = [line for line in MANIFEST.splitlines() if not line.startswith("plugins:")]
    (project.folder / "Pulumi.yaml").write_text("\n".join(stock))
    said = project.up(toys={"a": 1})
    assert project.objects() == {"a"}
    assert "second 0" not in said, "only our server shows text on the row"
