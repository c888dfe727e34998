"""What a gate decides, case by case, and that a kept champion is described as it was when it was promoted."""

from __future__ import annotations

import json
import math

import pytest

from ml.clients.models import ModelRecord
from ml.resources.base import plain
from ml.resources.verdict import Scored, decide
from ml.resources.winner import UnusableModel, Winner, canonical, from_record, to_properties

FLOORS = {"auc": 0.8, "accuracy": 0.75}


def model(sha256: str, auc: float, accuracy: float = 0.8) -> Scored:
    return Scored(sha256, {"auc": auc, "accuracy": accuracy})


NOBODY = None
CASES = {
    "no champion, above the floors": (model("a", 0.85), NOBODY, {}, "promoted", "there is no champion yet"),
    "no champion, on the floor": (model("a", 0.8, 0.75), NOBODY, {}, "promoted", "auc 0.8000"),
    "no champion, below a floor": (model("a", 0.79), NOBODY, {}, "refused", "auc 0.7900 is below the floor 0.8"),
    "no champion, below the other floor": (model("a", 0.9, 0.7), NOBODY, {}, "refused", "accuracy 0.7000"),
    "no champion, below both": (model("a", 0.5, 0.5), NOBODY, {}, "refused", "auc 0.5000 is below the floor 0.8, acc"),
    "no champion, rejected": (model("a", 0.9), NOBODY, {"sha256:1": "slow"}, "refused", "slow"),
    "better": (model("a", 0.86), model("b", 0.85), {}, "promoted", "auc 0.8600 beats the champion's 0.8500"),
    "better by a hair": (model("a", 0.850001), model("b", 0.85), {}, "promoted", "beats"),
    "better in the other metric alone": (model("a", 0.85, 0.9), model("b", 0.86, 0.8), {}, "kept", "is below"),
    "worse": (model("a", 0.84), model("b", 0.85), {}, "kept", "auc 0.8400 is below the champion's 0.8500"),
    "as good": (model("a", 0.85), model("b", 0.85), {}, "kept", "equals the champion's"),
    "better but below a floor": (model("a", 0.86, 0.7), model("b", 0.85), {}, "kept", "accuracy 0.7000 is below"),
    "the champion itself": (model("a", 0.85), model("a", 0.85), {}, "kept", "the challenger is the champion"),
    "the champion itself, once rejected": (model("a", 0.85), model("a", 0.85), {"x": ""}, "kept", "is the champion"),
    "the champion itself, floor raised": (model("a", 0.7), model("a", 0.7), {}, "refused", "the champion itself"),
    "better than a champion below the floor": (model("a", 0.82), model("b", 0.7), {}, "promoted", "beats"),
    "rejected before": (
        model("a", 0.9),
        model("b", 0.85),
        {"sha256:1": "crashed"},
        "kept",
        "rejected before (crashed)",
    ),
    "auc is no number": (model("a", math.nan), model("b", 0.85), {}, "refused", "no usable auc of the challenger: nan"),
    "accuracy is no number": (model("a", 0.9, math.nan), NOBODY, {}, "refused", "no usable accuracy"),
    "infinite": (model("a", math.inf), model("b", 0.85), {}, "refused", "no usable auc"),
    "the champion's auc is no number": (model("a", 0.9), model("b", math.nan), {}, "refused", "auc of the champion"),
    "a metric is missing": (Scored("a", {"auc": 0.9}), NOBODY, {}, "refused", "accuracy of the challenger: None"),
    "the champion lacks a metric": (model("a", 0.9), Scored("b", {"auc": 0.8}), {}, "refused", "of the champion: None"),
}


@pytest.mark.parametrize("case", CASES)
def test_verdict(case: str) -> None:
    challenger, champion, rejections, kind, text = CASES[case]
    verdict = decide(challenger, champion, floors=FLOORS, metric="auc", rejections=rejections)
    assert verdict.kind == kind
    assert text in verdict.text


def test_only_a_kept_champion_that_was_challenged_is_a_warning() -> None:
    for challenger, champion, rejections, kind, _ in CASES.values():
        verdict = decide(challenger, champion, floors=FLOORS, metric="auc", rejections=rejections)
        same = champion is not None and champion.sha256 == challenger.sha256
        assert verdict.warning == (kind == "kept" and not same)


def test_without_floors_the_champion_alone_decides() -> None:
    assert decide(model("a", 0.1), NOBODY, floors={}, metric="auc", rejections={}).kind == "promoted"


WINNER = Winner(
    sha256="a" * 64,
    model="bike-buyer",
    uri="azureml://datastores/workspaceblobstore/paths/systems/bike_buyer/jobs/x/model/",
    metrics={"log_loss": 0.5312345678, "auc": 0.8453069507864027, "recall": 1.0, "precision": 0, "skew": math.nan},
    data="0123456789ab",
    job="bike-buyer-0123456789ab-1",
    commit="unknown",
)


def registered(outputs: dict[str, object]) -> ModelRecord:
    """The version that a registration of these outputs makes; the service answers with a longer URI."""
    properties = to_properties("bike_buyer", outputs)
    return ModelRecord(3, {"champion-since": "x"}, properties, "azureml://subscriptions/s/" + WINNER.uri[10:], False)


def test_promoted_then_kept_gives_the_same_outputs() -> None:
    promoted = WINNER.outputs
    over_the_wire = plain(json.loads(json.dumps(promoted), parse_int=float))
    kept = from_record("bike-buyer", registered(over_the_wire)).outputs
    assert json.dumps(kept, sort_keys=True) == json.dumps(promoted, sort_keys=True)
    again = from_record("bike-buyer", registered(kept)).outputs
    assert json.dumps(again) == json.dumps(kept)


def test_figures_are_rounded_ordered_and_finite() -> None:
    assert list(canonical(WINNER.metrics).items()) == [
        ("auc", 0.845307),
        ("log_loss", 0.531235),
        ("precision", 0),
        ("recall", 1),
    ]


@pytest.mark.parametrize("name", ["sha256", "source", "metrics", "data", "job", "commit"])
def test_a_version_without_what_was_registered_cannot_be_kept(name: str) -> None:
    record = registered(WINNER.outputs)
    properties = {key: value for key, value in record.properties.items() if key != name}
    with pytest.raises(UnusableModel, match=f"version 3 of bike-buyer has no property {name}"):
        from_record("bike-buyer", ModelRecord(3, {}, properties, record.uri, False))


@pytest.mark.parametrize("metrics", ["[1]", "{", '{"auc": "high"}', "0.8"])
def test_a_version_with_changed_figures_cannot_be_kept(metrics: str) -> None:
    record = registered(WINNER.outputs)
    with pytest.raises(UnusableModel, match="no JSON object of figures"):
        from_record("bike-buyer", ModelRecord(3, {}, {**record.properties, "metrics": metrics}, record.uri, False))
