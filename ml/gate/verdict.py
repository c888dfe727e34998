"""What a gate decides about a challenger, from figures alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Figures = Mapping[str, float]
REAL, GENERATED, UNKNOWN = "real", "generated", "unknown"


@dataclass(frozen=True)
class Scored:
    """A model as its evaluation saw it, and what it was trained on: real or generated rows, where that is known."""

    sha256: str
    metrics: Figures
    data: str = UNKNOWN


@dataclass(frozen=True)
class Interval:
    """Where the true difference lies with 95 %: what the challenger has more than the champion, on the same rows."""

    low: float
    high: float


@dataclass(frozen=True)
class Rule:
    """When a challenger goes on.

    Attributes:
        floors: what a model must reach, by metric: at least, or at most where lower is better; reaching it is enough.
        metric: what challenger and champion are compared by.
        margin: by how much the challenger must be better. None: by more than chance explains, so the interval of the
            difference must lie on the better side of 0.
        lower: the metrics of which less is better.
    """

    floors: Figures
    metric: str
    margin: float | None = None
    lower: frozenset[str] = frozenset()

    def missed(self, metrics: Figures) -> str:
        """Every metric that does not reach its floor, with both figures; empty when there is none."""
        return ", ".join(
            f"{name} {metrics[name]:.4f} is {'above' if name in self.lower else 'below'} the floor {floor:g}"
            for name, floor in self.floors.items()
            if (metrics[name] > floor if name in self.lower else metrics[name] < floor)
        )

    def gain(self, more: float) -> float:
        """By how much a model is better in the metric, when it has so much more of it."""
        return -more if self.metric in self.lower else more


@dataclass(frozen=True)
class Verdict:
    """`promoted`: the challenger goes on. `kept`: the champion stays. `refused`: nothing may go on.

    `text` says why, with the figures; `warning` is set where a person should look at it.
    """

    kind: Literal["promoted", "kept", "refused"]
    text: str
    warning: bool = False


def decide(
    challenger: Scored,
    champion: Scored | None,
    rule: Rule,
    *,
    intervals: Mapping[str, Interval],
    rejections: Mapping[str, str],
    lift: str = "",
) -> Verdict:
    """The verdict.

    Floors apply to the challenger: a challenger below one never goes on. With another champion, that one stays; without
    one, or when the challenger is the champion itself (a floor was raised), nothing may go on and a person decides. A
    challenger that was rejected in a rollout never goes on, and one of generated data never replaces one of real data:
    figures on generated rows say nothing about customers. Then it must be better, by more than the margin.

    Args:
        intervals: of the difference, by metric.
        rejections: why the challenger's model version was rejected, by image digest; empty when it was not.
        lift: the command that takes a rejection back.
    """
    metric = rule.metric
    unusable = unusable_figures(challenger, champion, [*rule.floors, metric])
    if unusable:
        return Verdict("refused", unusable)
    same = champion is not None and champion.sha256 == challenger.sha256
    below = rule.missed(challenger.metrics)
    if below:
        return _below(below, champion, metric, same=same)
    if same:
        return Verdict("kept", f"the challenger is the champion: {metric} {challenger.metrics[metric]:.4f}")
    if rejections:
        return _rejected(rejections, champion, lift)
    if champion is None:
        return Verdict("promoted", f"{metric} {challenger.metrics[metric]:.4f}; there is no champion yet")
    if challenger.data == GENERATED and champion.data == REAL:
        return Verdict("kept", GENERATED_CHALLENGER, warning=True)
    return _compared(challenger, champion, rule, intervals.get(metric))


GENERATED_CHALLENGER = (
    "the challenger was trained on generated data and the champion on real data, so figures on generated rows decide "
    "nothing: kept the champion. Set MLOPS_DATA_DIR to the folder with the real files and run `make up` again"
)


def unusable_figures(challenger: Scored, champion: Scored | None, names: list[str]) -> str:
    """Which figure is missing or no number; empty when all can be used."""
    models = {"challenger": challenger, **({"champion": champion} if champion else {})}
    for role, model in models.items():
        for name in names:
            value = model.metrics.get(name)
            if value is None or isinstance(value, bool) or not math.isfinite(value):
                return f"the evaluation gives no usable {name} of the {role}: {value}"
    return ""


def _below(below: str, champion: Scored | None, metric: str, *, same: bool) -> Verdict:
    if champion is None:
        return Verdict(
            "refused",
            f"{below}, and there is no champion to keep: train a better one, or change the floor (`floors` in "
            "system.py)",
        )
    if same:
        return Verdict(
            "refused",
            f"{below}: the champion itself does not reach it; train a better one, or change the floor "
            "(`floors` in system.py)",
        )
    return Verdict("kept", f"{below}: kept the champion ({metric} {champion.metrics[metric]:.4f})", warning=True)


def _rejected(rejections: Mapping[str, str], champion: Scored | None, lift: str) -> Verdict:
    reasons = "; ".join(dict.fromkeys(reason or "no reason given" for reason in rejections.values()))
    text = f"the challenger was rejected before ({reasons}): `{lift}` lifts that"
    if champion is None:
        return Verdict("refused", f"{text}, and there is no champion to keep")
    return Verdict("kept", f"{text}; kept the champion", warning=True)


def _compared(challenger: Scored, champion: Scored, rule: Rule, interval: Interval | None) -> Verdict:
    ours, theirs = challenger.metrics[rule.metric], champion.metrics[rule.metric]
    if rule.margin is not None:
        won, how = rule.gain(ours - theirs) > rule.margin, f"margin {rule.margin:g}"
    elif interval is None or not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        fix = "give the task in system.py a `margin`, or another `metric`"
        return Verdict("refused", f"the evaluation gives no interval of the difference in {rule.metric}: {fix}")
    else:
        least = min(rule.gain(interval.low), rule.gain(interval.high))
        won, how = least > 0, f"95 % interval {interval.low:+.4f} .. {interval.high:+.4f}"
    found = f"{rule.metric} {ours - theirs:+.4f} ({ours:.4f} against {theirs:.4f}), {how}"
    text = f"{found}: {'promoted' if won else 'kept the champion'}{of_other_data(challenger, champion)}"
    return Verdict("promoted", text) if won else Verdict("kept", text, warning=True)


def of_other_data(challenger: Scored, champion: Scored) -> str:
    """Words for a champion that was trained on another kind of data than its challenger; both scored the same rows."""
    if champion.data == challenger.data:
        return ""
    if champion.data == UNKNOWN:
        return "; whether the champion was trained on real or generated data is not known"
    return f"; the champion was trained on {champion.data} data"
