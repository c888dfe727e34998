"""A state that moves from one place to another, as docs/azure.md has it for the stack that makes the other place."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.docs import story
from tests.local.engine_project import PROJECT, Project

BOOTSTRAP = "bootstrap"


def test_the_state_of_bootstrap_moves_into_its_own_account(tmp_path: Path) -> None:
    project, account = Project(tmp_path / "project"), tmp_path / "account"
    account.mkdir()
    toys = {"a": 0.0}
    project.run("stack", "init", BOOTSTRAP)
    project.run("up", "--yes", "--skip-preview", "--stack", BOOTSTRAP, toys=toys)
    shell = project.environment(toys)
    del shell["PULUMI_BACKEND_URL"]  # the place is the one of the last login, as in a person's shell
    shell |= {"PULUMI_STACK": BOOTSTRAP, "BACKEND": f"file://{account}"}
    commands = [f"pulumi login file://{project.backend}", *story("move-state")]
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(commands)],
        cwd=project.folder,
        env=shell,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert account.joinpath(".pulumi", "stacks", PROJECT, f"{BOOTSTRAP}.json").is_file()
    assert not project.folder.joinpath("state.json").exists()
    assert project.objects() == {"a"}
