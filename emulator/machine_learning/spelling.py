"""Names in the two spellings that clients send: YAML's in the steps of pipelines, ARM's everywhere else."""

from __future__ import annotations

from typing import Any


def camel(given: dict[str, Any]) -> dict[str, Any]:
    """`max_total_trials` is `maxTotalTrials`."""
    return {
        name.split("_")[0] + "".join(part.title() for part in name.split("_")[1:]): value
        for name, value in given.items()
    }
