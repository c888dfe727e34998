"""Which trials are ended early. A trial's history is what it reported of the primary metric, a value an interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, median

from emulator.machine_learning.sweeps.specification import Policy

Histories = Mapping[str, Sequence[float]]


def doomed(policy: Policy, maximize: bool, histories: Histories, running: set[str]) -> set[str]:
    """Running trials that a policy ends now.

    Each is looked at as of the last interval at which the policy applies, against all trials that have come as far.
    """
    sign = 1 if maximize else -1
    turned = {name: [sign * value for value in values] for name, values in histories.items()}
    return {name for name in running if name in turned and ends(policy, name, turned)}


def ends(policy: Policy, name: str, histories: Mapping[str, Sequence[float]]) -> bool:
    """Whether one trial is to be ended; here more is always better."""
    interval = len(histories[name]) // policy.interval * policy.interval
    if interval < max(policy.delay, 1):
        return False
    reached = {one: values[:interval] for one, values in histories.items() if len(values) >= interval}
    own = max(reached[name])
    if policy.kind == "bandit":
        best = max(max(values) for values in reached.values())
        if policy.slack_amount is not None:
            return own < best - policy.slack_amount
        # A figure that is minimized is negative here: its slack multiplies where that of a positive one divides.
        factor = policy.slack_factor or 0.0
        return own < (best / (1 + factor) if best >= 0 else best * (1 + factor))
    if policy.kind == "medianstopping":
        return own < median(mean(values) for values in reached.values())
    ranked = sorted(reached, key=lambda one: (reached[one][-1], one))
    return name in ranked[: len(ranked) * policy.percentage // 100]
