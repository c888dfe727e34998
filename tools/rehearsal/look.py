"""How the systems of a rehearsal stand, as JSON on stdout: `python -m tools.rehearsal.look <folder> <stack>`.

A process of its own, because what talks to a cloud finds out once in a process which one it is. Its output has the keys
of endpoints, which end with the rehearsal; it goes through a pipe to nobody but the rehearsal.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from tools.stacks import PROJECT, load_stack
from tools.state_file import StateFile


@dataclass(frozen=True)
class Judged:
    """What an evaluation came to, as `tools.live.Challenger` has it."""

    evaluation: str
    figures: dict[str, float]
    against: dict[str, float]
    lower: list[str]
    verdict: str
    reason: str


@dataclass(frozen=True)
class Standing:
    """One system: its champion, the versions that get requests, where to ask and with which key, its jobs by name, of
    which `evaluations` judge models; what was judged last. `data`: of which kind the champion's rows were.
    """

    name: str
    champion: int | None = None
    serving: list[int] = field(default_factory=list)
    uri: str = ""
    address: str = ""
    key: str = ""
    jobs: list[str] = field(default_factory=list)
    evaluations: list[str] = field(default_factory=list)
    judged: Judged | None = None
    data: str = ""
    problem: str = ""

    @classmethod
    def of(cls, found: dict[str, Any]) -> Self:
        """From the JSON that another process printed."""
        judged = found.pop("judged")
        return cls(**found, judged=Judged(**judged) if judged else None)


def standing(resources: list[dict[str, Any]], stack_name: str, root: Path) -> list[Standing]:
    """Every system that the stack has made, by name."""
    from tools.deployed_system import kept, to_system

    stack = load_stack(stack_name, root / "stacks")
    return [_of(to_system(stack, resources, given)) for given in kept(resources)]


def _of(system: Any) -> Standing:
    from ml.clients.jobs import Jobs
    from tools.live import is_evaluation, read

    live = read(system)
    jobs = list(Jobs(system.workspace).newest(system.name))
    judged = live.challenger
    return Standing(
        name=system.name,
        champion=live.champion.version if live.champion else None,
        serving=[one.version for one in live.serving if one.version is not None],
        uri=live.scoring_uri,
        address=_address(live.scoring_uri),
        key=system.client.key() if live.scoring_uri else "",
        jobs=[one.name for one in jobs],
        evaluations=[one.name for one in jobs if is_evaluation(one)],
        judged=Judged(
            judged.evaluation,
            dict(judged.figures),
            dict(judged.against),
            sorted(judged.lower),
            judged.verdict,
            judged.reason,
        )
        if judged
        else None,
        data=live.champion.source if live.champion else "",
        problem=live.problem,
    )


def _address(uri: str) -> str:
    """Where a name is that only the processes of its emulator know; "" for any other."""
    parts = urlsplit(uri)
    if parts.scheme != "http" or not parts.hostname:
        return ""
    try:
        return str(socket.getaddrinfo(parts.hostname, parts.port, socket.AF_INET)[0][4][0])
    except OSError:
        return ""


def main(folder: str, stack: str) -> None:
    """Prints it."""
    from emulator.supervisor import Supervisor

    root = Path(folder)
    os.environ.update(Supervisor(root / ".emulator").environment())
    resources = list(StateFile(root / ".pulumi-state", PROJECT, stack).checkpoint().get("resources") or [])
    print(json.dumps([asdict(one) for one in standing(resources, stack, root)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
