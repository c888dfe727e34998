"""What a gate decides, case by case, and that a kept champion is described as it was when it was promoted."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from ml.clients.models import ModelRecord
from ml.gate.verdict import GENERATED, REAL, UNKNOWN, Interval, Rule, Scored, Verdict, decide
from ml.gate.winner import UnusableModel, Winner, canonical, from_record, to_properties
from ml.identity.values import plain

FLOORS = {"auc": 0.8, "accuracy": 0.75}


def model(sha256: str, auc: float, accuracy: float = 0.8) -> Scored:
    return Scored(sha256, {"auc": auc, "accuracy": accuracy})


def verdict_of(challenger: Scored, champion: Scored | None, rejections: dict[str, str]) -> Verdict:
    """The verdict where chance explains no more than 0.002 of a difference."""
    found = challenger.metrics["auc"] - (champion.metrics["auc"] if champion else 0.0)
    intervals = {"auc": Interval(found - 0.002, found + 0.002)}
    return decide(challenger, champion, Rule(FLOORS, "auc"), intervals=intervals, rejections=rejections)


NOBODY = None
BEATEN = "auc +0.0100 (0.8600 against 0.8500), 95 % interval +0.0080 .. +0.0120: promoted"
CASES = {
    "no champion, above the floors": (model("a", 0.85), NOBODY, {}, "promoted", "there is no champion yet"),
    "no champion, on the floor": (model("a", 0.8, 0.75), NOBODY, {}, "promoted", "auc 0.8000"),
    "no champion, below a floor": (model("a", 0.79), NOBODY, {}, "refused", "auc 0.7900 is below the floor 0.8"),
    "no champion, below the other floor": (model("a", 0.9, 0.7), NOBODY, {}, "refused", "accuracy 0.7000"),
    "no champion, below both": (model("a", 0.5, 0.5), NOBODY, {}, "refused", "auc 0.5000 is below the floor 0.8, acc"),
    "no champion, rejected": (model("a", 0.9), NOBODY, {"sha256:1": "slow"}, "refused", "slow"),
    "better": (model("a", 0.86), model("b", 0.85), {}, "promoted", BEATEN),
    "better by a hair": (model("a", 0.8504), model("b", 0.85), {}, "kept", "interval -0.0016 .. +0.0024: kept the"),
    "better in the other metric alone": (model("a", 0.85, 0.9), model("b", 0.86, 0.8), {}, "kept", "auc -0.0100"),
    "worse": (model("a", 0.84), model("b", 0.85), {}, "kept", "auc -0.0100 (0.8400 against 0.8500)"),
    "as good": (model("a", 0.85), model("b", 0.85), {}, "kept", "auc +0.0000 (0.8500 against 0.8500)"),
    "better but below a floor": (model("a", 0.86, 0.7), model("b", 0.85), {}, "kept", "accuracy 0.7000 is below"),
    "the champion itself": (model("a", 0.85), model("a", 0.85), {}, "kept", "the challenger is the champion"),
    "the champion itself, once rejected": (model("a", 0.85), model("a", 0.85), {"x": ""}, "kept", "is the champion"),
    "the champion itself, floor raised": (model("a", 0.7), model("a", 0.7), {}, "refused", "the champion itself"),
    "better than a champion below the floor": (model("a", 0.82), model("b", 0.7), {}, "promoted", "promoted"),
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
    verdict = verdict_of(challenger, champion, rejections)
    assert verdict.kind == kind
    assert text in verdict.text


def test_only_a_kept_champion_that_was_challenged_is_a_warning() -> None:
    for challenger, champion, rejections, kind, _ in CASES.values():
        verdict = verdict_of(challenger, champion, rejections)
        same = champion is not None and champion.sha256 == challenger.sha256
        assert verdict.warning == (kind == "kept" and not same)


def test_without_floors_the_champion_alone_decides() -> None:
    assert decide(model("a", 0.1), NOBODY, Rule({}, "auc"), intervals={}, rejections={}).kind == "promoted"


def compared(
    margin: float | None, interval: Interval | None, ours: str = UNKNOWN, theirs: str = UNKNOWN, auc: float = 0.8690
) -> Verdict:
    """0.8690 by default against 0.8686, as an evaluation on 3,000 rows found them."""
    challenger = Scored("a", {"auc": auc, "accuracy": 0.8}, ours)
    champion = Scored("b", {"auc": 0.8686, "accuracy": 0.8}, theirs)
    intervals = {"auc": interval} if interval else {}
    return decide(challenger, champion, Rule(FLOORS, "auc", margin), intervals=intervals, rejections={})


CHANCE = Interval(-0.002, 0.003)


def test_what_chance_explains_is_no_win() -> None:
    verdict = compared(None, CHANCE)
    expected = "auc +0.0004 (0.8690 against 0.8686), 95 % interval -0.0020 .. +0.0030: kept the champion"
    assert verdict == Verdict("kept", expected, warning=True)
    assert compared(None, Interval(0.0, 0.001)).kind == "kept"
    assert compared(None, Interval(0.0001, 0.001)).kind == "promoted"


@pytest.mark.parametrize(
    ("ours", "margin", "kind", "said"),
    [
        (4.0, None, "promoted", "mape -1.0000 (4.0000 against 5.0000)"),
        (6.0, None, "kept", "mape +1.0000 (6.0000 against 5.0000)"),
        (4.0, 0.5, "promoted", "margin 0.5"),
        (4.0, 2.0, "kept", "margin 2"),
        (9.0, None, "kept", "mape 9.0000 is above the floor 8"),
        (8.0, None, "kept", "mape +3.0000"),
    ],
)
def test_where_less_is_better_less_wins(ours: float, margin: float | None, kind: str, said: str) -> None:
    rule = Rule({"mape": 8.0}, "mape", margin, frozenset({"mape"}))
    more = ours - 5.0
    intervals = {"mape": Interval(more - 0.1, more + 0.1)}
    found = decide(Scored("a", {"mape": ours}), Scored("b", {"mape": 5.0}), rule, intervals=intervals, rejections={})
    assert (found.kind, said in found.text) == (kind, True), found.text


@pytest.mark.parametrize(("margin", "kind"), [(0, "promoted"), (0.0003, "promoted"), (0.0005, "kept"), (0.002, "kept")])
def test_a_margin_of_the_system_decides_instead(margin: float, kind: str) -> None:
    verdict = compared(margin, CHANCE)
    assert (verdict.kind, f", margin {margin:g}: " in verdict.text) == (kind, True)
    assert compared(0, None, auc=0.8686).kind == "kept"


@pytest.mark.parametrize("interval", [None, Interval(math.nan, 0.1)])
def test_without_an_interval_nothing_is_promoted_unless_there_is_a_margin(interval: Interval | None) -> None:
    verdict = compared(None, interval)
    assert verdict.kind == "refused"
    assert "no interval of the difference in auc: give the task in system.py a `margin`" in verdict.text
    assert compared(0, interval).kind == "promoted"


def test_generated_data_never_replace_real_data() -> None:
    verdict = compared(None, Interval(0.1, 0.2), GENERATED, REAL, auc=0.99)
    assert (verdict.kind, verdict.warning) == ("kept", True)
    assert "trained on generated data and the champion on real data" in verdict.text
    assert "Set MLOPS_DATA_DIR" in verdict.text


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (REAL, GENERATED, "promoted; the champion was trained on generated data"),
        (GENERATED, UNKNOWN, "promoted; whether the champion was trained on real or generated data is not known"),
        (GENERATED, GENERATED, "promoted"),
        (REAL, REAL, "promoted"),
    ],
)
def test_a_champion_of_other_data_is_named(ours: str, theirs: str, words: str) -> None:
    verdict = compared(None, Interval(0.1, 0.2), ours, theirs, auc=0.9)
    assert verdict.kind == "promoted"
    assert verdict.text.endswith(f": {words}")


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


@pytest.mark.parametrize("source", ["", "real", "generated"])
def test_promoted_then_kept_gives_the_same_outputs(source: str) -> None:
    promoted = replace(WINNER, data_source=source).outputs
    assert promoted["provenance"].get("dataSource", "") == source
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
