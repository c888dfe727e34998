"""What a sweep job asks for, read from ARM's spelling or from a pipeline step's, and refused when it cannot work."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from emulator.errors import ServiceError, unsupported
from emulator.machine_learning.durations import seconds
from emulator.machine_learning.spelling import camel

DEFAULT_TRIALS = 1000
KINDS = {
    "choice": ("values",),
    "randint": ("upper",),
    "uniform": ("min_value", "max_value"),
    "quniform": ("min_value", "max_value", "q"),
    "loguniform": ("min_value", "max_value"),
    "qloguniform": ("min_value", "max_value", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
}
"""The arguments of each distribution, in the order in which ARM has them."""
BAYESIAN = frozenset({"choice", "uniform", "quniform"})
POLICIES = ("bandit", "medianstopping", "truncationselection")


@dataclass(frozen=True)
class Distribution:
    """Where the values of one hyperparameter come from; of a choice the arguments are its values."""

    kind: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Policy:
    """When a trial is ended early; intervals are counted in reports of the primary metric."""

    kind: str
    interval: int = 1
    delay: int = 0
    slack_factor: float | None = None
    slack_amount: float | None = None
    percentage: int = 0


@dataclass(frozen=True)
class Sweep:
    """A sweep, whoever submitted it."""

    space: dict[str, Distribution]
    sampling: str
    metric: str
    maximize: bool
    trials: int
    concurrent: int
    timeout: float | None = None
    trial_timeout: str | None = None
    policy: Policy | None = None
    seed: int | None = None
    sobol: bool = False


def read_sweep(properties: dict[str, Any]) -> Sweep:
    """A sweep from the properties of its job.

    Raises:
        ServiceError: 400, or 501 for what is not done here; the message names the key.
    """
    space = {name: distribution(name, given) for name, given in (properties.get("searchSpace") or {}).items()}
    if not space:
        raise refusal("searchSpace", "needs at least one hyperparameter")
    sampling = properties.get("samplingAlgorithm") or {}
    algorithm = str(sampling.get("samplingAlgorithmType") or "random").lower()
    check_sampling(algorithm, space)
    objective = properties.get("objective") or {}
    goal = str(objective.get("goal") or "").lower()
    if not objective.get("primaryMetric") or goal not in ("maximize", "minimize"):
        raise refusal("objective", "needs a 'primaryMetric' and a 'goal', Maximize or Minimize")
    limits = properties.get("limits") or {}
    trials = int(limits.get("maxTotalTrials") or DEFAULT_TRIALS)
    if algorithm == "grid":
        trials = min(trials, math.prod(len(one.arguments) for one in space.values()))
    concurrent = int(limits.get("maxConcurrentTrials") or trials)
    if trials < 1 or concurrent < 1:
        raise refusal("limits", "'maxTotalTrials' and 'maxConcurrentTrials' must be at least 1")
    try:
        timeout = seconds(limits["timeout"]) if limits.get("timeout") else None
        seconds(limits["trialTimeout"]) if limits.get("trialTimeout") else None
    except ValueError as error:
        raise refusal("limits", f"has a duration that is none: {error}") from None
    return Sweep(
        space=space,
        sampling=algorithm,
        metric=str(objective["primaryMetric"]),
        maximize=goal == "maximize",
        trials=trials,
        concurrent=concurrent,
        timeout=timeout,
        trial_timeout=limits.get("trialTimeout"),
        policy=policy(properties.get("earlyTermination")),
        seed=sampling.get("seed"),
        sobol=str(sampling.get("rule") or "").lower() == "sobol",
    )


def distribution(name: str, given: Any) -> Distribution:
    """One entry of the search space: `["uniform", [0, 1]]`."""
    target = f"searchSpace.{name}"
    if not isinstance(given, list | tuple) or len(given) != 2 or str(given[0]).lower() not in KINDS:
        raise refusal(target, f"must be a distribution, one of {', '.join(KINDS)}, and its arguments")
    kind, arguments = str(given[0]).lower(), list(given[1])
    if kind == "choice":
        values = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list | tuple) else arguments
        if not values:
            raise refusal(target, "has no value to choose")
        if any(isinstance(value, dict) for value in values):
            raise unsupported(f"A choice between groups of hyperparameters ({target})")
        return Distribution(kind, tuple(values))
    if len(arguments) != len(KINDS[kind]) or not all(isinstance(one, int | float) for one in arguments):
        raise refusal(target, f"needs the numbers {', '.join(KINDS[kind])}, not {arguments}")
    if kind == "randint" and arguments[0] < 1:
        raise refusal(target, f"needs an upper bound of at least 1, not {arguments[0]}")
    if "min_value" in KINDS[kind] and arguments[0] > arguments[1]:
        raise refusal(target, f"has min_value {arguments[0]} above max_value {arguments[1]}")
    return Distribution(kind, tuple(arguments))


def check_sampling(algorithm: str, space: dict[str, Distribution]) -> None:
    """What a way of sampling can sample from, as Azure has it."""
    allowed = {"grid": frozenset({"choice"}), "bayesian": BAYESIAN, "random": frozenset(KINDS)}
    if algorithm not in allowed:
        raise refusal("samplingAlgorithm", f"must be Grid, Random or Bayesian, not '{algorithm}'")
    for name, one in space.items():
        if one.kind not in allowed[algorithm]:
            kinds = ", ".join(sorted(allowed[algorithm]))
            raise refusal(f"searchSpace.{name}", f"is '{one.kind}', but {algorithm} sampling takes {kinds}")


def policy(given: dict[str, Any] | None) -> Policy | None:
    """A policy of early termination."""
    if not given:
        return None
    kind = str(given.get("policyType") or "").lower()
    if kind not in POLICIES:
        message = f"must be Bandit, MedianStopping or TruncationSelection, not '{given.get('policyType')}'"
        raise refusal("earlyTermination.policyType", message)
    factor, amount = given.get("slackFactor") or None, given.get("slackAmount") or None
    if kind == "bandit" and (factor is None) == (amount is None):
        raise refusal("earlyTermination", "needs one of 'slackFactor' and 'slackAmount'")
    percentage = int(given.get("truncationPercentage") or 0)
    if kind == "truncationselection" and not 1 <= percentage <= 99:
        raise refusal("earlyTermination.truncationPercentage", f"must be from 1 to 99, not {percentage}")
    interval = max(1, int(given.get("evaluationInterval") or 1))
    return Policy(kind, interval, int(given.get("delayEvaluation") or 0), factor, amount, percentage)


def from_step(step: dict[str, Any]) -> dict[str, Any]:
    """The properties of a sweep job from those of a pipeline's step, which are spelled as in YAML."""
    sampling = step.get("sampling_algorithm") or "random"
    sampling = {"type": sampling} if isinstance(sampling, str) else sampling
    limits, objective = camel(step.get("limits") or {}), camel(step.get("objective") or {})
    for name in ("timeout", "trialTimeout"):
        if isinstance(limits.get(name), int | float):
            limits[name] = f"PT{limits[name]}S"
    ending = camel(step.get("early_termination") or {})
    if "type" in ending:
        ending["policyType"] = ending.pop("type")
    if ending:
        ending["policyType"] = str(ending["policyType"]).replace("_", "")
    named = camel(sampling)
    return {
        "searchSpace": {name: listed(given) for name, given in (step.get("search_space") or {}).items()},
        "samplingAlgorithm": {
            **named,
            "samplingAlgorithmType": named.get("samplingAlgorithmType") or named.get("type"),
        },
        "objective": objective,
        "limits": limits,
        "earlyTermination": ending or None,
    }


def listed(given: Any) -> Any:
    """A distribution in ARM's spelling; `{"type": "uniform", "min_value": 0, "max_value": 1}` is YAML's."""
    if not isinstance(given, dict):
        return given
    kind = str(given.get("type"))
    arguments = [given.get(name) for name in KINDS.get(kind, ())]
    return [kind, arguments]


def refusal(target: str, message: str) -> ServiceError:
    """400 for a sweep that cannot work."""
    return ServiceError(400, "UserError", f"'{target}' of the sweep {message}.", target=target)
