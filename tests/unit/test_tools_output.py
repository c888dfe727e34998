"""What people read: previews that are the same twice, the table after `up`."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tools import preview, summary
from tools.deployment import excluded
from tools.progress import SetupError
from tools.stacks import Stack
from tools.versions import ROOT


def step(op: str, name: str, **more: Any) -> dict[str, Any]:
    return {"op": op, "urn": f"urn:pulumi:dev::mlops::mlops:infra:Platform$azure-native:storage:Blob::{name}", **more}


def test_the_order_of_events_does_not_show() -> None:
    old = {"inputs": {"rate": 0.1, "files": {"train.py": "1a", "same.py": "2b"}, "__provider": "x"}}
    new = {"inputs": {"rate": 0.2, "files": {"train.py": "3c", "same.py": "2b", "new.py": "4d"}, "__provider": "y"}}
    steps = [step("create", "b", newState=new), step("replace", "a", oldState=old, newState=new), step("same", "c")]
    forwards, backwards = (preview.lines({"steps": order, "duration": 1}) for order in (steps, steps[::-1]))
    assert forwards == backwards
    assert forwards == [
        "± replace  azure-native:storage:Blob a",
        "           files.new.py: (none) -> 4d",
        "           files.train.py: 1a -> 3c",
        "           rate: 0.1 -> 0.2",
        "+ create   azure-native:storage:Blob b",
        "",
        "1 to create, 1 to replace, 1 unchanged",
    ]


def test_a_long_value_is_cut() -> None:
    assert list(preview.differences({"text": "a"}, {"text": "b" * 200})) == [f"text: a -> {'b' * 59}…"]


def test_messages_are_said_once_and_sorted() -> None:
    said = [
        {"severity": "warning", "message": " b\n"},
        {"severity": "info", "message": "x"},
        {"severity": "warning", "message": "b"},
    ]
    assert preview.messages({"diagnostics": [*said, {"severity": "error", "message": "a"}]}) == [
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


@pytest.mark.parametrize("output", [FULL, {"job": None}, {"model": {}, "data": "x"}, {"job": "j-1", "model": None}])
def test_the_table_takes_what_there_is(output: dict[str, Any]) -> None:
    stream = StringIO()
    summary.show(
        Stack("local", "emulator", Path("unused")),
        {"bike_buyer": output, "platform": {"x": 1}},
        Console(file=stream, width=160, soft_wrap=True),
        ROOT / ".emulator" / "ca.pem",
    )
    said = stream.getvalue()
    assert "bike_buyer" in said
    assert "platform" not in said
    assert "make down STACK=local" in said
    if output is FULL:
        for part in (
            "auc 0.861",
            "accuracy 0.790",
            "rows 2961",
            "real, 14841 rows",
            "bike-buyer 3",
            "sha256 0123456789ab ",
            "curl --cacert .emulator/ca.pem ",
            "$(make -s key SYSTEM=bike-buyer)",
            "-d @ml/systems/bike_buyer/request.json https://oep.westeurope.inference.ml.localhost:1/score\n",
            "/mlflow/#/experiments/1",
        ):
            assert part in said


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
    line = summary.request_line(stack, "bike_buyer", {"scoringUri": "https://oep.example/score"}, None)
    assert line is not None
    assert "$(make -s key STACK=dev SYSTEM=bike-buyer)" in line
