"""Sweeps: which values trials get, and which are ended early."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.errors import ServiceError
from emulator.machine_learning.sweeps.sampling import Tried, values_of
from emulator.machine_learning.sweeps.specification import Policy, Sweep, from_step, read_sweep
from emulator.machine_learning.sweeps.termination import doomed

OBJECTIVE = {"primaryMetric": "loss", "goal": "Minimize"}


def sweep(space: dict[str, Any], algorithm: str = "Random", **more: Any) -> Sweep:
    sampling = {"samplingAlgorithmType": algorithm, **more.pop("sampling", {})}
    return read_sweep({"searchSpace": space, "samplingAlgorithm": sampling, "objective": OBJECTIVE, **more})


def test_grid_is_every_combination_once() -> None:
    grid = sweep({"a": ["choice", [[1, 2]]], "b": ["choice", [["x", "y", "z"]]]}, "Grid")
    assert grid.trials == 6
    tried = [tuple(values_of(grid, "job", number, []).values()) for number in range(6)]
    assert sorted(tried) == [(a, b) for a in (1, 2) for b in "xyz"]


@pytest.mark.parametrize(
    ("given", "low", "high"),
    [
        (["uniform", [-1, 1]], -1, 1),
        (["quniform", [0, 10, 5]], 0, 10),
        (["loguniform", [-3, 0]], 0.049, 1),
        (["randint", [4]], 0, 3),
        (["normal", [0, 1]], -6, 6),
        (["qlognormal", [0, 1, 2]], 0, 400),
    ],
)
@pytest.mark.parametrize("rule", ["random", "sobol"])
def test_random_values_are_inside_and_repeat(given: Any, low: float, high: float, rule: str) -> None:
    one = sweep({"x": given}, sampling={"rule": rule})
    values = [values_of(one, "job", number, [])["x"] for number in range(20)]
    assert all(low <= value <= high for value in values)
    assert len(set(values)) > 1
    assert values == [values_of(one, "job", number, [])["x"] for number in range(20)], "a restart tries the same"
    if "q" in given[0][:1]:
        assert all(value % given[1][-1] == 0 for value in values)
    if given[0] == "randint":
        assert all(isinstance(value, int) for value in values)


def test_sobol_leaves_no_gap() -> None:
    one = sweep({"x": ["uniform", [0, 1]]}, sampling={"rule": "sobol", "seed": 1})
    values = [values_of(one, "job", number, [])["x"] for number in range(8)]
    assert {int(value * 8) for value in values} == set(range(8))


def test_bayesian_sampling_learns() -> None:
    one = sweep({"x": ["uniform", [0, 1]], "kind": ["choice", [["good", True]]]}, "Bayesian", sampling={"seed": 3})
    tried: list[Tried] = []
    for number in range(40):
        values = values_of(one, "job", number, tried)
        score = (values["x"] - 0.25) ** 2 + (values["kind"] != "good")
        tried.append(Tried(values, score, ended=True))
    late = [one for one in tried[25:] if one.values["kind"] == "good"]
    assert len(late) > 10, "of two choices the better one"
    assert sum(abs(one.values["x"] - 0.25) for one in late) / len(late) < 0.15, "a random one is 0.31 away"
    assert values_of(one, "job", 0, [Tried({"x": 0.5, "kind": True}, None, ended=False)])["kind"] in ("good", True)


HISTORIES = {"best": [0.5, 0.8], "middle": [0.5, 0.7], "worst": [0.4, 0.5], "young": [0.1]}
RUNNING = set(HISTORIES)


@pytest.mark.parametrize(
    ("policy", "ended"),
    [
        (Policy("bandit", interval=2, slack_factor=0.2), {"worst"}),
        (Policy("bandit", interval=2, slack_amount=0.05), {"worst", "middle"}),
        (Policy("bandit", slack_amount=0.05), {"worst", "middle", "young"}),
        (Policy("bandit", delay=3, slack_amount=0.05), set()),
        (Policy("medianstopping", interval=2), {"worst"}),
        (Policy("truncationselection", interval=2, percentage=40), {"worst"}),
        (Policy("truncationselection", interval=2, percentage=30), set()),
    ],
)
def test_policies_end_the_right_trials(policy: Policy, ended: set[str]) -> None:
    assert doomed(policy, True, HISTORIES, RUNNING) == ended
    losses = {name: [1 - value for value in values] for name, values in HISTORIES.items()}
    if policy.slack_factor is None:
        assert doomed(policy, False, losses, RUNNING) == ended
    assert doomed(policy, True, HISTORIES, {"best"}) == set(), "what has ended cannot be ended"


def test_slack_of_what_is_minimized_is_above_the_best() -> None:
    histories = {"best": [1.0], "near": [1.15], "far": [1.25]}
    assert doomed(Policy("bandit", slack_factor=0.2), False, histories, set(histories)) == {"far"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"searchSpace": {}}, "'searchSpace' of the sweep needs at least one"),
        ({"searchSpace": {"x": ["uniform", [0]]}}, "needs the numbers min_value, max_value"),
        ({"searchSpace": {"x": ["uniform", [2, 1]]}}, "min_value 2 above max_value 1"),
        ({"searchSpace": {"x": ["guess", [1]]}}, "'searchSpace.x' of the sweep must be a distribution"),
        ({"samplingAlgorithm": {"samplingAlgorithmType": "Grid"}}, "grid sampling takes choice"),
        ({"objective": {"primaryMetric": "loss"}}, "'goal', Maximize or Minimize"),
        ({"earlyTermination": {"policyType": "Bandit"}}, "'slackFactor' and 'slackAmount'"),
        ({"earlyTermination": {"policyType": "TruncationSelection"}}, "from 1 to 99, not 0"),
        ({"limits": {"timeout": "soon"}}, "a duration that is none"),
    ],
)
def test_what_cannot_work_is_refused_by_key(change: dict[str, Any], message: str) -> None:
    given = {"searchSpace": {"x": ["uniform", [0, 1]]}, "objective": OBJECTIVE, **change}
    with pytest.raises(ServiceError, match=message.replace("(", r"\(")):
        read_sweep(given)


def test_step_of_a_pipeline_says_the_same() -> None:
    step = {
        "search_space": {"c": {"type": "quniform", "min_value": 0, "max_value": 4, "q": 2}, "k": ["choice", [["a"]]]},
        "sampling_algorithm": {"type": "random", "seed": 7},
        "objective": {"goal": "maximize", "primary_metric": "f1"},
        "limits": {"max_total_trials": 5, "max_concurrent_trials": 3, "timeout": 7200, "trial_timeout": 60},
        "early_termination": {"policy_type": "median_stopping", "evaluation_interval": 2},
    }
    found = read_sweep(from_step(step))
    assert (found.metric, found.maximize, found.trials, found.concurrent) == ("f1", True, 5, 3)
    assert (found.timeout, found.trial_timeout, found.seed) == (7200, "PT60S", 7)
    assert found.policy == Policy("medianstopping", interval=2)
    assert found.space["c"].arguments == (0, 4, 2)
