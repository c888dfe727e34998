"""The life of a model: what bounds a job, what a gate asks, how a model comes in, who watches it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from policies.rule import (
    ALWAYS,
    PRODUCTION,
    PRODUCTION_ADVICE,
    STRICTER,
    Rule,
    Severity,
    Sources,
    Stack,
    Violation,
    must_be,
    must_have,
)
from policies.view import NotKnownYet, View

JOB, GATE, IMAGE, ROLLOUT = ("ml:TrainingJob",), ("ml:QualityGate",), ("ml:ContainerImage",), ("ml:Rollout",)
DATA = ("ml:DataVersion",)
ENDPOINT = ("machinelearningservices:OnlineEndpoint",)
FLOORS = Path(__file__).parents[1] / "floors.yaml"
MOST_MINUTES = 24 * 60
LEAST_STAGE_SECONDS = 300
"""Azure's figures of an endpoint are minutes late."""
MOST_FIRST_PERCENT = 20
MOST_MIRROR = 50
DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
DRIFT = "unfit_percent"
"""The figure that the alert on drift looks at, see infra/alerts.py."""


@cache
def floors() -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    """What each gate has to ask at least, by system and figure."""
    return dict(yaml.safe_load(FLOORS.read_text()))


def _time_limit(one: View) -> Iterator[str]:
    minutes = one.get("timeoutMinutes")
    if not minutes:
        yield "has no time limit: it may run, and be paid for, until somebody notices"
    elif minutes > MOST_MINUTES:
        yield f"may run for {minutes} minutes, at most {MOST_MINUTES} are meant"


def _has_floor(one: View) -> Iterator[str]:
    found: Mapping[str, Any] = one.get("floors", {})
    if not found:
        yield "has no floor: the first model gets through, whatever it is worth"
    elif one.get("metric") not in found:
        yield f"decides by {one.get('metric')}, but has no floor for it"


def _floor_kept(one: View) -> Iterator[str]:
    found: Mapping[str, Any] = one.get("floors", {})
    for figure, bound in floors().get(str(one.get("system")), {}).items():
        if figure not in found:
            yield f"asks nothing of {figure}, {_bound(bound)} is recorded"
        elif found[figure] < bound.get("at_least", found[figure]) or found[figure] > bound.get(
            "at_most", found[figure]
        ):
            yield f"asks for {figure} {found[figure]}, {_bound(bound)} is recorded"


def _bound(bound: Mapping[str, float]) -> str:
    return " and ".join(f"{word.replace('_', ' ')} {value}" for word, value in bound.items())


def _before(stack: Stack, one: View) -> set[str]:
    """URNs of all that is done before a resource."""
    by_urn = {other.urn: other for other in stack.resources}
    seen: set[str] = set()
    waiting = list(one.resource.depends_on)
    while waiting:
        urn = waiting.pop()
        if urn not in seen:
            seen.add(urn)
            waiting += by_urn[urn].resource.depends_on if urn in by_urn else ()
    return seen


def _gated(stack: Stack) -> Iterator[Violation]:
    gates = {one.urn: one.get("system") for one in stack.of(*GATE)}
    for one in stack.of(*ROLLOUT):
        passed = {gates[urn] for urn in _before(stack, one) if urn in gates}
        if one.get("system") not in passed:
            yield Violation(one.urn, "brings in a model that no quality gate has let through")


def _kept(stack: Stack) -> Iterator[Violation]:
    """Whatever is rolled out can be rolled back: somebody keeps its history, and purges it at last."""
    told = {one.get("system") for one in stack.of("ml:Retention")}
    for one in stack.of(*ROLLOUT):
        if one.get("system") not in told:
            yield Violation(one.urn, "nothing keeps the models and images that a rollback needs")


def _watched(stack: Stack) -> Iterator[Violation]:
    systems = {one.get("system") for one in stack.of("ml:ModelMonitor")}
    alerts = any(
        entry.get("metricMeasureColumn") == DRIFT and one.get("enabled", True)
        for one in stack.of("monitor:ScheduledQueryRule")
        for entry in one.get("criteria.allOf", ())
    )
    for one in stack.of(*ROLLOUT):
        if one.get("system") not in systems and not alerts:
            yield Violation(one.urn, "nothing notices when what the model is asked has drifted away")


