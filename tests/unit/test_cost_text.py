"""`make cost` as a person reads it: the sum first, unknowns named, assumptions that move the sum most."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from ml.clients.history import History
from ml.clients.jobs import Job, Jobs
from ml.clients.workspace import Workspace
from policies.configuration import Configuration
from policies.resource import Resource
from tools import cost_measured
from tools.cost import costed, lines
from tools.deployed_system import DeployedSystem
from tools.progress import SetupError
from tools.stacks import Stack

AZURE = Stack("dev", "azure", Path("stacks/Pulumi.dev.yaml"))
TODAY = dt.date(2026, 8, 30)
REGION = {"location": "westeurope"}
GROUP = ("azure-native:resources:ResourceGroup", "group", REGION)
HUB = ("azure-native:iothub:IotHubResource", "hub", {"sku": {"name": "S1", "capacity": 4}})
NEW: tuple[str, str, dict[str, Any]] = ("azure-native:cache:Redis", "cache", {})
LINK = "azure-native:network:PrivateEndpoint"
JOB = (
    "pulumi-python:dynamic/ml:TrainingJob",
    "shop-training",
    {"system": "shop", "timeoutMinutes": 60, "compute": "cpu"},
)


def plan(*given: tuple[str, str, dict[str, Any]]) -> list[Resource]:
    return [Resource(f"urn:pulumi:dev::mlops::{type_}::{name}", type_, inputs) for type_, name, inputs in given]


def text(*given: tuple[str, str, dict[str, Any]], everything: bool = False, **config: Any) -> str:
    values = {"location": "westeurope", "operations": {"monthlyBudget": 200}, **config}
    found = costed(AZURE, plan(GROUP, *given), Configuration(values, TODAY))
    return "\n".join(lines(found, everything=everything))


def test_the_sum_comes_first_then_the_budget() -> None:
    said = text(HUB).splitlines()

    assert said[0] == "Stack dev (westeurope, network profile open) costs 100 USD a month as expected:"
    assert said[1] == "at least 100, at most 144."
    assert said[3] == "Its budget is 200 (mlops:operations.monthlyBudget): 50 % of it is expected, 72 % at most."


def test_what_is_unknown_is_in_the_first_sentence_and_named_with_its_reason() -> None:
    said = text(HUB, NEW)

    assert "as expected, and 1 thing whose price is unknown:" in said.splitlines()[0]
    assert "  cache: all of it: policies/prices/kinds/ has no line for the type azure-native:cache:Redis" in said


def test_many_of_a_type_are_one_row() -> None:
    said = text(*((LINK, f"link-{number}", {}) for number in range(5)))

    assert "5 times PrivateEndpoint" in said
    assert "each about 7.35" in said
    assert "link-3" not in said
    assert "link-3" in text(*((LINK, f"link-{number}", {}) for number in range(5)), everything=True)


def test_a_stacks_own_assumption_is_marked_and_a_wrong_one_names_the_file() -> None:
    own = text(HUB, cost={"usage": {"egress.gigabytes": 300}})

    assert "300 / 300 / 300" in own
    assert "(the stack says so)" in own
    with pytest.raises(
        SetupError, match=r"stacks/Pulumi\.dev\.yaml, mlops:cost\.usage: egress\.gigs: .* no assumption"
    ):
        text(HUB, cost={"usage": {"egress.gigs": 3}})


def test_every_line_has_its_quantity_its_price_and_what_is_free() -> None:
    assert "0 / 20 / 500 GB at 0.087, 100 free" in text(HUB, everything=True)


SHOP = DeployedSystem(Stack("local", "emulator", Path("x")), "shop", Workspace("w", "g", "s"), "shop", "endpoint")


def job(name: str, days_ago: int, **more: Any) -> Job:
    created = (dt.datetime.now(dt.UTC) - dt.timedelta(days=days_ago)).isoformat()
    return Job(name, more.pop("status", "Completed"), "shop", more.pop("tags", {}), "", False, created=created)


def test_what_was_measured_stands_beside_what_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [
        job("shop-2", 1),
        job("shop-evaluation-1", 2, tags={"kind": "evaluation"}),
        job("shop-1", 3, status="Running"),
        job("shop-0", 40),
    ]
    monkeypatch.setattr(cost_measured, "find_systems", lambda stack: [SHOP])
    monkeypatch.setattr(Jobs, "newest", lambda self, experiment: iter(jobs))
    times = {"startTimeUtc": "2026-11-01T10:00:00+00:00", "endTimeUtc": "2026-11-01T10:15:00+00:00"}
    monkeypatch.setattr(History, "details", lambda self, run: times)
    monkeypatch.setattr(Workspace, "properties", lambda self: {"applicationInsights": "/subscriptions/s/insights"})
    monkeypatch.setattr(cost_measured, "query", lambda *given: [{"asked": 12, "rows": 31.0}])
    found = costed(AZURE, plan(GROUP, JOB), Configuration({"location": "westeurope"}, TODAY))

    said = [" ".join(line.split()) for line in cost_measured.lines(AZURE, found.resources, found.usage)]

    assert said[1:] == [
        "shop training jobs 2 training.runs: 1 / 4 / 31",
        "shop minutes of training jobs, together 15",
        "shop of the 60 minutes that one may take 0.25 training.share_of_limit: 0.05 / 0.25 / 1",
        "shop evaluations 1 training.runs: 1 / 4 / 31",
        "shop minutes of evaluations, together 15",
        "shop requests 12 requests.count: 1,000 / 100,000 / 2,000,000",
        "shop rows in them 31",
    ]


def test_a_stack_that_nobody_made_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(stack: str) -> list[DeployedSystem]:
        raise SetupError(f"stack {stack} was never deployed: `make up STACK={stack}`")

    monkeypatch.setattr(cost_measured, "find_systems", missing)
    found = costed(AZURE, plan(GROUP), Configuration({}, TODAY))

    assert list(cost_measured.lines(AZURE, found.resources, found.usage)) == [
        "Nothing is measured: stack dev was never deployed: `make up STACK=dev`"
    ]
