"""Asks every endpoint of a stack as its clients do: an `up` is done when they answer, not when nothing is left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.clients.arm import manner
from ml.clients.errors import CloudError
from ml.clients.scoring import Answer, ScoringClient
from ml.progress import Failure
from tools.deployed_system import DeployedSystem
from tools.live import PATIENCE, REQUEST_SECONDS, LiveSystem
from tools.versions import ROOT

ATTEMPTS, PAUSE_SECONDS = 3, 2.0
"""An endpoint that was moved a moment ago may drop one request; a person who looks would ask again."""


@dataclass(frozen=True)
class Reply:
    """What came of asking: `problem` is "" when it answered, `version` the one that did, where the answer says so."""

    seconds: float = 0.0
    version: int | None = None
    problem: str = ""


def ask(system: DeployedSystem, live: LiveSystem, pause: Callable[[float], None] = time.sleep) -> Reply | None:
    """One real request through the endpoint; None while nothing is meant to answer.

    An endpoint that should serve, because the system has a champion, is asked even when it has no traffic or is gone.
    """
    if live.champion is None and not live.serving:
        return None
    if not live.scoring_uri:
        return Reply(problem=live.problem or "it has no address")
    try:
        with manner(patience=PATIENCE, seconds=REQUEST_SECONDS):
            key = system.client.key()
    except (CloudError, Failure) as error:
        return Reply(problem=f"its key could not be read: {error}")
    with ScoringClient(live.scoring_uri, key) as client:
        for attempt in range(1, ATTEMPTS + 1):
            answer = send(client, request(system.name))
            if not answer.problem or attempt == ATTEMPTS:
                break
            pause(PAUSE_SECONDS)
    return to_reply(answer)


def send(client: ScoringClient, row: dict[str, Any] | None) -> Answer:
    """The system's example request; what the server says of itself where there is none."""
    return client.get("/version") if row is None else client.score(row)


def request(system: str, root: Path = ROOT) -> dict[str, Any] | None:
    """The first row of a system's `request.json`; None when it has none."""
    try:
        row = json.loads((root / "ml" / "systems" / system / "request.json").read_text())["data"][0]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return row if isinstance(row, dict) else None


def to_reply(answer: Answer) -> Reply:
    """An answer in the words of a person."""
    version = answer.body.get("version") if isinstance(answer.body, dict) else None
    return Reply(answer.seconds, version if isinstance(version, int) else None, answer.problem)
