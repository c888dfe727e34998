"""The CLI, seen from Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tools.versions import ROOT

SHOW = """
import os, sys
from pathlib import Path
from tools.pulumi_cli import Pulumi
from tools.stacks import Stack
print("code", Pulumi(Stack("toy", "emulator", Path("x")), os.environ, Path(".")).show("up"))
"""
FAKE = "#!/bin/sh\ntrap 'echo interrupted; exit 7' INT\necho ready\nwhile :; do sleep 0.05; done\n"


def test_an_interrupted_command_ends_when_pulumi_has_ended(tmp_path: Path) -> None:
    (tmp_path / "pulumi").write_text(FAKE)
    (tmp_path / "pulumi").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", SHOW],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert said == "interrupted\ncode 7\n"


EARLY = """
import os, signal, subprocess, time
from pathlib import Path
start = subprocess.Popen
def started(*given, **named):
    process = start(*given, **named)
    while not Path("up").exists():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
    return process
subprocess.Popen = started
"""


def test_an_interruption_while_pulumi_is_being_started_reaches_it(tmp_path: Path) -> None:
    (tmp_path / "pulumi").write_text(FAKE.replace("echo ready", "touch up"))
    (tmp_path / "pulumi").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", EARLY + SHOW],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == "interrupted\ncode 7\n"
