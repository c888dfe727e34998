"""`make preview` of a stack on Azure: no account, no network, the same bytes twice, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys

from tools.stacks import FOLDER
from tools.versions import ROOT


def preview(stack: str) -> str:
    """What the command prints where nothing of a cloud is known and no proxy leads outside."""
    secret = ("ARM_", "AZURE_", "IDENTITY_", "PULUMI_", "SSL_", "REQUESTS_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(secret)}
    environment |= {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-m", "tools", "preview", stack]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_preview_of_dev_needs_no_account_and_is_the_same_twice() -> None:
    before = {file.name: file.read_bytes() for file in FOLDER.iterdir()}
    first = preview("dev")
    assert first.startswith("Preview of stack dev (azure), from nothing, without an account\n")
    assert "azure-native:machinelearningservices:Workspace workspace" in first
    assert preview("dev") == first
    assert {file.name: file.read_bytes() for file in FOLDER.iterdir()} == before
