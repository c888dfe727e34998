"""Probes of deployments: Azure's settings and what watches a container here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.containers.specification import Probe
from emulator.errors import ServiceError
from emulator.machine_learning.durations import seconds
from emulator.online_endpoints.deployments.serving import ServingRoute

# https://learn.microsoft.com/azure/machine-learning/reference-yaml-deployment-managed-online#probesettings
DEFAULTS: Mapping[str, Any] = {
    "failureThreshold": 30,
    "initialDelay": "PT10S",
    "period": "PT10S",
    "successThreshold": 1,
    "timeout": "PT2S",
}
DURATIONS = ("initialDelay", "period", "timeout")
# Nobody asked for the default pace: a readiness that is looked for every second is found sooner.
EAGER_SECONDS = 1.0


def complete_probe(properties: dict[str, Any], name: str) -> bool:
    """Fills in what a probe does not say; whether the request said anything.

    Raises:
        ServiceError: 400, a value is no duration or not positive.
    """
    given = properties.get(name)
    probe = {**DEFAULTS, **{key: value for key, value in (given or {}).items() if value is not None}}
    for key in DURATIONS:
        try:
            seconds(str(probe[key]))
        except ValueError as error:
            raise ServiceError(400, "BadArgument", f"'{name}.{key}': {error}.", target=f"{name}.{key}") from None
    for key in ("failureThreshold", "successThreshold"):
        if not isinstance(probe[key], int) or probe[key] < 1:
            message = f"'{name}.{key}' must be a whole number of at least 1, not {probe[key]!r}."
            raise ServiceError(400, "BadArgument", message, target=f"{name}.{key}")
    properties[name] = probe
    return bool(given)


def to_probe(settings: Mapping[str, Any], route: ServingRoute, *, eager: bool = False) -> Probe:
    """The probe of a route; `eager` probes every second for as long as the settings would."""
    delay, period = seconds(settings["initialDelay"]), seconds(settings["period"])
    failures = int(settings["failureThreshold"])
    if eager:
        failures = max(1, round((delay + period * failures) / EAGER_SECONDS))
        delay, period = 0.0, EAGER_SECONDS
    timeout, successes = seconds(settings["timeout"]), int(settings["successThreshold"])
    return Probe(route.path, route.port, "http", delay, period, timeout, failures, successes)


def patience(probe: Probe) -> float:
    """Seconds after which a container that was never ready is given up."""
    return probe.initial_delay + probe.failure_threshold * probe.period + probe.timeout
