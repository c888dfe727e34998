"""The values that a trial tries. A trial's values follow from the sweep and its number, so a restart repeats them."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from emulator.machine_learning.sweeps.specification import Distribution, Sweep

Values = dict[str, Any]
MARGIN = 1e-9
"""Keeps a share out of 0 and 1, where a normal distribution has no value."""


@dataclass(frozen=True)
class Tried:
    """A trial that was begun: its values, and its score once it has one."""

    values: Values
    score: float | None
    ended: bool


def values_of(sweep: Sweep, name: str, number: int, tried: Sequence[Tried]) -> Values:
    """What trial `number` of the sweep job `name` tries; Bayesian sampling learns from those before."""
    if sweep.sampling == "grid":
        found = next(
            itertools.islice(itertools.product(*(one.arguments for one in sweep.space.values())), number, None)
        )
        return dict(zip(sweep.space, found, strict=True))
    if sweep.sampling == "bayesian":
        return bayesian(sweep, name, number, tried)
    return {
        key: at(one, share) for (key, one), share in zip(sweep.space.items(), shares(sweep, name, number), strict=True)
    }


def shares(sweep: Sweep, name: str, number: int) -> list[float]:
    """A share from 0 to 1 for each hyperparameter: at random, or by Sobol's sequence, which leaves no gaps."""
    if not sweep.sobol:
        generator = random.Random(f"{sweep.seed if sweep.seed is not None else name}/{number}")  # noqa: S311 - no secret
        return [generator.random() for _ in sweep.space]
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(sweep.space), scramble=True, rng=seed_of(sweep, name))
    if number:  # by none it would be an error
        sequence.fast_forward(number)
    return [float(share) for share in sequence.random(1)[0]]


def at(distribution: Distribution, share: float) -> Any:
    """The value below which this share of a distribution lies."""
    kind, arguments = distribution.kind, distribution.arguments
    if kind == "choice":
        return arguments[min(int(share * len(arguments)), len(arguments) - 1)]
    if kind == "randint":
        return min(int(share * arguments[0]), int(arguments[0]) - 1)
    first, second = float(arguments[0]), float(arguments[1])
    if "normal" in kind:
        value = NormalDist(first, second).inv_cdf(min(max(share, MARGIN), 1 - MARGIN)) if second else first
    else:
        value = first + share * (second - first)
    if "log" in kind:
        value = math.exp(value)
    return round(value / arguments[2]) * arguments[2] if kind.startswith("q") else value


def bayesian(sweep: Sweep, name: str, number: int, tried: Sequence[Tried]) -> Values:
    """What Optuna's TPE sampler suggests after what is known; trials that still run count as bad, so they spread."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {key: searched(one) for key, one in sweep.space.items()}
    sampler = optuna.samplers.TPESampler(seed=seed_of(sweep, name) + number, constant_liar=True)
    study = optuna.create_study(direction="maximize" if sweep.maximize else "minimize", sampler=sampler)
    for one in tried:
        inside = {key: within(sweep.space[key], one.values[key]) for key in sweep.space}
        state, value = optuna.trial.TrialState.RUNNING, None
        if one.ended:
            state = optuna.trial.TrialState.FAIL if one.score is None else optuna.trial.TrialState.COMPLETE
            value = one.score
        study.add_trial(optuna.trial.create_trial(state=state, value=value, params=inside, distributions=distributions))
    found = study.ask(distributions).params
    return {key: rounded(sweep.space[key], value) for key, value in found.items()}


def searched(one: Distribution) -> Any:
    """A distribution as Optuna has it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if one.kind == "choice":
        return CategoricalDistribution(list(range(len(one.arguments))))
    return FloatDistribution(float(one.arguments[0]), float(one.arguments[1]))


def within(one: Distribution, value: Any) -> Any:
    """A value as Optuna has it: a choice by its place, so that values of any type can be chosen."""
    if one.kind == "choice":
        return one.arguments.index(value)
    return min(max(float(value), float(one.arguments[0])), float(one.arguments[1]))


def rounded(one: Distribution, value: Any) -> Any:
    """Optuna's value as the trial's."""
    if one.kind == "choice":
        return one.arguments[value]
    return round(value / one.arguments[2]) * one.arguments[2] if one.kind == "quniform" else value


def seed_of(sweep: Sweep, name: str) -> int:
    """The seed that was given, or one that follows from the job's name."""
    return sweep.seed if sweep.seed is not None else random.Random(name).randrange(2**31)  # noqa: S311 - no secret
