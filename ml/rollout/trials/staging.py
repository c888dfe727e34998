"""Staging: the candidate's image alone in a container group, asked who it is and for golden answers."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ml.clients.errors import CloudError
from ml.clients.scoring import REQUEST_SECONDS, Answer, ScoringClient
from ml.progress import Failure
from ml.rollout.container_group.starting import READY_SECONDS, Groups, Start
from ml.rollout.core.ports import LeaseLost, Rejected, Row, Target
from ml.rollout.trials.checks import Golden, ask_again, mismatch

KEY_BYTES = 32


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

    @property
    def start(self) -> Start:
        """The way to a server that is ready."""
        return Start(self.group, self.target.image, self.groups, self.row, self.pause, self.seconds)

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
            with ScoringClient(f"{self.start.ready()}/score", key, seconds=self.answer_seconds) as client:
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

    def settled(self, ask: Callable[[], Answer]) -> Answer:
        """An answer of the server.

        Raises:
            Rejected: the server has ended.
            Failure: it runs and cannot be reached any more.
        """
        answer = ask_again(ask, self.pause)
        if answer.lost:
            if (state := self.groups.state(self.group)).ended:
                raise self.start.end(state, "ended")
            raise Failure(self.start.unreachable(answer))
        return answer

    def identify(self, client: ScoringClient) -> None:
        """The artefact in the image is the one that was evaluated and registered."""
        said = self.settled(lambda: client.get("/version"))
        if problem := said.problem or mismatch(said.body, self.golden.model, self.target):
            raise Rejected(f"in staging /version names another artefact: {problem}")

    def ask(self, client: ScoringClient) -> None:
        """Every golden request gets training's answer."""
        for number, case in enumerate(self.golden.cases, start=1):
            answer = self.settled(partial(client.score, case["request"]))
            if problem := self.golden.judge(case, answer):
                raise Rejected(f"in staging golden request {number}: {problem}")
        self.row.status(f"staging: {len(self.golden.cases)} golden requests answered as in training")
