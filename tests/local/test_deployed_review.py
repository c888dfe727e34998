"""`make review LIVE=1`: a change held against what is deployed, with the champion's figures and the state it was of."""

from __future__ import annotations

import json
from pathlib import Path

from tests.local.conftest import FEWER_TREES, SYSTEM, Deployed
from tools.stacks import PROJECT
from tools.state_file import StateFile


def test_a_live_review_has_the_champions_figures_the_floors_and_the_state(deployed: Deployed, tmp_path: Path) -> None:
    checkout = deployed.checkout
    state = StateFile(checkout.folder / ".pulumi-state", PROJECT, "local")
    before, text = state.file.read_bytes(), checkout.folder.joinpath(SYSTEM).read_text()
    told = {**checkout.environment, "BASE": "HEAD", "OUT": str(tmp_path), "LIVE": "1"}
    try:
        checkout.edit(SYSTEM, f"rounds={FEWER_TREES},", "rounds=9,")
        checkout.run_in(told, [".venv/bin/python", "-m", "tools", "review", "--stack", "local"], check=False)
    finally:
        checkout.folder.joinpath(SYSTEM).write_text(text)
    comment = tmp_path.joinpath("review-local.md").read_text()
    (found,) = json.loads(tmp_path.joinpath("review-local.json").read_text())["stacks"]
    # The stack's floors are lower than what is recorded (conftest.py): that alone ends it with an error.
    assert found["blocking"] == ["M-14 gate-floor-kept"]
    (system,) = found["systems"]
    metrics = checkout.outputs()["model"]["metrics"]
    assert system["because"] == [f"rounds {FEWER_TREES} -> 9"]
    assert system["floors"] == ["accuracy ≥ 0.4", "auc ≥ 0.5"]
    assert f"auc {metrics['auc']:.4g}" in system["champion"]
    assert (
        f"must reach floors accuracy ≥ 0.4, auc ≥ 0.5 and beat the champion's {', '.join(system['champion'])}"
        in comment
    )
    # Which state that was, in the comment and for machines; a review changes nothing of it.
    time = state.checkpoint()["manifest"]["time"].replace("T", " ").replace("Z", " UTC")
    assert found["state"] == f"written {time}"
    assert f"on the live state (written {time})" in comment
    assert state.file.read_bytes() == before
