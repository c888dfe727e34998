"""The rehearsal itself: BASE comes up, clients ask, the change comes up, and what it brought is taken back."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from review.rehearsal import Rehearsal, Requests, Return, Tried
from tools.answers import request
from tools.load import Load
from tools.progress import Progress, SetupError
from tools.rehearsal.configuration import notes, rehearsed, skipped
from tools.rehearsal.look import Standing
from tools.rehearsal.place import FOLDER, Place, clean, place
from tools.throwaway import Checkout, checked_out
from tools.versions import ROOT

MINUTES = 45.0
RATE, KEPT, FRESH = 10.0, 2, 2
"""Requests a second to each endpoint, and clients that keep their connection or do not: the machine trains as well."""
SETTLED, SETTLE_SECONDS = 10, 20.0
"""Answers in a row by the version before until going back counts as done, and how long that may take."""
REASON = "rehearsed"
Standings = Mapping[str, Standing]
Loads = Mapping[str, Load]


@dataclass
class Stage:
    """A place with what is known of it: how it stood with BASE, and the clients that ask."""

    here: Place
    progress: Progress
    before: Standings = field(default_factory=dict)

    def up(self, name: str) -> tuple[float, str]:
        """`make up`: how many seconds it took, and why it failed; "" if not."""
        with self.progress.step(name) as step:
            started = time.monotonic()
            done = self.here.verb("up", self.here.stack, step=step)
            return time.monotonic() - started, done.reason if done.code else ""

    def look(self) -> Standings:
        """How every system stands now.

        Raises:
            SetupError: that cannot be read.
        """
        command = [str(ROOT / ".venv/bin/python"), "-m", "tools.rehearsal.look", str(self.here.root), self.here.stack]
        done = subprocess.run(
            command, cwd=ROOT, env=clean_environment(self.here), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SetupError(f"what serves cannot be read: {(done.stderr.strip().splitlines() or ['no reason'])[-1]}")
        return {one.name: one for one in map(Standing.of, json.loads(done.stdout.splitlines()[-1]))}

    @contextmanager
    def asked(self) -> Iterator[Loads]:
        """Clients ask every endpoint that answers, with BASE's own example request, as long as this lasts."""
        loads = {name: found for name, one in self.before.items() if (found := self._load(one)) is not None}
        with ExitStack() as stack:
            for load in loads.values():
                stack.enter_context(load)
            yield loads

    def _load(self, one: Standing) -> Load | None:
        row = request(one.name, self.here.root)
        if row is None or not one.serving or not one.uri:
            return None
        authority = self.here.emulator / "ca.pem"
        return Load(one.uri, one.key, authority, [row], one.address, kept=KEPT, fresh=FRESH, rate=RATE)

    def go_back(self, name: str, to: int, load: Load | None) -> Return:
        """`make rollback` of a system, and how long it takes until the version before answers alone."""
        started = time.monotonic()
        with self.progress.step(f"{name}: going back to version {to}") as step:
            told = {"STACK": self.here.stack, "SYSTEM": name, "REASON": REASON}
            done = self.here.verb("rollback", step=step, **told)
            if done.code:
                return Return(version=to, problem=done.reason)
            seconds = settled(load, to, started) if load else time.monotonic() - started
        now = self.look().get(name)
        if now is None or now.champion != to or set(now.serving) != {to}:
            return Return(version=to, problem=f"version {to} does not serve alone afterwards")
        if seconds is None:
            return Return(version=to, problem=f"version {to} does not answer alone within {SETTLE_SECONDS:.0f} s")
        return Return(version=to, seconds=seconds, requests=got(load, started) if load else None)


