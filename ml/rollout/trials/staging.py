"""Staging: the candidate's image alone in a container group, asked who it is and for golden answers."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ml.clients.errors import CloudError
from ml.clients.scoring import REQUEST_SECONDS, Answer, ScoringClient
from ml.progress import Failure
from ml.rollout.core.ports import LeaseLost, Rejected, Row, Target
from ml.rollout.trials.checks import Golden, ask_again, stranger

# Azure may take minutes to find a machine and to pull the image; the server's own time counts from then on.
START_SECONDS, READY_SECONDS = 600.0, 120.0
POLL_SECONDS = 1.0
KEY_BYTES = 32
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
    """Container groups as staging uses them."""

    def start(self, name: str, image: str, key: str) -> None:
        """Starts a group with one container; returns before it runs."""

    def state(self, name: str) -> GroupState:
        """How it is."""

    def logs(self, name: str) -> str:
        """The last lines the container printed."""

    def delete(self, name: str) -> None:
        """Deletes a group; nothing happens when there is none."""


@dataclass(frozen=True)
class Staging:
    """One stay in staging. The group goes in every case; what a killed run leaves, the next one removes.

    `pause` sleeps, and raises when there is no point in going on; `check` raises `LeaseLost` when a group of this name
    may be somebody else's.
    """

    system: str
    target: Target
    groups: Groups
    golden: Golden
    row: Row
    pause: Callable[[float], None]
    check: Callable[[], None]
    seconds: float = READY_SECONDS
    answer_seconds: float = REQUEST_SECONDS

    @property
    def group(self) -> str:
        """Name of the group."""
        return f"{self.system.replace('_', '-')}-staging-{self.target.digest.removeprefix('sha256:')[:8]}"

    def run(self) -> None:
        """The whole stay.

        Raises:
            Rejected: the image does not start, is not the registered model, or gives wrong answers.
            Failure: the group could not run, which says nothing about the image.
        """
        key = secrets.token_urlsafe(KEY_BYTES)
        try:
            self.row.status(f"staging: starting {self.group}")
            self.groups.start(self.group, self.target.image, key)
            with ScoringClient(f"{self.ready()}/score", key, seconds=self.answer_seconds) as client:
                self.identify(client)
                self.ask(client)
        finally:
            self.remove()

    def remove(self) -> None:
        """Deletes the group, unless it may be a successor's; no trouble with that takes the place of a verdict."""
        try:
            self.check()
            self.groups.delete(self.group)
        except LeaseLost:
            return
        except CloudError as error:
            self.row.note(f"staging: {self.group} is still there, the next run removes it: {error}")

    def ready(self) -> str:
        """Where the server answers, once it says that it is ready."""
        deadline, said = time.monotonic() + START_SECONDS, Answer(0, 0, None, "it has no address yet")
        running = reached = False
        while time.monotonic() < deadline:
            state = self.groups.state(self.group)
            if state.problem:
                raise Failure(f"staging cannot run {self.target.image}: {state.problem}")
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
            self.row.status(f"staging: {self.group} is not ready yet ({said.problem})")
            self.pause(POLL_SECONDS)
        if not running:
            raise Failure(f"staging: {self.group} did not start within {START_SECONDS:.0f} s")
        logs = self.logs()
        if not reached and LISTENING in logs:
            raise Failure(self.unreachable(said))
        raise Rejected(f"in staging it was not ready after {self.seconds:.0f} s: {said.problem}\n{logs}")

    def end(self, state: GroupState, how: str) -> Exception:
        """Whose fault it is that the server ended: a group that is too small is not the image's."""
        said = f"in staging its server {how}, {state.ended}\n{self.logs()}"
        if not state.out_of_memory:
            return Rejected(said)
        return Failure(f"{said}\nIt needs more memory: raise `memoryGb` below `serving` in the stack file")

    def unreachable(self, said: Answer) -> str:
        """What to do about a server that runs and cannot be asked."""
        return f"staging: {self.group} runs but cannot be reached from here ({said.problem}): allow outgoing TCP {PORT}"

    def settled(self, ask: Callable[[], Answer]) -> Answer:
        """An answer of the server.

        Raises:
            Rejected: the server has ended.
            Failure: it runs and cannot be reached any more.
        """
        answer = ask_again(ask, self.pause)
        if answer.lost:
            if (state := self.groups.state(self.group)).ended:
                raise self.end(state, "ended")
            raise Failure(self.unreachable(answer))
        return answer

    def identify(self, client: ScoringClient) -> None:
        """The artefact in the image is the one that was evaluated and registered."""
        said = self.settled(lambda: client.get("/version"))
        if problem := said.problem or stranger(said.body, self.golden.model, self.target):
            raise Rejected(f"in staging /version names another artefact: {problem}")

    def ask(self, client: ScoringClient) -> None:
        """Every golden request gets training's answer."""
        for number, case in enumerate(self.golden.cases, start=1):
            answer = self.settled(partial(client.score, case["request"]))
            if problem := self.golden.judge(case, answer):
                raise Rejected(f"in staging golden request {number}: {problem}")
        self.row.status(f"staging: {len(self.golden.cases)} golden requests answered as in training")

    def logs(self) -> str:
        """What the server printed last."""
        return self.groups.logs(self.group).strip() or "(it printed nothing)"
