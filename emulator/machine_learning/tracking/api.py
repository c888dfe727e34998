"""MLflow's REST interface, as far as the emulator asks it about what clients wrote."""

from __future__ import annotations

from typing import Any

from emulator.machine_learning.tracking.server import TrackingServer

PAGE = 1000


class Api:
    """Questions to MLflow's server; None where it has no such thing."""

    def __init__(self, server: TrackingServer) -> None:
        self.server = server

    def run(self, run_id: str) -> dict[str, Any] | None:
        """A run with its info and data."""
        return self._read("runs/get", "run", run_id=run_id)

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        """Gives a run a tag."""
        self.server.call("POST", "runs/set-tag", json={"run_id": run_id, "key": key, "value": value})

    def experiment_name(self, experiment_id: str) -> str:
        """An experiment's name, which is what Azure ML calls it by."""
        found = self._read("experiments/get", "experiment", experiment_id=experiment_id) or {}
        return str(found.get("name", "Default"))

    def registered_model(self, name: str) -> dict[str, Any] | None:
        """A model of the registry."""
        return self._read("registered-models/get", "registered_model", name=name)

    def model_versions(self, name: str) -> list[dict[str, Any]]:
        """All versions of a model of the registry."""
        quoted = name.replace("'", "\\'")
        found = self.server.call(
            "GET", "model-versions/search", params={"filter": f"name='{quoted}'", "max_results": PAGE}
        )
        versions: list[dict[str, Any]] = (found or {}).get("model_versions", [])
        return versions

    def mark_model(self, name: str, key: str, value: str) -> None:
        """Gives a model of the registry a tag."""
        self.server.call("POST", "registered-models/set-tag", json={"name": name, "key": key, "value": value})

    def logged_model_uri(self, model_id: str) -> str | None:
        """Where the files of a logged model are."""
        found = self._read(f"logged-models/{model_id}", "model")
        return str(found["info"]["artifact_uri"]) if found else None

    def metric_history(self, run_id: str, metric: str) -> list[float]:
        """All that a run has reported of a metric, in the order of steps and time; empty when nothing."""
        parameters = {"run_id": run_id, "metric_key": metric}
        found = self.server.call("GET", "metrics/get-history", params=parameters, missing=True) or {}
        metrics = sorted(found.get("metrics", []), key=lambda one: (int(one.get("step", 0)), int(one["timestamp"])))
        return [float(one["value"]) for one in metrics]

    def _read(self, path: str, noun: str, /, **parameters: str) -> dict[str, Any] | None:
        found = self.server.call("GET", path, params=parameters, missing=True)
        value: dict[str, Any] | None = (found or {}).get(noun)
        return value
