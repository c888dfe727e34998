"""The real engine with the stand-in plugin and the emulator: no other stack is touched, and a kill loses nothing."""

from __future__ import annotations

import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.arm import Arm
from ml.clients.arm import arm as arm_client
from tests.conftest import RunningEmulator
from tests.local.engine_project import PROJECT, STACK, Project, kill, wait_until
from tools.recover import existing_arm_id, pending_in_file, recover
from tools.versions import ROOT

PROGRAM = f"""
import os
import pulumi
from pulumi_azure_native import Provider, resources

provider = Provider("azure", subscription_id="{SUBSCRIPTION_ID}", location="westeurope")
group = os.environ["GROUP"]
resources.ResourceGroup("group", resource_group_name=group, opts=pulumi.ResourceOptions(provider=provider))
"""
SLOW_PLUGIN = """
import sys, threading
from pathlib import Path
from emulator.provider.__main__ import main
from emulator.provider.servicer import Provider

create = Provider.Create

def create_and_never_answer(self, request, context):
    answer = create(self, request, context)
    if not request.preview:
        Path(sys.argv[1]).touch()
        threading.Event().wait()
    return answer

Provider.Create = create_and_never_answer
main()
"""
GROUPS = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups"
API = "2024-03-01"


@pytest.fixture
def arm(emulator: RunningEmulator) -> Arm:
    return arm_client()


def make_project(folder: Path, emulator: RunningEmulator, group: str) -> Project:
    extra = {**emulator.environment, "AZURE_MLOPS_STACK": STACK, "GROUP": group}
    return Project(folder / "project", program=PROGRAM, extra=extra)


def groups(arm: Arm) -> set[str]:
    return {document["name"] for document in arm.list(GROUPS, API)}


def test_a_shell_for_one_stack_changes_no_other(emulator: RunningEmulator, arm: Arm, tmp_path: Path) -> None:
    project, before = make_project(tmp_path, emulator, "rg-wrong-cloud"), groups(arm)
    project.run("stack", "init", "prod")
    said = project.run("up", "--yes", "--stack", "prod", code=1)
    assert "stack 'prod' is not what this shell was prepared for ('toy'): nothing was changed" in said
    assert groups(arm) == before
    assert "rg-wrong-cloud" not in project.run("stack", "export", "--stack", "prod")
    project.up(toys={})
    assert groups(arm) == before | {"rg-wrong-cloud"}
    project.run("destroy", "--yes", "--skip-preview", "--stack", STACK)
    assert groups(arm) == before


def slow_plugin(project: Project, answered: Path) -> None:
    """Puts a plugin in place that creates in the cloud and then never tells the engine."""
    launcher = next((project.folder / "home" / "plugins").glob("resource-azure-native-*/pulumi-resource-azure-native"))
    words = [sys.executable, "-c", SLOW_PLUGIN, str(answered)]
    launcher.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} PULUMI_ENGINE_PID=$PPID exec {shlex.join(words)} "$@"\n')


def test_what_a_killed_up_made_is_taken_into_the_state(emulator: RunningEmulator, arm: Arm, tmp_path: Path) -> None:
    project, answered = make_project(tmp_path, emulator, "rg-killed"), tmp_path / "created"
    environment = project.environment()
    slow_plugin(project, answered)
    command = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", STACK]
    process = subprocess.Popen(command, cwd=project.folder, env=environment, text=True, stdout=subprocess.PIPE)
    wait_until(answered.exists, "the create in the cloud")
    wait_until(lambda: pending_in_file(project.backend, STACK, PROJECT), "the pending create in the state")
    kill(process)
    assert "rg-killed" in groups(arm)
    existing = partial(existing_arm_id, subscription=SUBSCRIPTION_ID)
    recovery = recover(project.cli(), existing, PROJECT)
    assert recovery.adopted == ["azure-native:resources:ResourceGroup group"]
    project.up("--expect-no-changes", toys={})
    project.run("destroy", "--yes", "--skip-preview", "--stack", STACK)
    assert "rg-killed" not in groups(arm)


def test_without_recovery_the_next_up_would_be_refused(emulator: RunningEmulator, arm: Arm, tmp_path: Path) -> None:
    """What `recover` is for: the plugin refuses to create what is there already, as the real one does."""
    arm.put(f"{GROUPS}/rg-foreign", API, {"location": "westeurope"})
    project = make_project(tmp_path, emulator, "rg-foreign")
    assert "already exist" in project.up(toys={}, code=1)
    arm.delete(f"{GROUPS}/rg-foreign", API)