def settled(load: Load, version: int, started: float) -> float | None:
    """Seconds after which a version alone answered; None when that did not come."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        found = sorted((one.sent, one.version) for one in load.between(started, float("inf")) if not one.problem)
        last = next((place for place in range(len(found) - 1, -1, -1) if found[place][1] != version), -1)
        if len(found) - 1 - last >= SETTLED:
            return found[last + 1][0] - started
        time.sleep(0.1)
    return None


def got(load: Load, started: float) -> Requests:
    """What clients got since then."""
    ended = time.monotonic()
    answers = load.between(started, ended)
    failed = [one for one in answers if one.problem]
    return Requests(
        sent=len(answers),
        failed=len(failed),
        longest_gap=load.longest_gap(started, ended),
        first=failed[0].problem if failed else "",
    )


def clean_environment(here: Place) -> dict[str, str]:
    """Variables of a process that looks into the place."""
    return {**clean(os.environ), "EMULATOR_STATE": str(here.emulator)}


@dataclass(frozen=True)
class Wanted:
    """What is rehearsed: `system` limits it to one, `minutes` how long it may take in all."""

    system: str = ""
    minutes: float = MINUTES
    folder: Path = FOLDER


def rehearse(name: str, commit: str, head: Checkout, wanted: Wanted, progress: Progress | None = None) -> Rehearsal:
    """Brings a stack of BASE up on an emulator of its own, then this checkout's; nothing is left of it.

    Never fails for what BASE or the change does: that is what it finds.
    """
    said = progress or Progress()
    try:
        with checked_out(commit) as base:
            old, new = base.stack(name), head.stack(name)
            assert new is not None  # noqa: S101  the review has planned it
            if old is None or skipped(old, new):
                return Rehearsal(skipped=skipped(old, new))
            was = rehearsed(old, wanted.system, ROOT)
        with place(name, wanted.minutes, wanted.folder) as here:
            here.base(commit, was)
            found = _rehearsed(Stage(here, said), head, rehearsed(new, wanted.system, head.root))
    except SetupError as error:
        return Rehearsal(base_problem=str(error))
    return replace(found, notes=tuple(notes(new, wanted.system)))


def _rehearsed(stage: Stage, head: Checkout, configuration: Mapping[str, object]) -> Rehearsal:
    base_seconds, problem = stage.up(f"Rehearsal of {stage.here.stack}: BASE comes up")
    if problem:
        return Rehearsal(base_seconds=base_seconds, base_problem=f"BASE does not come up: {problem}")
    stage.before = stage.look()
    started = time.monotonic()
    try:
        with stage.asked() as loads:
            stage.here.head(head, configuration)
            seconds, problem = stage.up(f"Rehearsal of {stage.here.stack}: the change comes up while clients ask")
            after = stage.look()
            systems = [_tried(stage, name, after, loads, started) for name in sorted({*stage.before, *after})]
    except SetupError as error:  # the time is up, or nothing can be read any more: the change's doing
        return Rehearsal(base_seconds=base_seconds, head_seconds=time.monotonic() - started, problem=str(error))
    return Rehearsal(base_seconds=base_seconds, head_seconds=seconds, problem=problem, systems=tuple(systems))


def _tried(stage: Stage, name: str, after: Standings, loads: Loads, started: float) -> Tried:
    was, now, load = stage.before.get(name, Standing(name)), after.get(name), loads.get(name)
    if now is None:
        return Tried(name=name, before=was.champion)
    new = [job for job in now.jobs if job not in was.jobs]
    judged = now.judged if now.judged != was.judged else None
    requests = got(load, started) if load else None
    moved = now.champion not in (None, was.champion)
    back = stage.go_back(name, was.champion, load) if moved and was.champion is not None else None
    return Tried(
        name=name,
        before=was.champion,
        after=now.champion,
        trained=len([job for job in new if job not in now.evaluations]),
        judged=len([job for job in new if job in now.evaluations]),
        figures=judged.figures if judged else {},
        against=judged.against if judged else {},
        lower=tuple(judged.lower) if judged else (),
        verdict=judged.verdict if judged else "",
        reason=judged.reason if judged else "",
        data=now.data,
        requests=requests,
        back=back,
        problem=_problem(was, now),
    )


def _problem(was: Standing, now: Standing) -> str:
    """What is wrong with a system after the change that was not before."""
    if was.serving and not now.serving:
        return "nothing serves any more"
    return now.problem
