"""Plans of the real engine: no secret is in them, and one that no longer fits is refused before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.local.engine_project import STACK, Project
from tools.progress import SetupError
from tools.saved_plan import SavedPlan, hold_to

PROGRAM = """
from pulumi import Config
from toy_resources import Toy

Toy("safe", Config().require_secret_int("canary"))
"""
CANARY, OTHER = "271828", "314159"


def test_a_secret_is_never_in_plain_in_a_plan_nor_in_what_is_said_of_it(tmp_path: Path) -> None:
    project, file = Project(tmp_path / "project", PROGRAM), tmp_path / "plan.json"
    words = ("config", "set", "--secret", "canary", "--stack", STACK)
    project.run(*words, CANARY)
    project.run("preview", "--save-plan", str(file), "--stack", STACK)
    text = file.read_text()
    assert '"ciphertext"' in text
    assert CANARY not in text
    pulumi = project.cli()
    plan = SavedPlan.read(str(file), pulumi.stack)
    assert hold_to(pulumi, plan) == ["--plan", str(file)]
    project.run(*words, OTHER)
    with pytest.raises(SetupError, match="no longer what `up` would do, and nothing was changed") as refused:
        hold_to(pulumi, plan)
    assert "secret toy:canary: it was set anew" in str(refused.value)
    assert not any(secret in str(refused.value) for secret in (CANARY, OTHER))
    assert project.objects() == set()
