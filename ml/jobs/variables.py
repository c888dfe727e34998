"""What a job is told of where it comes from: for provenance and for people, in no digest."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import Any

from ml.clients.events import account

AUTHORS = ("GITHUB_ACTOR", "BUILD_REQUESTEDFOR")
"""Who started a run of a pipeline: GitHub's variable and Azure Pipelines'."""
LONGEST_AUTHOR = 100


def job_variables(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Environment variables of a job that reads the data of `inputs`."""
    return {
        "ORT_DISABLE_TELEMETRY": "1",
        "MLOPS_AUTHOR": author(),
        "MLOPS_GIT_COMMIT": git("rev-parse", "HEAD") or "unknown",
        "MLOPS_GIT_CHANGES": "yes" if git("status", "--porcelain", "--", "ml") else "",
        "MLOPS_DATA_DIGEST": inputs["dataDigest"],
        "MLOPS_DATA_REFERENCE": inputs["dataReference"],
    }


def author() -> str:
    """On whose behalf jobs are submitted: who started the pipeline, else git's user, else this machine's. A name, no
    address.
    """
    started = next((os.environ[name] for name in AUTHORS if os.environ.get(name)), "")
    found = started or git("config", "user.name") or git("log", "-1", "--format=%an") or account()
    return found.partition("@")[0].strip()[:LONGEST_AUTHOR]


def git(*words: str) -> str:
    """What git says about the checkout; empty when it has nothing to say or is not there."""
    try:
        result = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