def _traffic(one: View) -> Iterator[str]:
    shares = one.get("properties.traffic", {})
    total = sum(shares[name] for name in shares)
    if total not in (0, 100):
        yield f"traffic adds up to {total} percent, not 0 or 100"
    mirrored = one.get("properties.mirrorTraffic", {})
    if sum(mirrored[name] for name in mirrored) > MOST_MIRROR:
        yield f"more than {MOST_MIRROR} percent of the traffic is mirrored"


def _stages(one: View) -> Iterator[str]:
    stages = list(one.get("stages", ()))
    if not stages:
        yield "a new model gets all traffic at once"
    elif stages[0] > MOST_FIRST_PERCENT:
        yield f"a new model starts with {stages[0]} percent of the traffic, at most {MOST_FIRST_PERCENT} are meant"


def _stage_time(one: View) -> Iterator[str]:
    if one.get("stageSeconds", 0) < LEAST_STAGE_SECONDS:
        yield f"a stage is watched for {one.get('stageSeconds', 0)} seconds, less than Azure's figures are late"


def _image(one: View) -> Iterator[str]:
    if not DIGEST.fullmatch(str(one.get("image", ""))):
        yield f"serves {one.get('image')}, which may be another image tomorrow"


def _two(one: View) -> Iterator[str]:
    if one.get("target") != "container_group" and one.get("instances", 1) < 2:
        yield "one instance serves: while it restarts nothing answers"


def _tried(one: View) -> Iterator[str]:
    if not one.has("staging"):
        yield "a new image gets traffic without having answered its golden requests"


def _generated(one: View) -> Iterator[str]:
    if one.get("allowGenerated", False):
        yield "may train on generated data in the place of real data"


def _recorded(one: View) -> Iterator[str]:
    try:
        if not one.get("record"):
            yield "records no digest of its data: nobody can tell which rows made a model"
    except NotKnownYet:
        return


