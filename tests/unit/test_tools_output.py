"""What people read: previews that are the same twice, the table after `up`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from rich.console import Console

from ml.clients.events import Event, Events
from ml.clients.jobs import Job
from review.plan import messages
from tools import deployment, preview, standing, summary, words
from tools.answers import Reply
from tools.deployment import excluded
from tools.live import Challenger, Champion, LiveSystem, Share
from tools.progress import SetupError
from tools.stacks import Stack
from tools.versions import ROOT


def step(op: str, name: str, **more: Any) -> dict[str, Any]:
    return {"op": op, "urn": f"urn:pulumi:dev::mlops::mlops:infra:Platform$azure-native:storage:Blob::{name}", **more}


def test_the_order_of_events_does_not_show() -> None:
    old = {"inputs": {"rate": 0.1, "files": {"train.py": "1a", "same.py": "2b"}, "__provider": "x"}}
    new = {"inputs": {"rate": 0.2, "files": {"train.py": "3c", "same.py": "2b", "new.py": "4d"}, "__provider": "y"}}
    steps = [step("create", "b", newState=new), step("replace", "a", oldState=old, newState=new), step("same", "c")]
    counts = {"same": 60, "create": 1, "replace": 1}
    documents = [{"steps": order, "changeSummary": counts, "duration": 1} for order in (steps, steps[::-1])]
    forwards, backwards = map(preview.lines, documents)
    assert forwards == backwards
    assert forwards == [
        "± replace  azure-native:storage:Blob a",
        "           files.new.py: (none) -> 4d",
        "           files.train.py: 1a -> 3c",
        "           rate: 0.1 -> 0.2",
        "+ create   azure-native:storage:Blob b",
        "",
        "1 to create, 1 to replace, 60 unchanged",
    ]


def test_a_long_value_is_cut() -> None:
    assert list(preview.differences({"text": "a"}, {"text": "b" * 200})) == [f"text: a -> {'b' * 59}…"]


def test_messages_are_said_once_and_sorted() -> None:
    said = [
        {"severity": "warning", "message": " b\n"},
        {"severity": "info", "message": "x"},
        {"severity": "warning", "message": "b"},
    ]
    assert messages({"diagnostics": [*said, {"severity": "error", "message": "a"}]}) == [
        "error: a",
        "warning: b",
    ]


def test_encrypted_values_do_not_reach_an_offline_preview() -> None:
    configuration = {
        "encryptionsalt": "v1:x",
        "config": {"mlops:key": {"secure": "AAA"}, "mlops:list": [{"a": {"secure": "BBB"}}, 3]},
    }
    assert preview.without_secrets(configuration) == {
        "config": {"mlops:key": preview.PLACEHOLDER, "mlops:list": [{"a": preview.PLACEHOLDER}, 3]}
    }


FULL = {
    "cloud": "emulator",
    "job": "bike-buyer-0123456789ab-1",
    "experimentUri": "http://127.0.0.1:18080/mlflow/#/experiments/1",
    "scoringUri": "https://oep.westeurope.inference.ml.localhost:1/score",
    "model": {
        "name": "bike-buyer",
        "version": 3.0,
        "sha256": "0123456789abcdef",
        "metrics": {"auc": 0.86123, "accuracy": 0.79, "rows": 2961},
    },
    "data": {"source": "real", "rows": 14841.0},
}


STACK = Stack("local", "emulator", Path("unused"))
SERVING = LiveSystem(
    "bike_buyer",
    champion=Champion(2, "0123456789abcdef", {"auc": 0.86123, "accuracy": 0.79, "rows": 2961}, job="bike-buyer-aa-1"),
    serving=(Share(2, "v2-1", 100),),
    challenger=Challenger(
        "bike-buyer-bb-1",
        "bike-buyer-gate-cc-1",
        figures={"auc": 0.85},
        against={"auc": 0.86123},
        verdict="kept",
        reason="auc -0.0112, 95 % interval -0.02 .. -0.01",
        uri="http://127.0.0.1:1/runs/bike-buyer-gate-cc-1",
    ),
    job=Job("bike-buyer-bb-1", "Completed", "bike_buyer", {}, "http://127.0.0.1:1/runs/bike-buyer-bb-1", False),
    scoring_uri="https://oep.westeurope.inference.ml.localhost:1/score",
)


def printed(*systems: summary.Shown, width: int = 80) -> str:
    """What `up` ends with."""
    stream = StringIO()
    console = Console(file=stream, width=width, soft_wrap=True)
    summary.show(STACK, systems, console, ROOT / ".emulator" / "ca.pem")
    return stream.getvalue()


@pytest.mark.parametrize("output", [FULL, {"job": None}, {"model": {}, "data": "x"}, {"job": "j-1", "model": None}])
def test_the_end_of_up_takes_what_there_is(output: dict[str, Any]) -> None:
    said = printed(summary.Shown("bike_buyer", output, LiveSystem("bike_buyer")))
    assert "bike_buyer\n" in said
    assert "serves         nothing yet" in said
    assert "make down " in said
    assert "DOES NOT ANSWER" not in said


def test_the_end_of_up_has_champion_and_lost_challenger_at_80_columns() -> None:
    output = {**FULL, "experimentUri": "http://127.0.0.1:1/runs/bike-buyer-aa-1", "model": {"version": 2.0}}
    said = printed(summary.Shown("bike_buyer", output, SERVING, Reply(0.012, 2)))
    assert "make -s key SYSTEM=bike-buyer" in said
    assert "-d @ml/systems/bike_buyer/request.json https://oep.westeurope.inference.ml.localhost:1/score\n" in said
    assert [line.rstrip() for line in said.splitlines()[1:11]] == [
        "bike_buyer",
        "  data           real, 14841 rows",
        "  serves         version 2 with 100 % of the traffic, sha256 0123456789ab",
        "                 auc 0.8612  accuracy 0.7900  rows 2961",
        "  judged last    bike-buyer-bb-1 lost: the champion was kept",
        "                 auc -0.0112, 95 % interval -0.02 .. -0.01",
        "                 auc 0.8500 against 0.8612",
        "  answers        yes by version 2, in 12 ms",
        "  champion run   http://127.0.0.1:1/runs/bike-buyer-aa-1",
        "  challenger run http://127.0.0.1:1/runs/bike-buyer-bb-1",
    ]


def test_a_challenger_that_is_the_champion_has_not_lost() -> None:
    assert SERVING.challenger is not None
    same: dict[str, Any] = {
        "version": 2,
        "figures": {"auc": 0.86123},
        "reason": "the challenger is the champion: auc 0.8612",
    }
    live = replace(SERVING, challenger=replace(SERVING.challenger, **same))
    said = printed(summary.Shown("bike_buyer", FULL, live, Reply(0.012, 2)))
    assert "  judged last    bike-buyer-bb-1 (version 2) made the champion again" in said
    assert "lost" not in said
    assert "against" not in said


def test_where_stack_and_endpoint_differ_is_told() -> None:
    differs = [
        "the stack knows version 3, the endpoint serves version 2: `make refresh`",
        "since the rollback",
    ]
    said = printed(summary.Shown("bike_buyer", FULL, SERVING, Reply(0.01, 2), differs), width=120)
    assert f"  differs        {differs[0]}" in said
    assert "                 since the rollback" in said
    assert "version 2 with 100 %" in said


def test_what_took_stack_and_endpoint_apart_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    system: Any = SimpleNamespace(workspace=None, name="bike_buyer")
    time = "2026-11-29T10:00:00+00:00"
    known = [
        Event(kind="promoted", version=3, reason="better", time=time, who="ann, process 1 on box"),
        Event(kind="rolled_back", version=2, reason="wrong scores", time=time, who="ben, process 2 on box"),
        Event(kind="kept", version=2, reason="no better", time=time, who="ann, process 3 on box"),
    ]
    monkeypatch.setattr(Events, "list", lambda self: known)
    assert standing.last_move(system, ["they differ"]) == [
        f"since the rollback of {words.when(time)} by ben: wrong scores",
    ]
    assert standing.last_move(system, []) == []
    known.clear()
    assert standing.last_move(system, ["they differ"]) == []


def test_an_endpoint_that_does_not_answer_is_named_last_and_loudly() -> None:
    silent = summary.Shown("bike_buyer", FULL, SERVING, Reply(problem="HTTP 503: no instance"))
    assert "bike_buyer DOES NOT ANSWER: HTTP 503: no instance." in printed(silent, width=200).splitlines()[-1]
    assert summary.silent(STACK, [silent])
    assert not summary.silent(STACK, [summary.Shown("bike_buyer", FULL, SERVING, Reply(0.01, 2))])


def test_what_the_cloud_does_not_say_is_not_claimed() -> None:
    live = LiveSystem("bike_buyer", problem="the emulator does not answer")
    said = printed(summary.Shown("bike_buyer", FULL, live, Reply(problem="it has no address")))
    assert "not known now; the stack last said version 3" in said
    assert "not read       the emulator does not answer" in said


def test_traffic_of_another_version_than_the_champion_is_shown() -> None:
    shares = (Share(2, "v2-1", 90), Share(3, "v3-1", 10, rejected="scores too high"))
    live = replace(SERVING, serving=shares)
    assert summary.serves(live, {}) == [
        "version 2 with 90 % of the traffic, sha256 0123456789ab",
        "auc 0.8612  accuracy 0.7900  rows 2961",
        "v3-1 (version 3) with 10 %, rejected: scores too high",
    ]


def test_what_serves_is_shown_after_a_failure_too() -> None:
    model = {"name": "bike-buyer", "version": None, "sha256": "f" * 64, "metrics": {"auc": 0.9}}
    failed = {"cloud": "emulator", "job": "bike-buyer-fedcba987654-1", "scoringUri": None, "model": model}
    shown = summary.last_known(failed, FULL)
    assert (shown["model"], shown["scoringUri"]) == (FULL["model"], FULL["scoringUri"])
    assert shown["job"] == failed["job"]
    assert summary.last_known(failed, {}) == failed
    assert summary.last_known(FULL, failed) == FULL


def test_one_system_leaves_the_others_alone(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text("config: {'mlops:systems': [bike_buyer, reviews]}")
    stack = Stack("local", "emulator", file)
    assert excluded(stack, None) == []
    for name in ("bike_buyer", "bike-buyer"):
        assert excluded(stack, name) == ["--exclude", "**::reviews", "--exclude", "**::reviews-*"]
    with pytest.raises(
        SetupError, match=r"SYSTEM=nope: stack local has no such system\. Its systems: bike_buyer, reviews"
    ):
        excluded(stack, "nope")


def test_another_stack_than_the_default_is_named_where_its_key_is_asked_for() -> None:
    stack = Stack("dev", "azure", Path("x"))
    line = summary.request_line(stack, "bike_buyer", "https://oep.example/score", None)
    assert line is not None
    assert "$(make -s key STACK=dev SYSTEM=bike-buyer)" in line


@pytest.mark.parametrize(
    ("terminal", "typed", "refusal"),
    [(True, "y", ""), (True, "n", "Nothing was changed"), (False, "", "no terminal to ask in")],
)
def test_up_of_a_stack_on_azure_shows_the_plan_and_asks(
    terminal: bool, typed: str, refusal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine: Any = SimpleNamespace(stack=Stack("dev", "azure", Path("x")))
    monkeypatch.setattr(deployment, "planned", lambda pulumi, words: ["5 change: [bike_buyer] trains again", *words])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: terminal))
    monkeypatch.setattr(typer, "confirm", lambda question: typed == "y")
    said = StringIO()
    with pytest.raises(SetupError, match=refusal) if refusal else nullcontext():
        deployment.confirm_up(engine, ["--exclude"], Console(file=said))
    assert said.getvalue() == "5 change: [bike_buyer] trains again\n--exclude\n"


def test_a_line_that_asks_a_container_group_of_the_emulator_says_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    where = [(0, 0, 0, "", ("127.0.0.9", 5001))]
    monkeypatch.setattr("tools.summary.socket.getaddrinfo", lambda *_: where)
    uri = "http://ci-x.westeurope.azurecontainer.localhost:5001/score"
    stack = Stack("local", "emulator", Path("x"))
    line = summary.request_line(stack, "bike_buyer", uri, Path("ca.pem"))
    assert line is not None
    assert "--resolve ci-x.westeurope.azurecontainer.localhost:5001:127.0.0.9 " in line
    others = (summary.request_line(stack, "bike_buyer", uri, None), summary.resolved("https://oep.example/score"))
    assert "--resolve" not in "".join(one or "" for one in others)
