"""What a test knows of a served system: keys, addresses, the models' own answers, and what the endpoint says."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from tests.local.checkout import Checkout
from tools.load import Answer, Load, Row

ENDPOINTS = "microsoft.machinelearningservices/workspaces/onlineendpoints"
DEPLOYMENTS = f"{ENDPOINTS}/deployments"
GROUPS = "microsoft.containerinstance/containergroups"
MODEL = "bike-buyer"
FETCH = """
import json, sys
from pathlib import Path
from ml.clients.models import Models
from ml.clients.workspace import Workspace
version, folder, *names = sys.argv[1:]
print(Models(Workspace(*names), "bike-buyer").files(int(version), Path(folder)))
"""


class CheckedLoad(Load):
    """Clients of the bike buyer, whose answers can be held against those of the models."""

    def wrong(self, right: Callable[[int, int], float], tolerance: float = 1e-5) -> list[Answer]:
        """Answers that differ from `right(version, row)`."""
        good = [answer for answer in self.answers if not answer.problem]
        return [one for one in good if abs(one.result["probability"] - right(one.version, one.row)) > tolerance]


class Service:
    """The bike buyer's endpoint in a checkout."""

    def __init__(self, checkout: Checkout, folder: Path) -> None:
        self.checkout = checkout
        self.folder = folder
        self._right: dict[int, list[float]] = {}

    @property
    def authority(self) -> Path:
        """The emulator's certificate."""
        return self.checkout.folder / ".emulator" / "ca.pem"

    @cached_property
    def key(self) -> str:
        """What `make key` prints."""
        return self.checkout.in_system("key").strip()

    @cached_property
    def uri(self) -> str:
        """Where it scores, asked for once: the stack does not say it after an `up` in which the rollout failed."""
        return str(self.checkout.outputs()["scoringUri"])

    @cached_property
    def rows(self) -> list[Row]:
        """Rows to ask about: the committed example, and variations of it."""
        example = json.loads(self.checkout.folder.joinpath("ml/systems/bike_buyer/request.json").read_text())["data"][0]
        return [
            {**example, "Age": age, "YearlyIncome": income, "NumberCarsOwned": cars}
            for age in (22, 38, 61)
            for income in (20_000, 90_000)
            for cars in (0, 3)
        ]

    def load(self, **options: Any) -> CheckedLoad:
        """Clients of the endpoint, not yet started."""
        return CheckedLoad(self.uri, self.key, self.authority, self.rows, **options)

    def right(self, version: int, row: int) -> float:
        """What the registered model of a version says to a row, by onnxruntime itself."""
        if version not in self._right:
            self._right[version] = self._answers(self.files(version) / "model.onnx")
        return self._right[version][row]

    def files(self, version: int) -> Path:
        """The registered files of a version."""
        platform = json.loads(self.checkout.pulumi("stack output platform --json -s local"))
        names = [platform["subscriptionId"], platform["resourceGroup"], platform["workspace"]]
        folder = self.folder / f"model-{version}"
        folder.mkdir(exist_ok=True)
        return Path(self.checkout.script(FETCH, str(version), str(folder), *names).strip().splitlines()[-1])

    def _answers(self, model: Path) -> list[float]:
        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        inputs = {}
        for one in session.get_inputs():
            values = [[row[one.name]] for row in self.rows]
            inputs[one.name] = np.array(values, dtype=object if "string" in one.type else np.float32)
        return [float(value) for value in np.ravel(session.run(["probability"], inputs)[0])]

    # -- what the cloud says

    def traffic(self) -> dict[str, int]:
        """Percent by deployment, those with 0 left out."""
        rows = self.checkout.rows(ENDPOINTS)
        found = (rows[0][1]["properties"].get("traffic") or {}) if rows else {}
        return {name: share for name, share in found.items() if share}

    def deployments(self) -> list[str]:
        """Deployments of the endpoint."""
        return [name for name, _ in self.checkout.rows(DEPLOYMENTS)]

    def staged(self) -> list[str]:
        """Container groups of staging."""
        return [name for name, _ in self.checkout.rows(GROUPS)]

    def champion(self) -> int | None:
        """The version the model's tag names."""
        rows = dict(self.checkout.rows("microsoft.machinelearningservices/workspaces/models"))
        tag = rows.get(MODEL, {}).get("properties", {}).get("tags", {}).get("champion")
        return int(tag) if tag else None

    def version_page(self, serving: str) -> dict[str, Any]:
        """`/version` of the running service."""
        import http.client
        import ssl
        from urllib.parse import urlsplit

        address = urlsplit(serving)
        context = ssl.create_default_context(cafile=str(self.authority))
        connection = http.client.HTTPSConnection(address.hostname or "", address.port, context=context)
        connection.request("GET", "/version", headers={"authorization": f"Bearer {self.key}"})
        found: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return found


def at_share(service: Service, share: int) -> Callable[[], bool]:
    """Whether some deployment gets exactly this share beside another."""
    return lambda: share in service.traffic().values()