SYSTEM = "in ml/systems/<system>/system.py"
TIME_LIMIT = Rule(
    id="M-12",
    name="job-time-limit",
    title="A training job, an evaluation and a build end some day",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=(*JOB, *GATE, *IMAGE),
    fix="Write `jobMinutes: 60` below mlops:compute, or below compute of the system in mlops:systems",
    sources=Sources(
        page="https://learn.microsoft.com/azure/machine-learning/how-to-manage-optimize-cost#terminate-training-jobs"
    ),
    check=_time_limit,
)
HAS_FLOOR = Rule(
    id="M-13",
    name="gate-has-floor",
    title="A quality gate has a floor for the figure that it decides by",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=GATE,
    fix=f"Write floors={{…}} into the task {SYSTEM}",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/concept-model-management-and-deployment"),
    check=_has_floor,
)
FLOOR_KEPT = Rule(
    id="M-14",
    name="gate-floor-kept",
    title="No quality gate asks for less than is recorded",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=GATE,
    fix=f"Put the floor back {SYSTEM}, or lower it in policies/floors.yaml too, where its owner reviews it",
    check=_floor_kept,
)
GATED = Rule(
    id="M-02",
    name="gate-before-rollout",
    title="No model is rolled out that a quality gate has not let through",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    types=ROLLOUT,
    fix="Take version and digest from the gate, as ml/recipes/served_model.py does",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/concept-model-management-and-deployment"),
    stack_check=_gated,
)
TRAFFIC = Rule(
    id="M-03",
    name="traffic-adds-up",
    title="The traffic of an endpoint adds up",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=ENDPOINT,
    fix="Leave traffic to the rollout, which owns it: infra/scoring_endpoint.py declares none",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/how-to-safely-rollout-online-endpoints"),
    check=_traffic,
)
STAGES = Rule(
    id="M-04",
    name="rollout-in-stages",
    title="A new model gets a small share of the traffic first",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=ROLLOUT,
    fix="Write `stages: [10, 50]` below mlops:rollout, or below rollout of the system in mlops:systems",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/how-to-safely-rollout-online-endpoints"),
    check=_stages,
)
STAGE_TIME = Rule(
    id="M-15",
    name="rollout-watches",
    title="Each stage of a rollout is watched long enough to see something",
    severity=Severity.MEDIUM,
    levels=PRODUCTION,
    types=ROLLOUT,
    fix=f"Write `stageSeconds: 600` below mlops:rollout; {LEAST_STAGE_SECONDS} is the least",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/how-to-monitor-online-endpoints"),
    check=_stage_time,
)
TRIED = Rule(
    id="M-16",
    name="rollout-golden-requests",
    title="A new image answers its golden requests before it gets traffic",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=ROLLOUT,
    fix="Pass staging=platform.staging(…), as ml/recipes/served_model.py does",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/how-to-safely-rollout-online-endpoints"),
    check=_tried,
)
BY_DIGEST = Rule(
    id="M-06",
    name="image-by-digest",
    title="What serves is an image named by its digest",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=ROLLOUT,
    fix="Take the image from ContainerImage.image or ImportedImage.image",
    sources=Sources(
        benchmark=("DS-6",),
        page="https://learn.microsoft.com/azure/container-registry/container-registry-image-tag-version",
    ),
    check=_image,
)
TWO_INSTANCES = Rule(
    id="M-17",
    name="two-instances",
    title="A model in production is served by two machines at least",
    severity=Severity.MEDIUM,
    levels=PRODUCTION_ADVICE,
    types=ROLLOUT,
    fix="Write `instances: 2` below mlops:serving",
    sources=Sources(page="https://learn.microsoft.com/azure/reliability/reliability-machine-learning"),
    check=_two,
)
COLLECTED = Rule(
    id="O-03",
    name="service-collects-data",
    title="What a model is asked and answers is collected in production",
    severity=Severity.HIGH,
    levels=PRODUCTION,
    types=ROLLOUT,
    fix="Pass application_insights_id=platform.monitoring.application_insights_id, as ml/recipes/served_model.py does",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/concept-data-collection"),
    check=must_have("applicationInsightsId"),
)
WATCHED = Rule(
    id="M-01",
    name="monitor-per-service",
    title="Each model in production is watched for drift, and somebody is told",
    severity=Severity.HIGH,
    levels=PRODUCTION,
    types=ROLLOUT,
    fix="Add `operations` to mlops:platform, with mlops:operations: {alertEmails: […], driftPercent: 5}",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/concept-model-monitoring"),
    stack_check=_watched,
)
KEPT = Rule(
    id="M-18",
    name="history-kept",
    title="The history that a rollback needs is kept",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=ROLLOUT,
    fix="Declare a Retention of the system first, as ml/recipes/served_model.py does",
    stack_check=_kept,
)
REAL_DATA = Rule(
    id="M-19",
    name="real-data-in-production",
    title="No model in production is trained on generated data",
    severity=Severity.CRITICAL,
    levels=PRODUCTION,
    types=DATA,
    fix="Take mlops:allowGeneratedData out of the stack's file",
    check=_generated,
)
RECORDED = Rule(
    id="M-20",
    name="data-recorded",
    title="The data of a model is known by its digest",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=DATA,
    fix="Pass record=<folder>/data.lock, as ml/recipes/served_model.py does; `make lock-data` writes it",
    sources=Sources(benchmark=("DP-1",), page="https://learn.microsoft.com/azure/machine-learning/concept-data"),
    check=_recorded,
)
CURRENT_MODE = Rule(
    id="M-21",
    name="workspace-current-mode",
    title="A workspace speaks the present API, not that of 2020",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=("machinelearningservices:Workspace",),
    fix="Leave v1_legacy_mode=False in infra/workspace.py",
    sources=Sources(
        page="https://learn.microsoft.com/azure/machine-learning/how-to-configure-network-isolation-with-v2"
    ),
    check=must_be("v1LegacyMode", False, default=False),
)
