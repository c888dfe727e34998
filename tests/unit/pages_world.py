"""An emulator in this process with a small system in its store, and a browser that asks its page."""

from __future__ import annotations

import html
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.dispatch import Dispatcher
from emulator.http import Request, Response
from emulator.online_endpoints.service import OnlineEndpointsService
from emulator.service import Emulator
from emulator.settings import SUBSCRIPTION_ID
from emulator.store import Document

GROUP = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/rg"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/mlw"
COMPONENT = f"{GROUP}/providers/Microsoft.Insights/components/appi"
DATA = f"{WORKSPACE}/data/customers/versions/fb03ad00bd03"
JOB = f"{WORKSPACE}/jobs/bike-1"
LOSER = f"{WORKSPACE}/jobs/bike-0"
GATE = f"{WORKSPACE}/jobs/bike-gate-2"
MODEL = f"{WORKSPACE}/models/bike"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/oep-bike"
CONTAINERS = f"{GROUP}/providers/Microsoft.ContainerInstance/containerGroups/staging"
SHA = "c30bc89d4a9271029ba86feee85da007da986e4a9d548b9b2c7da2d36d358ac2"
SCRIPT = "<script>alert('x')</script>"
KEY, VARIABLE, INGESTION = "endpoint-key-canary", "variable-canary", "00000000-1111-2222-3333-ingestion-key"
SECRETS = (KEY, VARIABLE, INGESTION)


@dataclass
class Browser:
    """Asks the page as a browser on this machine would."""

    emulator: Emulator

    def __post_init__(self) -> None:
        routes = [route for service in self.emulator.services for route in service.routes()]
        self.dispatcher = Dispatcher(self.emulator, routes)

    def answer(self, path: str, *, method: str = "GET", host: str = "127.0.0.1", **headers: str) -> Response:
        """The whole answer."""
        from urllib.parse import parse_qsl, unquote

        where, _, query = path.partition("?")
        request = Request(
            method=method,
            host=host,
            path=unquote(where),
            raw_path=where,
            raw_query=query,
            base_url=f"http://{host}:1",
            query={name.lower(): value for name, value in parse_qsl(query)},
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        with request.body:
            return self.dispatcher.answer("http", request)

    def text(self, path: str, status: int = 200) -> str:
        """A page."""
        found = self.answer(path)
        assert isinstance(found.body, bytes)
        assert found.status == status, found.body.decode()
        return found.body.decode()

    def words(self, path: str) -> str:
        """What a person reads on a page."""
        return words(self.text(path))


def words(text: str) -> str:
    """Text without its markup, blanks as one."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def links(text: str) -> list[str]:
    """What a page refers to, in whatever element."""
    return [html.unescape(one) for one in re.findall(r"(?:href|src|action|srcset|poster|data)=\"([^\"]*)\"", text)]


def empty(emulator: Emulator) -> None:
    """Takes everything away."""
    with emulator.store.transaction():
        for document in emulator.store.below("/subscriptions"):
            emulator.store.delete(document.id)
    endpoints(emulator).metrics.forget(ENDPOINT)


def seed(emulator: Emulator) -> None:
    """A system with a champion that serves, a challenger that lost, and secrets that must not be seen."""
    with emulator.store.transaction():
        write(emulator)


def write(emulator: Emulator) -> None:
    """The documents, inside a transaction."""
    place: dict[str, Any] = {"location": "westeurope"}
    put(emulator, GROUP, place)
    put(emulator, WORKSPACE, place, workspaceId="w")
    put(emulator, f"{WORKSPACE}/data/customers", {}, isArchived=False)
    put(emulator, DATA, {}, tags={"source": "real"}, dataUri="azureml://datastores/d/paths/p")
    connection = f"InstrumentationKey={INGESTION};IngestionEndpoint=https://localhost/"
    component: dict[str, Any] = {"InstrumentationKey": INGESTION, "ConnectionString": connection, "AppId": "a"}
    put(emulator, COMPONENT, place, **component)
    reads = {"inputs": {"data": {"uri": DATA, "jobInputType": "uri_folder"}}}
    common: dict[str, Any] = {"experimentName": "bike", "jobType": "Command", "isArchived": False, **reads}
    tags = {"system": "bike", "kind": "training", "note": SCRIPT}
    hidden: dict[str, Any] = {"environmentVariables": {"WORD": VARIABLE}}
    put(emulator, JOB, {}, **common, **hidden, displayName=SCRIPT, status="Completed", tags=tags, description=SCRIPT)
    reason = "auc 0.8611 is below the champion's 0.8686; the champion stays"
    put(emulator, LOSER, {}, **common, displayName="bike-0", status="Completed", tags={"system": "bike"})
    verdict = {"system": "bike", "kind": "evaluation", "challenger": "bike-0", "verdict": "kept", "reason": reason}
    put(emulator, GATE, {}, **common, displayName="bike-gate-2", status="Failed", tags=verdict)
    put(emulator, MODEL, {}, tags={"champion": "1"}, isArchived=False)
    written = {"sha256": SHA, "job": "bike-1", "metrics": '{"auc": 0.868575, "accuracy": 0.79}'}
    served = {"system": "bike", "served": datetime.now(UTC).isoformat()}
    put(emulator, f"{MODEL}/versions/1", {}, properties=written, tags=served, isArchived=False)
    refused = {"system": "bike", "rejected": "sha256:beef", "rejected-reason": f"wrong golden answer {SCRIPT}"}
    put(emulator, f"{MODEL}/versions/2", {}, properties={"sha256": "ff" * 32}, tags=refused, isArchived=True)
    put(emulator, f"{WORKSPACE}/environments/scoring/versions/1", {}, image="acr.azurecr.localhost:1/bike:9f2c")
    private = {"keys": {"primaryKey": KEY, "secondaryKey": KEY}}
    shares: dict[str, Any] = {"authMode": "Key", "traffic": {"v1": 100}, "provisioningState": "Succeeded"}
    put(emulator, ENDPOINT, place, private=private, **shares)
    deployment: dict[str, Any] = {
        "provisioningState": "Succeeded",
        "environmentId": f"{WORKSPACE}/environments/scoring/versions/1",
        "environmentVariables": {"WORD": VARIABLE},
    }
    put(emulator, f"{ENDPOINT}/deployments/v1", {"tags": {"system": "bike", "sha256": SHA}}, **deployment)
    container: dict[str, Any] = {
        "image": "acr/bike:9f2c",
        "environmentVariables": [{"name": "WORD", "value": VARIABLE}],
    }
    group: dict[str, Any] = {
        "containers": [{"name": "scoring", "properties": container}],
        "provisioningState": "Succeeded",
    }
    put(emulator, CONTAINERS, place, **group)


def put(
    emulator: Emulator, resource_id: str, body: dict[str, Any], *, private: dict[str, Any] | None = None, **given: Any
) -> None:
    """Writes a document as a service would have."""
    emulator.store.put(Document(resource_id, {**body, "properties": given}, private or {"created": time.time()}))


def requests(emulator: Emulator, count: int, status: int = 200, model_status: int | None = None) -> None:
    """Requests that the endpoint has just answered."""
    for _ in range(count):
        endpoints(emulator).metrics.record(ENDPOINT, "v1", status, model_status, 0.012)


def endpoints(emulator: Emulator) -> OnlineEndpointsService:
    """The service that counts requests."""
    return emulator.services.get(OnlineEndpointsService)
