"""`make preview`, `export`, `diagram` and `verdict` of a stack on Azure: no account, no network, nothing is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from policies.azure.verdict import Outcome
from tests.program.azure.declared import Declared
from tests.program.azure.exports import plan_of, template_of
from tests.program.azure.stacks import main
from tests.program.recorder import run as record
from tests.program.recorder import stack_config
from tools.azure_verdict import read, verdicts
from tools.stacks import FOLDER
from tools.versions import ROOT


def run(verb: str, stack: str, **words: str) -> str:
    """What the command prints where nothing of a cloud is known and no proxy leads outside."""
    secret = ("ARM_", "AZURE_", "IDENTITY_", "PULUMI_", "SSL_", "REQUESTS_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(secret)}
    environment |= {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "127.0.0.1"}
    environment |= words
    command = [sys.executable, "-m", "tools", verb, stack]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_preview_of_dev_needs_no_account_and_is_the_same_twice() -> None:
    before = {file.name: file.read_bytes() for file in FOLDER.iterdir()}
    first = run("preview", "dev")
    assert first.startswith("Preview of stack dev (azure), from nothing, without an account\n")
    assert "azure-native:machinelearningservices:Workspace workspace" in first
    assert run("preview", "dev") == first
    assert {file.name: file.read_bytes() for file in FOLDER.iterdir()} == before


def test_an_export_is_what_the_program_declares_with_the_defaults_of_the_plugin() -> None:
    """So whatever is checked of a recorded program holds for what the engine sends."""
    exported = json.loads(run("export", "dev", PROFILE="hybrid"))
    config = stack_config("dev") | {"networkProfile": "hybrid"}
    recorded = template_of(Declared(record(main, config, stack="dev"), config))
    assert exported["parameters"] == recorded["parameters"]
    assert [one["name"] for one in exported["resources"]] == [one["name"] for one in recorded["resources"]]
    for more, less in zip(exported["resources"], recorded["resources"], strict=True):
        assert within(less, more), less["name"]


@pytest.mark.long
def test_azures_verdict_on_prod_is_the_same_as_on_a_recorded_program(data_directory: Path) -> None:
    """The short suite judges what the program declares; here it is what the engine and the plugin would send."""
    folder = str(data_directory / "azure-policy")
    said = run("verdict", "prod", DEFINITIONS=folder)
    assert said.startswith("None of ")
    config = stack_config("prod")
    recorded = Declared(record(main, config, stack="prod"), config)
    judged = verdicts(plan_of(recorded), recorded.subscription, read(Path(folder)))
    for outcome in (Outcome.MODIFY, Outcome.AUDIT):
        for one in judged:
            assert one.outcome is not outcome or one.definition in said, one.title


@pytest.mark.long
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_diagrams_of_the_docs_are_those_of_the_verb(stack: str) -> None:
    """The short suite draws them of a recorded program, which has less in it than what the engine sends."""
    assert run("diagram", stack) == ROOT.joinpath(f"docs/platform-{stack}.svg").read_text()


def within(less: Any, more: Any) -> bool:
    """Whether everything of the one is in the other."""
    if isinstance(less, dict):
        return isinstance(more, dict) and all(key in more and within(value, more[key]) for key, value in less.items())
    return bool(less == more)
