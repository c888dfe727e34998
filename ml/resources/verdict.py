"""What a gate decides about a challenger, from figures alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Scored:
    """A model as its evaluation saw it."""

    sha256: str
    metrics: Figures


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
    *,
    floors: Figures,
    metric: str,
    rejections: Mapping[str, str],
    lift: str = "",
) -> Verdict:
    """The verdict. Of every metric, more must be better.

    Floors apply to the challenger: a challenger below one never goes on. With another champion, that one stays; without
    one, or when the challenger is the champion itself (a floor was raised), nothing may go on and a person decides. A
    challenger that was rejected in a rollout never goes on. Then it must be strictly better than the champion.

    Args:
        floors: least value by metric; reaching it is enough.
        metric: what challenger and champion are compared by.
        rejections: why the challenger's model version was rejected, by image digest; empty when it was not.
        lift: the command that takes a rejection back.
    """
    unusable = unusable_figures(challenger, champion, [*floors, metric])
    if unusable:
        return Verdict("refused", unusable)
    same = champion is not None and champion.sha256 == challenger.sha256
    below = below_floors(challenger.metrics, floors)
    if below:
        return _below(below, champion, metric, same=same)
    if same:
        return Verdict("kept", f"the challenger is the champion: {metric} {challenger.metrics[metric]:.4f}")
    if rejections:
        return _rejected(rejections, champion, lift)
    return _compared(challenger.metrics[metric], champion.metrics[metric] if champion else None, metric)


def unusable_figures(challenger: Scored, champion: Scored | None, names: list[str]) -> str:
    """Which figure is missing or no number; empty when all can be used."""
    models = {"challenger": challenger, **({"champion": champion} if champion else {})}
    for role, model in models.items():
        for name in names:
            value = model.metrics.get(name)
            if value is None or isinstance(value, bool) or not math.isfinite(value):
                return f"the evaluation gives no usable {name} of the {role}: {value}"
    return ""


def below_floors(metrics: Figures, floors: Figures) -> str:
    """Every metric below its floor, with both figures; empty when there is none."""
    missed = {name: least for name, least in floors.items() if metrics[name] < least}
    return ", ".join(f"{name} {metrics[name]:.4f} is below the floor {least:g}" for name, least in missed.items())


def _below(below: str, champion: Scored | None, metric: str, *, same: bool) -> Verdict:
    if champion is None:
        return Verdict(
            "refused",
            f"{below}, and there is no champion to keep: train a better one, or lower the floor (FLOORS in system.py)",
        )
    if same:
        return Verdict(
            "refused",
            f"{below}: the champion itself does not reach it; train a better one, or lower the floor "
            "(FLOORS in system.py)",
        )
    return Verdict("kept", f"{below}; the champion stays ({metric} {champion.metrics[metric]:.4f})", warning=True)


def _rejected(rejections: Mapping[str, str], champion: Scored | None, lift: str) -> Verdict:
    reasons = "; ".join(dict.fromkeys(reason or "no reason given" for reason in rejections.values()))
    text = f"the challenger was rejected before ({reasons}): `{lift}` lifts that"
    if champion is None:
        return Verdict("refused", f"{text}, and there is no champion to keep")
    return Verdict("kept", f"{text}; the champion stays", warning=True)


def _compared(challenger: float, champion: float | None, metric: str) -> Verdict:
    if champion is None:
        return Verdict("promoted", f"{metric} {challenger:.4f}; there is no champion yet")
    if challenger > champion:
        return Verdict("promoted", f"{metric} {challenger:.4f} beats the champion's {champion:.4f}")
    word = "is below" if challenger < champion else "equals"
    text = f"{metric} {challenger:.4f} {word} the champion's {champion:.4f}"
    return Verdict("kept", f"{text}; the champion stays", warning=True)
