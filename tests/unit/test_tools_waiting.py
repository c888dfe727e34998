"""What outlasts an `up`: told from what failed, waited for, and what is then left of a plan."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ml.clients.jobs import Job, Jobs
from ml.clients.workspace import Workspace
from ml.jobs.watch import STILL_RUNNING
from policies.resource import UNKNOWN
from tools import plan_rest
from tools.commands.arguments import limit
from tools.plan_rest import Rest, beyond
from tools.progress import Progress, SetupError
from tools.pulumi_cli import Pulumi
from tools.saved_plan import SavedPlan
from tools.screen.board import Board, Message, Row
from tools.stacks import Stack
from tools.waiting import MINUTES, Late, later, running_ok, unfinished, wait

STACK = Stack("dev", "azure", Path("unused"))
NAME = "bike-buyer-0123456789ab-1"
LATE = Message("bike_buyer-gate", "error", f"{NAME}: {STILL_RUNNING}: run `pulumi up` again")
ENDED = Message("", "error", "the update was ended")
OTHER = Message("vault", "error", "it is held by another one")
JOB = Job(NAME, "Running", "bike_buyer", {"kind": "training"}, "https://studio/x", archived=False)


def board(*messages: Message, failed: tuple[str, ...] = ("bike_buyer-gate",)) -> Board:
    """What is known of a run in which these have failed."""
    rows = {(name, "create"): Row(name, "X", "create", 0.0, took=1.0, failed=True) for name in failed}
    return Board(rows, list(messages))


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (board(LATE), ["bike_buyer-gate"]),
        (board(LATE, ENDED), ["bike_buyer-gate"]),
        (board(LATE, OTHER), []),
        (board(LATE, OTHER, failed=("bike_buyer-gate", "vault")), []),
        (board(LATE, failed=("bike_buyer-gate", "attrition-gate")), []),
        (board(OTHER, failed=("vault",)), []),
        (board(failed=()), []),
    ],
)
def test_only_where_nothing_else_failed_is_it_unfinished(found: Board, names: list[str]) -> None:
    assert unfinished(found) == names


def test_what_to_do_next_can_be_typed() -> None:
    said = later(STACK, ["bike_buyer-gate"], "dev.plan.json")
    assert "`make wait STACK=dev`, then `make up STACK=dev PLAN=dev.plan.json`" in said
    assert "`make up STACK=dev`" in later(STACK, ["bike_buyer-gate"])


@pytest.mark.parametrize("text", ["soon", "0", "-1", "1441", "nan"])
def test_what_is_no_time_to_wait_is_refused(text: str) -> None:
    with pytest.raises(SetupError, match=f"MINUTES={text}: write a number of minutes, such as MINUTES=50"):
        limit(text, MINUTES)


def test_a_time_to_wait_has_a_default_and_may_be_less_than_a_minute() -> None:
    assert (limit("", MINUTES), limit("0.5", MINUTES)) == (50, 0.5)
    assert (running_ok(""), running_ok("ok")) == (False, True)
    with pytest.raises(SetupError, match="RUNNING=yes: write RUNNING=ok"):
        running_ok("yes")


@dataclass
class Service:
    """Jobs that go from one status to the next each time they are asked for, and then stay."""

    statuses: list[str]
    workspace: Workspace = field(default_factory=lambda: Workspace("s", "g", "w"))

    def find(self, name: str) -> Job:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return replace(JOB, name=name, status=status)

    def error(self, name: str) -> str:
        return "exit code 1"

    def log_tail(self, name: str, lines: int) -> str:
        return "ZeroDivisionError"


def waited(*statuses: str, minutes: float = 1.0) -> Iterator[str]:
    """What is said of the wait for one job, in lines; the last is an error where there was one."""
    said: list[str] = []
    late = Late(cast(Jobs, Service(list(statuses))), NAME)
    try:
        wait(STACK, [late], minutes, said.append, pause=lambda seconds: None, progress=Progress(io.StringIO()))
    except SetupError as error:
        said.append(str(error))
    yield from said


def test_a_job_is_waited_for_until_it_has_ended() -> None:
    assert list(waited("Queued", "Preparing", "Completed")) == [f"{NAME} completed. https://studio/x"]


def test_a_job_that_failed_ends_the_wait_with_its_last_lines() -> None:
    *_, said = waited("Queued", "Failed")
    assert all(words in said for words in (f"{NAME} failed: exit code 1", "ZeroDivisionError", "tries again (2 left)"))


def test_a_job_that_takes_too_long_is_left_to_run() -> None:
    (said,) = waited("Queued", minutes=1e-9)
    assert said.startswith(
        f"{NAME} is queued after 1e-09 minutes of waiting. It goes on in Azure ML: `make wait STACK="
    )


def test_where_nothing_runs_nothing_is_waited_for() -> None:
    said: list[str] = []
    wait(STACK, [], 1.0, said.append)
    assert said == ["No job of stack dev runs."]


URN = "urn:pulumi:dev::mlops::azure-native:storage:StorageAccount::lake"


NAMED = "azure-native:storage:StorageAccount lake"


def steps(*names: str, **inputs: Any) -> dict[str, Any]:
    return {URN: {"steps": list(names), "goal": {"inputDiff": {"adds": inputs}}}}


@pytest.mark.parametrize(
    ("planned", "left", "more"),
    [
        (steps("create"), steps("same"), []),
        (steps("create", kind="a"), steps("create", kind="a"), []),
        (steps("create", kind=UNKNOWN, key=["a"]), steps("create", kind="b", key=["a"]), []),
        (steps("create"), {}, []),
        (steps("same"), steps("update"), [f"{NAMED}: it does not change in the plan"]),
        ({}, steps("create"), [f"{NAMED}: it does not change in the plan"]),
        (steps("create", kind="a"), steps("create", kind="b"), [f"{NAMED}: kind"]),
        (steps("create", kind={"a": [1]}), steps("create", kind={"a": [2], "b": 3}), [f"{NAMED}: kind.a.0, kind.b"]),
    ],
)
def test_what_is_left_of_a_plan_is_never_more_than_it_says(
    planned: dict[str, Any], left: dict[str, Any], more: list[str]
) -> None:
    assert list(beyond(planned, left)) == more


def test_whether_a_plan_is_begun_goes_by_what_is_in_its_file(tmp_path: Path) -> None:
    file, notes = tmp_path / "dev.plan.json", tmp_path / "notes"
    file.write_text("a plan")
    plan = SavedPlan(file, {}, "dev.plan.json")
    assert not Rest.of(plan, notes).begun
    Rest.of(plan, notes).begin()
    assert Rest.of(plan, notes).begun
    file.write_text("another plan")
    assert not Rest.of(plan, notes).begun


@pytest.mark.parametrize(
    ("now", "goes_on"), [("same", False), ("create", True)], ids=["all is there", "it was taken down since"]
)
def test_what_is_left_of_a_begun_plan_is_what_is_not_there_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str, goes_on: bool
) -> None:
    def save(pulumi: Pulumi, words: Sequence[str]) -> None:
        Path(words[-1]).write_text(json.dumps({"resourcePlans": steps(now)}))

    monkeypatch.setattr(plan_rest, "plan_of", save)
    file = tmp_path / "dev.plan.json"
    file.write_text(json.dumps({"resourcePlans": steps("create")}))
    rest = Rest.of(SavedPlan.read(str(file), STACK), tmp_path / "notes")
    rest.begin()
    words = rest.words(cast(Pulumi, SimpleNamespace(stack=STACK)))
    assert (words is not None) == goes_on
