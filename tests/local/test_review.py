"""`make review` on the real engine: BASE is applied to a throwaway state that echoes, and HEAD is previewed on it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.docs import story
from tools.versions import ROOT

SECRET = ("ARM_", "AZURE_", "IDENTITY_", "PULUMI_", "SSL_", "REQUESTS_")
NOWHERE = "http://127.0.0.1:1"


def environment(**words: str) -> dict[str, str]:
    """One in which nothing of a cloud is known, and no proxy leads outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SECRET)}
    return kept | {"HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1"} | words


def test_a_checkout_that_changes_nothing_says_so_in_a_line(tmp_path: Path) -> None:
    """The command of the docs, held against what is committed here."""
    words = dict(word.split("=") for word in shlex.split(story("review")[0])[2:])
    done = subprocess.run(
        [sys.executable, "-m", "tools", "review", "--stack", words["STACK"]],
        cwd=ROOT,
        env=environment(BASE="HEAD", OUT=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode in (0, 5), done.stderr
    assert done.stdout.rstrip() == tmp_path.joinpath("review-dev.md").read_text().rstrip()
    found = json.loads(tmp_path.joinpath("review-dev.json").read_text())["stacks"][0]
    assert found["counts"] == {"create": 0, "delete": 0, "replace": 0, "update": 0}
    assert found["unchanged"] > 150
