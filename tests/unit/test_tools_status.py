"""`make status`: what is shown of a system, and where stack and endpoint are said to differ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ml.clients.jobs import Job
from ml.clients.metrics import Requests
from ml.clients.workspace import Workspace
from tools import status, words
from tools.deployed_system import DeployedSystem, Recorded
from tools.live import Challenger, Champion, LiveSystem, Share
from tools.stacks import Stack
from tools.status import Traffic

LOCAL, DEV = Stack("local", "emulator", Path("unused")), Stack("dev", "azure", Path("unused"))
SYSTEM = DeployedSystem(LOCAL, "bike_buyer", Workspace("s", "g", "w"), "bike-buyer", "oep-x")
CHAMPION = Champion(2, "f" * 64, {"accuracy": 0.79, "auc": 0.86123}, "fb03ad00bd03", "real")
LOST = Challenger(
    "j-2", "j-gate-2", None, {"auc": 0.8601}, {"auc": 0.86123}, "kept", "auc 0.8601 is below", "https://run"
)
NOW = LiveSystem(
    "bike_buyer",
    CHAMPION,
    (Share(2, "v2-b", 90), Share(3, "v3-c", 10)),
    (Share(1, "v1-a", 0, "slow"),),
    LOST,
    scoring_uri="https://oep/score",
)


def shown(system: DeployedSystem, now: LiveSystem, traffic: Traffic = Traffic()) -> list[tuple[str, str]]:  # noqa: B008
    return list(status.lines(system, now, traffic))


def test_what_serves_comes_with_its_clients_and_what_was_judged_with_its_verdict() -> None:
    traffic = Traffic({"v2-b": Requests(120, 3)})
    assert shown(SYSTEM, NOW, traffic) == [
        ("serves", "version 2   90 %   v2-b"),
        ("", "12.0 requests and 0.3 errors a minute (120 and 3 in the last 10 minutes)"),
        ("", "version 3   10 %   v3-c"),
        ("", "0.0 requests and 0.0 errors a minute (0 and 0 in the last 10 minutes)"),
        ("beside it", "version 1   0 %   v1-a   rejected: slow"),
        ("champion", "version 2   auc 0.8612  accuracy 0.7900   real data fb03ad00bd03"),
        ("challenger", "j-2   auc 0.8601 against 0.8612   kept: auc 0.8601 is below"),
        ("", "https://run"),
        ("asked at", "https://oep/score"),
    ]


def test_an_endpoint_that_is_gone_leaves_the_rest_readable() -> None:
    gone = replace(NOW, serving=(), standby=(), scoring_uri="", problem="the endpoint oep-x is gone: `make up`")
    assert shown(SYSTEM, gone)[:3] == [
        ("not read", "the endpoint oep-x is gone: `make up`"),
        ("serves", "nothing"),
        ("champion", "version 2   auc 0.8612  accuracy 0.7900   real data fb03ad00bd03"),
    ]


def test_nothing_serves_yet_and_a_job_trains() -> None:
    job = Job("bike-buyer-0-1", "Running", "bike_buyer", {}, "", False)
    assert shown(SYSTEM, LiveSystem("bike_buyer", job=job)) == [
        ("serves", "nothing"),
        ("champion", "none yet"),
        ("training", "bike-buyer-0-1 running: `make logs JOB=bike-buyer-0-1` shows its log"),
    ]


def test_requests_that_cannot_be_read_are_said_so() -> None:
    text = dict(shown(SYSTEM, replace(NOW, challenger=None, scoring_uri=""), Traffic(problem="403")))[""]
    assert text == "its requests could not be read: 403"


def test_the_stack_and_the_endpoint_differ() -> None:
    whole = replace(NOW, serving=(Share(2, "v2-b", 100),), standby=())

    def said(recorded: Recorded, now: LiveSystem, stack: Stack = LOCAL) -> list[str]:
        return list(status.differences(replace(SYSTEM, recorded=recorded, stack=stack), now))

    assert said(Recorded(), whole) == said(Recorded(2, {"v2-b": 100}), whole) == []
    assert said(Recorded(1, {"v1-a": 100}), whole) == [
        "the stack knows version 1, the endpoint serves version 2: `make refresh`"
    ]
    assert said(Recorded(2, {"v2-b": 50, "v3-c": 50}), whole, DEV) == [
        "the stack knows the traffic v2-b 50 %, v3-c 50 %, it is v2-b 100 %: `make refresh STACK=dev`"
    ]
    promoted = replace(whole, champion=replace(CHAMPION, version=3))
    assert said(Recorded(2), promoted) == ["version 3 is to serve, version 2 does: `make refresh`, then `make up`"]
    assert said(Recorded(2), replace(promoted, under_way="rolling out version 3, by x")) == [
        "version 3 is to serve, version 2 does: is being done"
    ]


def test_lines_hang_below_their_label_and_addresses_stay_whole() -> None:
    address = "https://" + "x" * 60
    assert words.hanging("  asked at  ", address, 40) == f"  asked at  {address}"
    assert words.hanging("  label  ", "one two three four five six", 28).splitlines() == [
        "  label  one two three four",
        "         five six",
    ]
    assert words.hanging("", "judged: auc 0.8612  log_loss 0.4770", 32).splitlines() == [
        "judged: auc 0.8612",
        "log_loss 0.4770",
    ]
    assert words.hanging("", f"Age 30  {words.together('Country United States')}", 24).splitlines() == [
        "Age 30",
        "Country United States",
    ]


def test_figures_have_four_digits_those_most_asked_for_first() -> None:
    assert (
        words.figures({"brier": 0.1, "accuracy": 0.5, "auc": 0.86123, "rows": 3})
        == "auc 0.8612  accuracy 0.5000  brier 0.1000"
    )
    assert words.figures({}) == "-"
    assert words.when("no time") == "no time"
    assert (words.count(1, "row"), words.count(1234, "row")) == ("1 row", "1,234 rows")
