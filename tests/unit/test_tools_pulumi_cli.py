"""How Pulumi is ended when there is no point in going on, and what processes stage while they live."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import pulumi_cli, temporary
from tools.progress import SetupError
from tools.versions import ROOT

PATIENT = """
import signal, sys, time
left = int(sys.argv[1])
def interrupted(number, frame):
    global left
    left -= 1
    if left == 0:
        sys.exit(3)
signal.signal(signal.SIGINT, interrupted)
print("ready", flush=True)
while True:
    time.sleep(60)
"""


def patient(interrupts: int) -> subprocess.Popen[bytes]:
    """A program that ends after so many interrupts."""
    process = subprocess.Popen([sys.executable, "-c", PATIENT, str(interrupts)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize(("interrupts", "code"), [(1, 3), (2, 3), (9, -9)])
def test_what_is_hopeless_is_ended_and_says_why(interrupts: int, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi_cli, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(pulumi_cli, "GRACE_SECONDS", 0.2)
    with patient(interrupts) as process:
        with pytest.raises(SetupError, match="the emulator has ended"):
            pulumi_cli.ended(process, lambda: "the emulator has ended")
        assert process.returncode == code


def test_what_is_not_hopeless_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi_cli, "POLL_SECONDS", 0.001)
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"]) as process:
        assert pulumi_cli.ended(process, lambda: "") == 7


def test_what_a_verb_stages_lies_in_the_checkout_and_goes_with_it() -> None:
    stage = "import tempfile; from tools.temporary import *; stage_in_own_folder(); print(tempfile.mkdtemp())"
    done = subprocess.run([sys.executable, "-c", stage], cwd=ROOT, capture_output=True, text=True, check=True)
    staged = Path(done.stdout.strip())
    assert staged.parents[1] == temporary.FOLDER
    assert not staged.parent.exists()


def test_only_folders_of_living_processes_stay(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    for name in (str(ended.pid), "left-by-hand"):
        (tmp_path / name / "code").mkdir(parents=True)
    own = temporary.own_folder(tmp_path)
    temporary.tidy(tmp_path)
    assert own.name == str(os.getpid())
    assert list(tmp_path.iterdir()) == [own]
