"""The emulator's process: found again however its state folder was named, and gone when its start is given up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from emulator import supervisor as supervisor_module
from emulator.health import changed_since
from emulator.settings import Settings
from emulator.supervisor import EmulatorError, Supervisor
from tests.conftest import ROOT


def emulator(folder: Path, *words: str) -> str:
    """The command, typed in a folder."""
    command = [sys.executable, "-m", "emulator", *words, "--state", "state"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_emulator_with_a_relative_state_folder_is_found_and_stopped(tmp_path: Path) -> None:
    try:
        assert "ready in" in emulator(tmp_path, "start")
        assert "runs already" in emulator(tmp_path, "start")
        assert "answers on" in emulator(tmp_path, "status")
        assert Supervisor(tmp_path / "state").status() is not None
        assert "emulator stopped" in emulator(tmp_path, "stop")
    finally:
        Supervisor(tmp_path / "state").reset()
    assert list(tmp_path.iterdir()) == []


def test_code_that_was_changed_since_the_start_is_told_of(tmp_path: Path) -> None:
    tmp_path.joinpath("module.py").touch()
    started = psutil.Process().create_time()
    os.utime(tmp_path / "module.py", (started - 1, started - 1))
    assert not changed_since(started, tmp_path)
    os.utime(tmp_path / "module.py", (started + 1, started + 1))
    assert changed_since(started, tmp_path)


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


def test_an_emulator_is_known_by_its_folder_hanging_copied_or_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, state = tmp_path / "before", tmp_path / "after" / "state"
    before.mkdir()
    emulator(before, "start")
    supervisor = Supervisor(before / "state")
    old = supervisor.status()
    process = old.handle.process() if old else None
    assert old is not None
    assert process is not None
    try:
        process.suspend()
        threading.Timer(2.5, process.resume).start()
        again, started = supervisor.start()
        assert (again.handle.pid, started) == (process.pid, False)
        process.suspend()
        monkeypatch.setattr(supervisor_module, "SLOW_SECONDS", 0.0)
        with pytest.raises(EmulatorError, match=rf"process {process.pid} does not answer"):
            supervisor.start()
        process.resume()

        shutil.copytree(supervisor.state, tmp_path / "copy")
        copy = Supervisor(tmp_path / "copy")
        with pytest.raises(EmulatorError, match=f"is taken by process {process.pid}"):
            copy.start()
        copy.reset()
        assert process.is_running()

        before.rename(state.parent)
        supervisor = Supervisor(state)
        supervisor.pid_file.unlink()
        new, started = supervisor.start()
        assert started
        assert not process.is_running()
        assert (new.settings.state, new.settings.base_url) == (state, old.settings.base_url)
        supervisor.pid_file.unlink()
        again, started = supervisor.start()
        assert (again.handle.pid, started) == (new.handle.pid, False)
    finally:
        supervisor.reset()
    assert list(state.parent.iterdir()) == []
