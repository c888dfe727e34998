"""The real engine after a resource fails: what depends on it is left as it is, everything else goes on."""

from __future__ import annotations

import json
from pathlib import Path

from tests.local.engine_project import STACK, Project

PROGRAM = """
import json, os
from infra.dependents import skip_dependents_of_failures
from toy_resources import Toy

skip_dependents_of_failures()
toys = json.loads(os.environ["TOYS"])
before = Toy("before", toys["before"]) if "before" in toys else None
kept = Toy("kept", before.seconds if before else 0)
Toy("last", kept.seconds)
if before:
    Toy("other", 0)
"""


def names(project: Project) -> set[str]:
    """The resources in the state, without the stack and its provider."""
    state = json.loads(project.run("stack", "export", "--stack", STACK))
    found = [one["urn"].rpartition("::")[2] for one in state["deployment"]["resources"] if "toy:Toy" in one["type"]]
    return set(found)


def test_what_depends_on_a_failure_stays_and_what_does_not_goes_on(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", PROGRAM)
    project.up(toys={})
    assert project.objects() == names(project) == {"kept", "last"}
    for _ in range(2):
        said = project.up("--continue-on-error", toys={"before": -1}, code=1)
        assert "seconds is -1" in said
        assert "Traceback" not in said
        assert project.objects() == names(project) == {"kept", "last", "other"}
    project.up(toys={"before": 0})
    assert names(project) == {"before", "kept", "last", "other"}
    project.up(toys={})
    assert project.objects() == names(project) == {"kept", "last"}
