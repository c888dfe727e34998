"""From a container group that was asked for to a server in it that is ready, or to whose fault it is that it is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ml.clients.scoring import Answer, ScoringClient
from ml.progress import Failure
from ml.rollout.core.ports import Rejected, Row

# Azure may take minutes to find a machine and to pull the image; the server's own time counts from then on.
START_SECONDS, READY_SECONDS = 600.0, 120.0
FIRST_POLL_SECONDS, POLL_SECONDS = 0.25, 1.0
# What the scoring server logs once it takes connections.
LISTENING = '"message":"listening"'
PORT = 5001


@dataclass(frozen=True)
class GroupState:
    """A container group: `base_url` once it has an address; `ended` says how its program ended, when it has; `problem`
    is why it cannot run at all, which is not the image's fault; `out_of_memory` that it ended because the group is too
    small.
    """

    base_url: str = ""
    ended: str = ""
    problem: str = ""
    out_of_memory: bool = False


class Groups(Protocol):
    """Container groups that are started here."""

    def start(self, name: str, image: str, key: str) -> None:
        """Starts a group with one container; returns before it runs."""

    def state(self, name: str) -> GroupState:
        """How it is."""

    def logs(self, name: str) -> str:
        """The last lines the container printed."""

    def delete(self, name: str) -> None:
        """Deletes a group; nothing happens when there is none."""


@dataclass(frozen=True)
class Start:
    """One group on its way. `where` is what messages call the place."""

    name: str
    image: str
    groups: Groups
    row: Row
    pause: Callable[[float], None]
    seconds: float = READY_SECONDS
    where: str = "staging"

    def ready(self) -> str:
        """Where the server answers, once it says that it is ready."""
        deadline, said = time.monotonic() + START_SECONDS, Answer(0, 0, None, "it has no address yet")
        running = reached = False
        step = FIRST_POLL_SECONDS
        while time.monotonic() < deadline:
            state = self.groups.state(self.name)
            if state.problem:
                raise Failure(f"{self.where} cannot run {self.image}: {state.problem}")
            if state.ended:
                raise self.end(state, "ended at start")
            if state.base_url:
                deadline = deadline if running else time.monotonic() + self.seconds
                running = True
                with ScoringClient(f"{state.base_url}/score", seconds=5) as client:
                    said = client.get("/ready")
                reached = reached or not said.lost
                if said.status == 200:
                    return state.base_url
            self.row.status(f"{self.where}: {self.name} is not ready yet ({said.problem})")
            self.pause(step)
            step = min(step * 1.5, POLL_SECONDS)
        if not running:
            raise Failure(f"{self.where}: {self.name} did not start within {START_SECONDS:.0f} s")
        logs = self.logs()
        if not reached and LISTENING in logs:
            raise Failure(self.unreachable(said))
        raise Rejected(f"in {self.where} it was not ready after {self.seconds:.0f} s: {said.problem}\n{logs}")

    def end(self, state: GroupState, how: str) -> Exception:
        """Whose fault it is that the server ended: a group that is too small is not the image's."""
        said = f"in {self.where} its server {how}, {state.ended}\n{self.logs()}"
        if not state.out_of_memory:
            return Rejected(said)
        return Failure(f"{said}\nIt needs more memory: raise `memoryGb` below `serving` in the stack file")

    def unreachable(self, said: Answer) -> str:
        """What to do about a server that runs and cannot be asked."""
        closed = f"{self.name} runs but cannot be reached from here ({said.problem})"
        return f"{self.where}: {closed}: allow outgoing TCP {PORT}"

    def logs(self) -> str:
        """What the server printed last."""
        return self.groups.logs(self.name).strip() or "(it printed nothing)"
