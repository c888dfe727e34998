"""The life of a system in one stack, in order: every test goes on where the one before ended."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.docs import story
from tests.local.checkout import Checkout, kill, wait_until

TRAIN = "ml/jobkit/train.py"
SYSTEM = "ml/systems/bike_buyer/system.py"
MAIN = "    planned, folder, output, settings = arguments()\n"
UNCHANGED = "up --yes --skip-preview --expect-no-changes -s local"

DELETE = """
from ml.clients.operations import delete_and_wait
from ml.clients.workspace import API_VERSION
from tools.deployed_system import find_system

system = find_system("local", "bike_buyer")
for path in (f"onlineEndpoints/{system.endpoint}", f"models/{system.model}"):
    delete_and_wait(f"{system.workspace.path}/{path}", API_VERSION)
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    made = Checkout(tmp_path_factory.mktemp("life"))
    made.edit(SYSTEM, "rounds=200", "rounds=12")
    # 500 rows leave about a hundred to judge by.
    made.edit(SYSTEM, '{"auc": 0.80, "accuracy": 0.75}', '{"auc": 0.5, "accuracy": 0.4}')
    made.edit("stacks/Pulumi.local.yaml", "stageSeconds: 15", "stageSeconds: 5")
    yield made
    subprocess.run([".venv/bin/python", "-m", "emulator", "reset"], cwd=made.folder, env=made.environment, check=False)


def test_up_trains_and_shows_the_figures(checkout: Checkout) -> None:
    printed = checkout.tool("up", "local")
    outputs = checkout.outputs()
    assert outputs["data"]["source"] == "real"
    assert outputs["data"]["rows"]["potential-bike-buyers.csv"] == 500
    assert 0.5 < outputs["model"]["metrics"]["auc"] < 1
    assert f"auc {outputs['model']['metrics']['auc']:.4f}" in printed
    assert outputs["experimentUri"] in printed
    assert [job.status for job in checkout.jobs()] == ["Completed"]


def test_the_same_program_changes_nothing_nor_do_comments_formatting_and_test_tools(checkout: Checkout) -> None:
    checkout.pulumi("refresh --yes --skip-preview --expect-no-changes -s local")
    checkout.edit("ml/jobkit/tasks/binary/figures.py", "from __future__", "# a comment\nfrom __future__")
    checkout.edit(TRAIN, MAIN, "    (planned, folder, output,\n       settings) = arguments()  # reformatted\n")
    checkout.edit("pyproject.toml", '"pytest>=8.4"', '"pytest>=8.3"')
    checkout.pulumi(UNCHANGED)
    checkout.edit(TRAIN, "    (planned, folder, output,\n       settings) = arguments()  # reformatted\n", MAIN)


def test_a_hyperparameter_is_one_new_job_and_preview_names_the_file(checkout: Checkout) -> None:
    first = checkout.outputs()["job"]
    checkout.edit(SYSTEM, "rounds=12", "rounds=14")
    preview = checkout.pulumi("preview -s local")
    assert "rounds 12 -> 14" in preview
    assert len(checkout.jobs()) == 1
    checkout.tool("up", "local")
    names = [job.name for job in checkout.jobs()]
    assert names == [first, checkout.outputs()["job"]]
    assert names[0] != names[1]


def test_back_to_an_earlier_value_adopts_the_earlier_job(checkout: Checkout) -> None:
    before = checkout.jobs()
    checkout.edit(SYSTEM, "rounds=14", "rounds=12")
    checkout.tool("up", "local")
    after = checkout.jobs()
    assert [job.name for job in after] == [job.name for job in before]
    assert checkout.outputs()["job"] == before[0].name
    assert [job.archived for job in after] == [False, True]
    checkout.pulumi(UNCHANGED)


