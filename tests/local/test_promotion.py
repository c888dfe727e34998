"""A model that serves in one stack is promoted to another one by digest: no job trains there; in order.

Runs with `make test-long`: `test_pipeline_story.py` promotes too, `tests/contract/test_promotion.py` tampers.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local.checkout import Checkout
from tests.local.platform_stack import PlatformStack
from tools.standing import stack_outputs

pytestmark = pytest.mark.long
SYSTEM = "ml/systems/bike_buyer/system.py"
FLOORS, LOW, UNREACHABLE = '{"auc": 0.80, "accuracy": 0.75}', '{"auc": 0.5, "accuracy": 0.4}', '{"auc": 0.999}'
SOURCE, TARGET = "local", "target"
TAMPER = """
import json, sys
from pathlib import Path
from ml.clients.datastore import Folder
from ml.clients.models import Models
from ml.clients.workspace import Workspace
version, kept, *names = sys.argv[1:]
workspace = Workspace(*names)
folder = Folder(workspace, Models(workspace, "bike-buyer").required(int(version)).uri)
if not Path(kept).exists():
    folder.download(Path(kept, "right"))
    other = Path(kept, "other")
    other.mkdir()
    other.joinpath("model.onnx").write_bytes(b"another model")
    folder.upload(other)
else:
    folder.upload(Path(kept, "right"))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """One stack that trains, and the file of another one that promotes what serves there."""
    made = Checkout(tmp_path_factory.mktemp("promotion"))
    made.edit(SYSTEM, "rounds=200", "rounds=2")
    made.edit(SYSTEM, FLOORS, f"{LOW}, margin=0.0")
    made.edit(f"stacks/Pulumi.{SOURCE}.yaml", "stageSeconds: 15", "stageSeconds: 5")
    source = made.folder / f"stacks/Pulumi.{SOURCE}.yaml"
    source.with_name(f"Pulumi.{TARGET}.yaml").write_text(
        source.read_text() + f"  mlops:modelSource: promote:{SOURCE}\n"
    )
    yield made
    subprocess.run([".venv/bin/python", "-m", "emulator", "reset"], cwd=made.folder, env=made.environment, check=False)


def outputs(checkout: Checkout, stack: str) -> dict[str, Any]:
    """What a stack says of itself."""
    return stack_outputs(PlatformStack(checkout, stack).resources)


def digest(found: dict[str, Any]) -> str:
    """Of the image that serves."""
    return str(found["bike_buyer"]["model"]["image"].rpartition("@")[2])


def tamper(checkout: Checkout) -> None:
    """Puts another file in the place of the source's model; the second time, the right one again."""
    found = outputs(checkout, SOURCE)
    platform = found["platform"]
    names = [platform["subscriptionId"], platform["resourceGroup"], platform["workspace"]]
    kept = checkout.folder.parent / "kept"
    checkout.script(TAMPER, str(found["bike_buyer"]["model"]["version"]), str(kept), *names)


def test_a_tampered_model_is_refused(checkout: Checkout) -> None:
    checkout.tool("up", SOURCE)
    tamper(checkout)
    printed = checkout.tool("up", TARGET, check=False)
    assert "nothing of bike-buyer:1 of stack local is promoted" in printed
    assert "its sha256 differs from the recorded one" in printed
    assert "Traceback" not in printed
    tamper(checkout)


def test_what_serves_there_serves_here_by_the_same_digest_and_no_job_trains(checkout: Checkout) -> None:
    trained = checkout.jobs()
    printed = checkout.tool("up", TARGET)
    assert "answers" in printed
    there, here = outputs(checkout, SOURCE), outputs(checkout, TARGET)
    assert checkout.jobs() == trained
    assert digest(here) == digest(there)
    assert here["bike_buyer"]["model"]["image"] != there["bike_buyer"]["model"]["image"]
    for key in ("name", "version", "sha256"):
        assert here["bike_buyer"]["model"][key] == there["bike_buyer"]["model"][key]
    runs = checkout.in_system("runs", STACK=TARGET)
    assert "promoted from local:1" in runs
    assert trained[0].name in runs
    assert "promoted from local:1" in checkout.in_system("history", STACK=TARGET)
    checkout.pulumi(f"up --yes --skip-preview --expect-no-changes -s {TARGET}", stack=TARGET)


def test_a_model_below_the_floor_here_is_kept_out_and_the_champion_goes_on_serving(checkout: Checkout) -> None:
    before = outputs(checkout, TARGET)
    checkout.edit(SYSTEM, "rounds=2,", "rounds=40,")
    checkout.tool("up", SOURCE)
    assert outputs(checkout, SOURCE)["bike_buyer"]["model"]["version"] == 2
    checkout.edit(SYSTEM, LOW, UNREACHABLE)
    trained = checkout.jobs()
    printed = checkout.tool("up", TARGET)
    assert "is below the floor 0.999: kept the champion" in printed
    after = outputs(checkout, TARGET)
    assert (after["bike_buyer"]["model"]["version"], digest(after)) == (1, digest(before))
    assert checkout.jobs() == trained
