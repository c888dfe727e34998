"""The place of a rehearsal: nothing of the person's own is touched, and nothing is left, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
import yaml

from tests.local.checkout import wait_until
from tools.load import Answer, Load
from tools.progress import Progress, SetupError, Step
from tools.rehearsal import run
from tools.rehearsal.configuration import SOMEBODY, notes, rehearsed, skipped
from tools.rehearsal.place import Done, Place, TooLong, clean, place
from tools.rehearsal.run import SETTLED, Wanted, got, settled
from tools.review import Review
from tools.stacks import Stack, load_stack
from tools.versions import ROOT


def stack(folder: Path, **config: object) -> Stack:
    """A stack with these keys of `mlops:`, on Azure unless they say another cloud."""
    file = folder / "Pulumi.dev.yaml"
    whole = {"cloud": "azure", "systems": ["bike_buyer", "attrition"], **config}
    file.write_text(yaml.safe_dump({"config": {f"mlops:{key}": value for key, value in whole.items()}}))
    return load_stack("dev", folder)


# -- the configuration


def test_a_stack_on_azure_is_rehearsed_in_its_own_shape_with_the_emulators_ids() -> None:
    dev = load_stack("dev")
    config, own = rehearsed(dev, "", ROOT)["config"], dev.configuration()["config"]
    assert config["mlops:cloud"] == "emulator"
    assert config["mlops:subscriptionId"].endswith("e3a01")
    assert config["mlops:notebooks"]["userObjectId"] == config["mlops:deployersGroupId"] == SOMEBODY
    same = ("mlops:compute", "mlops:platform", "mlops:networkProfile", "mlops:systems", "mlops:environment")
    assert {key: config[key] for key in same} == {key: own[key] for key in same}
    assert config["mlops:rollout"] == {"stages": [10, 50], "stageSeconds": 15}
    assert list(notes(dev, "")) == [
        "A stage of a rollout took 15 s here, not 600 s.",
        "Sizes of machines, quotas and networks of Azure play no part on an emulator.",
    ]


def test_real_ids_and_secrets_of_a_stack_stay_out_of_it(tmp_path: Path) -> None:
    given = stack(tmp_path, subscriptionId="11111111-aaaa-4000-8000-000000000001", token={"secure": "v1:abc"})
    text = yaml.safe_dump(rehearsed(given, "", ROOT))
    assert "11111111" not in text
    assert "v1:abc" not in text


@pytest.mark.parametrize("systems", [["bike_buyer", "attrition"], {"bike_buyer": {}, "attrition": {}}])
def test_one_system_alone(tmp_path: Path, systems: object) -> None:
    config = rehearsed(stack(tmp_path, systems=systems), "bike-buyer", ROOT)["config"]
    assert list(config["mlops:systems"]) == ["bike_buyer"]


def test_folders_of_data_are_found_from_another_place(tmp_path: Path) -> None:
    config = rehearsed(stack(tmp_path, data={"directory": "data"}), "", tmp_path)["config"]
    assert config["mlops:data"] == {"directory": str(tmp_path / "data")}


def test_what_cannot_be_rehearsed_says_why(tmp_path: Path) -> None:
    promoted, local, bootstrap = (
        stack(tmp_path, modelSource="promote:test"),
        load_stack("local"),
        load_stack("bootstrap"),
    )
    assert (
        skipped(promoted, promoted) == "dev takes its models from test and trains none; rehearse that one (STACK=test)."
    )
    assert skipped(bootstrap, bootstrap) == "bootstrap has no systems: nothing trains or serves."
    assert skipped(None, local) == "BASE has no stack local: there is nothing that could change."
    assert skipped(local, local) == ""


def test_a_system_that_nobody_has_is_told_before_anything_runs() -> None:
    with pytest.raises(
        SetupError, match=r"SYSTEM=nobody: stack dev or prod has no such system\. Its systems: bike_buyer"
    ):
        Review("HEAD", rehearsal=Wanted("nobody")).of(["dev", "prod"])


# -- the checkout


def test_the_change_takes_the_place_of_base_and_what_git_ignores_stays(tmp_path: Path) -> None:
    base, head, root = (tmp_path / name for name in ("base", "head", "place"))
    for folder, texts in (
        (base, {"kept": "1", "gone": "2", "a/b": "3"}),
        (head, {"kept": "9", "new": "4", "a/b": "3"}),
    ):
        for name, text in texts.items():
            folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
            folder.joinpath(name).write_text(text)
    root.joinpath("stacks").mkdir(parents=True)
    here = Place(root, "dev", time.monotonic() + 60, 1)
    here.put(((name, base / name) for name in ("kept", "gone", "a/b")), {"config": {"mlops:cloud": "emulator"}})
    root.joinpath(".emulator").mkdir()
    here.put(((name, head / name) for name in ("kept", "new", "a/b")), {"config": {"mlops:cloud": "azure"}})
    assert {str(one.relative_to(root)) for one in root.rglob("*") if one.is_file()} == {
        *("kept", "new", "a/b"),
        "stacks/Pulumi.dev.yaml",
    }
    assert root.joinpath("kept").read_text() == "9"
    assert root.joinpath(".emulator").is_dir()
    assert load_stack("dev", root / "stacks").cloud == "azure"


def test_a_verb_knows_nothing_of_the_shell_that_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = ("PULUMI_BACKEND_URL", "ARM_METADATA_HOSTNAME", "EMULATOR_STATE", "SYSTEM", "PLAN", "YES", "MAKEFLAGS")
    for name in foreign:
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("MLOPS_DATA_DIR", "data")
    found = clean(os.environ)
    assert not {*foreign} & {*found}
    assert found["MLOPS_DATA_DIR"] == str(Path.cwd() / "data")
    assert found["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("Updating\nerror: bike_buyer-job: no rows\nerror: bike_buyer-job: no rows\nNext:", "bike_buyer-job: no rows"),
        ("Updating\n\nit was killed\n", "it was killed"),
        ("", "it ended with 7"),
        (f"error: {'x' * 900}", "x" * 400 + "…"),
    ],
)
def test_a_failure_is_told_in_its_own_words(printed: str, reason: str) -> None:
    assert Done(7, printed).reason == reason


def test_what_takes_too_long_is_ended_and_says_how_to_go_on(tmp_path: Path) -> None:
    here, others = Place(tmp_path, "dev", time.monotonic() + 0.3, 2), set(psutil.Process().children())
    with pytest.raises(TooLong, match=r"not done within 2 minutes \(BASE comes up\). Give it more with MINUTES=60"):
        here.run([sys.executable, "-c", "import time; time.sleep(60)"], Step("BASE comes up"))
    left = set(psutil.Process().children()) - others
    assert not [one for one in left if one.status() != psutil.STATUS_ZOMBIE]


STARTED = """
import signal, subprocess, sys, time
from pathlib import Path
from tools.progress import Step
from tools.rehearsal.place import place

signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
folder, signs = Path(sys.argv[1]), Path(sys.argv[2])
hanging = "import os, sys, time, pathlib; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(600)"
with place("dev", 5, folder) as here:
    # What an emulator starts carries its state folder as a mark, in a session of its own.
    marked = {"EMULATOR_STATE": str(here.emulator)}
    here.emulator.mkdir()
    subprocess.Popen([sys.executable, "-c", hanging, str(signs / "job")], env=marked, start_new_session=True)
    here.run([sys.executable, "-c", hanging, str(signs / "verb")], Step("up"))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_after_it_was_stopped(tmp_path: Path, number: signal.Signals) -> None:
    folder, signs = tmp_path / "rehearsals", tmp_path / "signs"
    signs.mkdir()
    command = [sys.executable, "-c", textwrap.dedent(STARTED), str(folder), str(signs)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        wait_until(
            lambda: all((signs / name).is_file() and (signs / name).read_text() for name in ("job", "verb")), "both"
        )
        process.send_signal(number)
        try:
            process.wait(30)
        finally:
            process.kill()  # or leaving the block would wait for it
    running = [int((signs / name).read_text()) for name in ("job", "verb")]
    if number is signal.SIGKILL:  # nobody tidies up after that but the next rehearsal
        os.kill(running.pop(), signal.SIGKILL)
        with place("dev", 1, folder):
            pass
    wait_until(lambda: not any(map(psutil.pid_exists, running)), "all ended", 20)
    assert list(folder.iterdir()) == []


# -- what clients get


def load(*answers: Answer) -> Load:
    made = object.__new__(Load)
    made.answers = list(answers)
    return made


def test_requests_are_counted_with_the_longest_time_without_an_answer() -> None:
    now = time.monotonic()
    bad = Answer(now - 2.0, 503, 0, 0, problem="HTTP 503: no", done=now - 1.9)
    good = [Answer(now - ago, 200, 1, 0, done=now - ago + 0.05) for ago in (3.0, 2.5, 0.1)]
    found = got(load(*good, bad), now - 3.1)
    assert (found.sent, found.failed, found.first) == (4, 1, "HTTP 503: no")
    assert found.longest_gap == pytest.approx(2.4, abs=0.01)


def test_going_back_is_done_once_nothing_else_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SETTLE_SECONDS", 0.2)
    answers = [Answer(100 + at / 10, 200, 2 if at in (0, 1, 4) else 1, 0, done=101.0) for at in range(5 + SETTLED)]
    assert settled(load(*answers), 1, 100.0) == pytest.approx(0.5)
    assert settled(load(*answers[:8]), 1, 100.0) is None


def test_progress_is_said_where_there_is_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = Place(tmp_path, "dev", time.monotonic() + 60, 1)
    with Progress(sys.stderr, every=0.2).step("BASE comes up") as step:
        here.run([sys.executable, "-c", "import time; print('epoch 3', flush=True); time.sleep(0.8)"], step)
    assert "BASE comes up: epoch 3 (" in capsys.readouterr().err