def test_a_moved_checkout_with_a_deleted_endpoint_and_a_deleted_model_serves_again(checkout: Checkout) -> None:
    """Moved while its emulator runs, which nothing but its working directory tells from others. The training's resource
    has another name besides: what is deleted under the old one is what the new one has adopted, and stays.
    """
    jobs = checkout.jobs()
    checkout.edit("ml/recipes/served_model.py", '"{self.name}-training"', '"{self.name}-model-training"')
    place, emulator = str(checkout.folder), psutil.Process(checkout.emulator_pid())
    assert checkout.documents_with(place) == 0
    checkout.script(DELETE)
    checkout.move("moved")
    checkout.folder.joinpath(".emulator/emulator.pid").unlink()
    printed = checkout.tool("up", "local")
    assert not emulator.is_running()
    assert "Deleted by another hand: azure-native:machinelearningservices:OnlineEndpoint bike_buyer-endpoint" in printed
    assert re.search(r"bike-buyer:\d+ is gone: it is registered again", printed)
    assert re.search(r"answers +yes by version \d+", printed)
    assert checkout.jobs() == jobs
    checkout.pulumi(UNCHANGED)


def test_one_changed_row_is_one_new_data_version_and_one_new_job(checkout: Checkout) -> None:
    jobs, versions = checkout.jobs(), checkout.data_versions()
    holders = checkout.data / "potential-bike-buyers.csv"
    text = holders.read_text(encoding="utf-8-sig")
    holders.write_text(text.replace("Bachelors", "Graduate Degree", 1), encoding="utf-8-sig")
    del checkout.environment["MLOPS_DATA_DIR"]  # another shell: the stack remembers the folder
    printed = checkout.tool("up", "local")
    checkout.environment["MLOPS_DATA_DIR"] = str(checkout.data)
    assert f"Data: the files in {checkout.data}, as at the last up" in printed
    assert checkout.outputs()["data"]["source"] == "real"
    assert len(checkout.jobs()) == len(jobs) + 1
    assert len(checkout.data_versions()) == len(versions) + 1


def hold(checkout: Checkout, gate: Path) -> None:
    """Makes the next job wait for a file."""
    wait = f"    while not Path({str(gate)!r}).exists():\n        time.sleep(0.05)\n"
    checkout.edit(TRAIN, MAIN, wait + MAIN)


def up_and_kill_while_the_job_runs(checkout: Checkout) -> None:
    """Starts `up` and kills the CLI as soon as a new job runs."""
    count = len(checkout.jobs())
    running = checkout.start("up", "local")
    wait_until(lambda: [job.status for job in checkout.jobs()[count:]] == ["Running"], "the job runs")
    family = psutil.Process(running.pid).children(recursive=True)
    kill(next(process.pid for process in family if process.name() == "pulumi"))
    running.communicate(timeout=60)


def test_a_killed_cli_leaves_one_job_that_the_next_up_adopts(checkout: Checkout, tmp_path: Path) -> None:
    count = len(checkout.jobs())
    gate = tmp_path / "go"
    hold(checkout, gate)
    up_and_kill_while_the_job_runs(checkout)
    gate.touch()
    checkout.tool("up", "local")
    assert [job.status for job in checkout.jobs()[count:]] == ["Completed"]


def test_back_to_an_earlier_value_after_a_kill_keeps_what_is_in_use(checkout: Checkout) -> None:
    used, count = checkout.outputs()["job"], len(checkout.jobs())
    checkout.edit(SYSTEM, "rounds=12", "rounds=16")
    up_and_kill_while_the_job_runs(checkout)
    checkout.edit(SYSTEM, "rounds=16", "rounds=12")
    checkout.tool("up", "local")
    assert checkout.outputs()["job"] == used
    assert [job.archived for job in checkout.jobs() if job.name == used] == [False]
    assert len(checkout.jobs()) == count + 1
    checkout.pulumi(UNCHANGED)


def test_a_killed_emulator_loses_nothing_and_the_job_ends(checkout: Checkout, tmp_path: Path) -> None:
    count, documents = len(checkout.jobs()), len(checkout.data_versions())
    gate = tmp_path / "go"
    checkout.edit(TRAIN, "exists():\n        time.sleep(0.05)\n", "exists():\n        time.sleep(0.06)\n")
    checkout.folder.joinpath(TRAIN).write_text(
        "\n".join(
            f"    while not Path({str(gate)!r}).exists():" if line.startswith("    while not Path(") else line
            for line in checkout.folder.joinpath(TRAIN).read_text().split("\n")
        )
    )
    running = checkout.start("up", "local")
    wait_until(lambda: [job.status for job in checkout.jobs()[count:]] == ["Running"], "the job runs")
    kill(checkout.emulator_pid())
    begin = time.monotonic()
    printed, _ = running.communicate(timeout=120)
    assert time.monotonic() - begin < 5
    assert "the emulator has ended while Pulumi was at work" in printed
    assert running.returncode == 1
    gate.touch()
    checkout.tool("up", "local")
    assert [job.status for job in checkout.jobs()[count:]] == ["Completed"]
    assert len(checkout.data_versions()) == documents
    assert checkout.outputs()["job"] == checkout.jobs()[-1].name


