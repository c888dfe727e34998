"""The model that a gate lets through, in the one form that everything after the gate sees.

A challenger that wins is described by what its evaluation found; once it serves, by what was registered with it. Both
give the same values, so a gate that keeps the champion changes nothing downstream.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml.clients.models import ModelRecord
from ml.identity.values import Properties, plain

DIGITS = 6
PROVENANCE = ("data", "job", "commit")
DATA_SOURCE = "dataSource"
PROMOTED_FROM = "promotedFrom"
"""The stack and the version there that a model was promoted from, `dev:7`; of no model that was trained here."""


class UnusableModel(ValueError):
    """A registered version lacks what this project registers with a model; the message names it."""


@dataclass(frozen=True)
class Winner:
    """A model: digest of its `model.onnx`, the folder it lies in, its figures on the holdout set, where it is from."""

    sha256: str
    model: str
    uri: str
    metrics: Mapping[str, float]
    data: str
    job: str
    commit: str
    data_source: str = ""
    """`real`, `generated` or `unknown`; empty for a version that was registered before anybody noted it."""
    promoted_from: str = ""
    """`dev:7`; empty for one that was trained in this workspace."""

    @property
    def outputs(self) -> Properties:
        """What a gate puts out about it."""
        noted = {DATA_SOURCE: self.data_source, PROMOTED_FROM: self.promoted_from}
        origin = {"data": self.data, "job": self.job, "commit": self.commit}
        return {
            "sha256": self.sha256,
            "source": {"uri": self.uri, "model": self.model, "job": self.job},
            "metrics": canonical(self.metrics),
            "provenance": {**origin, **{name: value for name, value in noted.items() if value}},
        }


def canonical(metrics: Mapping[str, float]) -> dict[str, float]:
    """Figures by name, rounded to 6 digits. A figure that is no number is left out: nobody can compare with it."""
    rounded = {name: round(float(metrics[name]), DIGITS) for name in sorted(metrics)}
    found: dict[str, float] = plain({name: value for name, value in rounded.items() if math.isfinite(value)})
    return found


def to_properties(system: str, outputs: Mapping[str, Any]) -> dict[str, str]:
    """A gate's outputs as properties of a model version, which never change."""
    noted = {name: outputs["provenance"].get(name) for name in (DATA_SOURCE, PROMOTED_FROM)}
    return {
        "sha256": outputs["sha256"],
        "system": system,
        "source": outputs["source"]["uri"],
        "metrics": json.dumps(canonical(outputs["metrics"]), separators=(",", ":")),
        "golden": "true",
        **{name: str(outputs["provenance"][name]) for name in PROVENANCE},
        **{name: str(value) for name, value in noted.items() if value},
    }


def from_record(model: str, record: ModelRecord) -> Winner:
    """A registered version.

    Raises:
        UnusableModel: it was not registered by this project, or somebody changed what was registered.
    """
    properties = record.properties
    missing = [name for name in ("sha256", "source", "metrics", *PROVENANCE) if not properties.get(name)]
    if missing:
        raise UnusableModel(f"version {record.version} of {model} has no property {', '.join(missing)}")
    try:
        metrics = canonical(json.loads(properties["metrics"]))
    except (ValueError, TypeError, AttributeError, LookupError):
        raise UnusableModel(
            f"version {record.version} of {model}: the property metrics is no JSON object of figures: "
            f"{properties['metrics'][:100]}"
        ) from None
    data, job, commit = (properties[name] for name in PROVENANCE)
    noted = [properties.get(name, "") for name in (DATA_SOURCE, PROMOTED_FROM)]
    return Winner(properties["sha256"], model, properties["source"], metrics, data, job, commit, *noted)


def promoted_version(provenance: Mapping[str, Any]) -> int | None:
    """The number that a promoted model keeps, because its image says it too; None of a model that was trained here."""
    label = str(provenance.get(PROMOTED_FROM) or "")
    return int(label.rpartition(":")[2]) if label else None
