"""One deployed stack for all tests that only look at it.

A test that needs a stack with a champion takes the fixture `deployed`; it costs its two `up`s once a session:

    def test_status_names_what_serves(deployed: Deployed) -> None:
        assert "version 1" in deployed.checkout.in_system("status")

`deployed.checkout` types the verbs, `deployed.service` knows key, traffic and champion, `deployed.http` is the
emulator's loopback address, `deployed.first` and `deployed.lost` are what the two `up`s printed. The stack is
everybody's: a test leaves champion, traffic, files and jobs as it found them. Tests that change a stack belong into one
of the ordered stories (`test_system_life.py`, `test_rollout_life.py`, `test_two_systems.py`).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.local.checkout import Checkout
from tests.local.serving import Service

SYSTEM = "ml/systems/bike_buyer/system.py"
STACK = "stacks/Pulumi.local.yaml"
ROWS, TREES, FEWER_TREES = 2000, 12, 1


@dataclass(frozen=True)
class Deployed:
    """A stack after two `up`s: version 1 serves, and a challenger with fewer trees lost against it."""

    checkout: Checkout
    service: Service
    http: str
    first: str
    lost: str


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Version 1 of the bike buyer serves, trained on data that count as real; the stack remembers a lost challenger."""
    made = Checkout(tmp_path_factory.mktemp("deployed"), rows=ROWS)
    made.commit("Ada Lovelace")
    made.edit(SYSTEM, "rounds=200", f"rounds={TREES}")
    # Few rows and few trees: what decides here is the champion, not the floor.
    made.edit(SYSTEM, '{"auc": 0.80, "accuracy": 0.75}', '{"auc": 0.5, "accuracy": 0.4}')
    made.edit(STACK, "stageSeconds: 15", "stageSeconds: 5")
    try:
        first = made.tool("up", "local")
        made.edit(SYSTEM, f"rounds={TREES},", f"rounds={FEWER_TREES},")
        lost = made.tool("up", "local")
        port = json.loads(made.folder.joinpath(".emulator/settings.json").read_text())["http_port"]
        service = Service(made, tmp_path_factory.mktemp("deployed-models"))
        yield Deployed(made, service, f"http://127.0.0.1:{port}", first, lost)
    finally:
        command = [".venv/bin/python", "-m", "emulator", "reset"]
        subprocess.run(command, cwd=made.folder, env=made.environment, check=False)