def test_a_failing_script_shows_its_last_lines_and_is_tried_again_by_the_next_up(checkout: Checkout) -> None:
    """That it is not after three attempts, `tests/contract/test_gate_life.py` shows."""
    count = len(checkout.jobs())
    checkout.edit(TRAIN, MAIN, '    print("about to divide", flush=True)\n    print(1 / 0)\n' + MAIN)
    for attempt in (1, 2):
        printed = checkout.tool("up", "local", check=False)
        assert "about to divide" in printed
        assert "ZeroDivisionError: division by zero" in printed
        assert [job.status for job in checkout.jobs()[count:]] == ["Failed"] * attempt


def test_destroy_leaves_an_empty_cloud(checkout: Checkout) -> None:
    before = checkout.left_in_the_cloud()
    assert min(before.values()) > 0
    checkout.pulumi("destroy --yes --skip-preview -s local")
    assert checkout.left_in_the_cloud() == {"documents": 0, "blobs": 0, "runs": 0}


def test_a_state_that_cannot_be_read_says_so_and_is_put_back(checkout: Checkout) -> None:
    state = checkout.folder / ".pulumi-state/.pulumi/stacks/mlops/local.json"
    whole = state.read_text()
    state.write_text("")
    for verb in (("up", "local"), ("down", "local"), ("doctor",)):
        printed = checkout.tool(*verb, check=False)
        assert "local.json is empty. `make recover STACK=local` puts back the copy of" in printed
        assert "Traceback" not in printed
    assert "local.json is empty: put back the copy of" in checkout.tool("recover", "local")
    assert json.loads(state.read_text())["checkpoint"]["stack"] == json.loads(whole)["checkpoint"]["stack"]


def test_down_leaves_nothing_even_of_a_state_that_no_copy_can_replace(checkout: Checkout) -> None:
    settings = json.loads(checkout.folder.joinpath(".emulator/settings.json").read_text())
    for file in checkout.folder.joinpath(".pulumi-state/.pulumi").rglob("local.*json*"):
        file.write_text(file.read_text()[:100])
    assert "no copy of it is whole" in checkout.tool("down", "local", check=False)
    checkout.tool("down", "local", "--force")
    assert not checkout.folder.joinpath(".pulumi-state").exists()
    listening = {
        one.laddr.port for one in psutil.net_connections("tcp4") if one.laddr and one.status == psutil.CONN_LISTEN
    }
    assert not listening & {settings["https_port"], settings["http_port"]}
    folder = str(checkout.folder)
    assert [
        process.pid for process in psutil.process_iter() if folder in " ".join(_environment(process).values())
    ] == []
    assert not checkout.folder.joinpath(".emulator").exists() or not any(
        checkout.folder.joinpath(".emulator").iterdir()
    )


def test_up_with_the_same_names_works_again(checkout: Checkout) -> None:
    text = checkout.folder.joinpath(TRAIN).read_text()
    kept = [line for line in text.split("\n") if "1 / 0" not in line and "about to divide" not in line]
    checkout.folder.joinpath(TRAIN).write_text("\n".join(kept))
    place = checkout.folder / "path/to/data"
    place.parent.mkdir(parents=True)
    place.symlink_to(checkout.data)
    checkout.typed("\n".join(story("real-data")))
    assert [job.status for job in checkout.jobs()] == ["Completed"]
    preview, up, down = story("change")
    assert re.search(r"^Nothing changes: \d+ unchanged", checkout.typed(preview), re.MULTILINE)
    checkout.typed(up)
    assert [job.status for job in checkout.jobs()] == ["Completed"]
    checkout.typed(down)
    assert not checkout.folder.joinpath(".pulumi-state").exists()


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        found: dict[str, str] = process.environ()
    except psutil.Error:
        return {}
    return {name: value for name, value in found.items() if name in ("EMULATOR_STATE", "PULUMI_HOME", "PWD")}
