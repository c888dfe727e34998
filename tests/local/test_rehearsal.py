"""`make review REHEARSE=1` on the real engine: BASE and the change come up on an emulator of their own, under load.

The short suite makes a better model; the long one a worse one, and a change that does not come up.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.docs import story
from tests.local.checkout import Checkout

SYSTEM = "ml/systems/bike_buyer/system.py"
FEW, MANY = 6, 40
"""Numbers of trees: on these rows more of them are better by more than chance explains (see test_rollout_life.py)."""
TRAIN = "ml/jobkit/train.py"
MAIN = "    planned, folder, output, settings = arguments()\n"
Edit = tuple[str, str, str]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A clone in which nothing was ever brought up."""
    made = Checkout(tmp_path, rows=4000)
    made.edit("stacks/Pulumi.local.yaml", "stageSeconds: 15", "stageSeconds: 5")
    return made


def trees(old: int, new: int) -> Edit:
    """Another number of trees: another model."""
    return SYSTEM, f"rounds={old},", f"rounds={new},"


def reviewed(checkout: Checkout, base: int, *edits: Edit, code: int = 0) -> tuple[str, dict[str, Any]]:
    """The comment and the stack's document of a review of these edits; BASE has so many trees."""
    checkout.edit(*trees(200, base))
    checkout.commit("Ada Lovelace")
    for edit in edits:
        checkout.edit(*edit)
    out = checkout.folder.parent / "review"
    (command,) = story("rehearse")
    words = dict(word.split("=") for word in shlex.split(command)[2:])
    told = {**checkout.environment, **words, "BASE": "HEAD", "OUT": str(out)}
    with nothing_left(checkout):
        printed = checkout.run_in(told, [".venv/bin/python", "-m", "tools", "review"], check=not code)
    (stack,) = json.loads(out.joinpath("review-local.json").read_text())["stacks"]
    comment = out.joinpath("review-local.md").read_text()
    assert "Traceback" not in printed
    assert "Rehearsal of local: BASE comes up" in printed
    assert str(checkout.folder) not in comment.partition("<details>")[0]
    assert len(comment.partition("<details>")[0].splitlines()) <= 60
    return comment, stack


@contextmanager
def nothing_left(checkout: Checkout) -> Iterator[None]:
    """Neither files nor processes, and nothing where the person's own stack would be."""
    yield
    home = checkout.folder / ".pulumi-home"
    assert list(home.joinpath("rehearsals").iterdir()) == []
    assert not checkout.folder.joinpath(".emulator/emulator.db").exists()
    assert list(checkout.folder.joinpath(".pulumi-state").rglob("*.json")) == []
    assert [
        one.pid for one in psutil.process_iter(["cmdline"]) if str(home) in " ".join(one.info["cmdline"] or [])
    ] == []


def test_a_better_model_is_rehearsed_with_its_figures_and_taken_back(checkout: Checkout) -> None:
    comment, stack = reviewed(checkout, FEW, trees(FEW, MANY))
    rehearsal = stack["rehearsal"]
    (system,) = rehearsal["systems"]
    assert (rehearsal["outcome"], stack["risk"]) == ("passed", "changes")
    assert 0 < rehearsal["head_seconds"] < rehearsal["base_seconds"] < 600
    # One job and one evaluation ran in the change; clients noticed nothing of it.
    assert (system["trained"], system["judged"]) == (1, 1)
    assert system["requests"]["failed"] == 0
    assert system["requests"]["sent"] > 100
    assert 0 < system["requests"]["longest_gap"] < 5
    # The new model against the champion, in the gate's own words.
    assert (system["verdict"], system["before"], system["after"]) == ("promoted", 1, 2)
    assert system["figures"]["auc"] > system["against"]["auc"] > 0.8
    assert "log_loss" in system["lower"]
    assert "promoted" in system["reason"]
    # Version 2 was taken back, and version 1 answered alone.
    assert (system["back"]["version"], system["back"]["problem"]) == (1, "")
    assert 0 < system["back"]["seconds"] < 20
    assert system["back"]["requests"]["failed"] == 0
    assert f"auc {system['figures']['auc']:.4f} (better than {system['against']['auc']:.4f})" in comment
    assert f"version 1 alone again after {system['back']['seconds']:.1f} s" in comment


@pytest.mark.long
def test_a_worse_model_stays_out_and_the_review_says_so(checkout: Checkout) -> None:
    comment, stack = reviewed(checkout, MANY, trees(MANY, FEW))
    (system,) = stack["rehearsal"]["systems"]
    assert (stack["rehearsal"]["outcome"], stack["risk"]) == ("kept", "attention")
    assert stack["sentence"].startswith("The champion of bike_buyer stays: the new model does not surely beat it")
    assert (system["verdict"], system["before"], system["after"], system["back"]) == ("kept", 1, 1, None)
    assert system["figures"]["auc"] < system["against"]["auc"]
    assert "⚠️ keeps the champion" in comment
    assert system["requests"]["failed"] == 0


@pytest.mark.long
def test_a_change_that_does_not_come_up_blocks_with_its_reason(checkout: Checkout) -> None:
    """Its plan can be made; the job fails."""
    broken = TRAIN, MAIN, f'    raise SystemExit("no luck today")\n{MAIN}'
    comment, stack = reviewed(checkout, FEW, broken, code=5)
    assert stack["rehearsal"]["outcome"] == "failed"
    assert "**Blocked** by Rehearsal" in comment
    assert "no luck today" in stack["rehearsal"]["problem"]
    (system,) = stack["rehearsal"]["systems"]
    assert (system["after"], system["requests"]["failed"]) == (1, 0)
