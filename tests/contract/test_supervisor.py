"""The emulator's process: found again however its state folder was named, and gone when its start is given up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from emulator import supervisor as supervisor_module
from emulator.settings import Settings
from emulator.supervisor import EmulatorError, Supervisor
from tests.conftest import ROOT


def test_an_emulator_with_a_relative_state_folder_is_found_and_stopped(tmp_path: Path) -> None:
    def emulator(*words: str) -> str:
        command = [sys.executable, "-m", "emulator", *words, "--state", "state"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        assert "ready in" in emulator("start")
        assert "runs already" in emulator("start")
        assert "answers on" in emulator("status")
        assert Supervisor(tmp_path / "state").status() is not None
        assert "emulator stopped" in emulator("stop")
    finally:
        Supervisor(tmp_path / "state").reset()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_start_that_is_given_up_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    def interrupt(supervisor: Supervisor, settings: Settings) -> None:
        raise KeyboardInterrupt

    supervisor = Supervisor(tmp_path)
    if interrupted:
        monkeypatch.setattr(Supervisor, "health", interrupt)
    else:
        monkeypatch.setattr(supervisor_module, "START_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt if interrupted else EmulatorError):
        supervisor.start()
    left = [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get("EMULATOR_STATE") == str(tmp_path)
    ]
    assert left == []
    assert not supervisor.pid_file.exists()
