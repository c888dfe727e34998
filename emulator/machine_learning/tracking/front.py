"""What answers for `/mlflow`: MLflow's own server, one with the workspace.

What a client reads there is brought up to date first (`mirror`); what it writes into the registry or as a run is taken
over into the workspace before the client has its answer, so neither side ever knows more than the other.

A workspace has an address of its own, `/mlflow/v1.0/subscriptions/…/workspaces/<name>`, which says where a run or a
model belongs. azureml-mlflow asks the same paths as `v2.0` over TLS, with a token, and has no notion of
`mlflow-artifacts:`: it is told plain addresses instead.
"""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

from emulator.errors import not_found
from emulator.http import Request, Response
from emulator.machine_learning.identifiers import WORKSPACE
from emulator.machine_learning.tracking.client_runs import ClientRuns
from emulator.machine_learning.tracking.mirror import READS, Mirror
from emulator.machine_learning.tracking.registrations import Registrations
from emulator.machine_learning.tracking.server import PREFIX, TrackingServer, response
from emulator.service import Route
from emulator.settings import ARM_HOST

if TYPE_CHECKING:
    from emulator.service import Emulator

SCOPE = (
    r"/mlflow/v[12]\.0(?P<workspace>/subscriptions/[^/]+/resourcegroups/[^/]+"
    r"/providers/microsoft\.machinelearningservices/workspaces/[^/]+)"
)
CALL = re.compile(r"/(?:api|ajax-api)/2\.0/mlflow/(?P<noun>runs|registered-models|model-versions)/(?P<verb>[\w\-]+)$")
READING = frozenset({"get", "search", "get-latest-versions", "get-download-uri", "search-jobs"})
BY_LENGTH = frozenset({"content-length", "accept-encoding"})
"""What no longer holds, or must not, once the text of a body is changed."""
ARTIFACTS = b'"mlflow-artifacts:/'


class TrackingFront:
    """Passes requests on to MLflow, and keeps both sides one."""

    def __init__(
        self,
        emulator: Emulator,
        tracking: TrackingServer,
        mirror: Mirror,
        registrations: Registrations,
        runs: ClientRuns,
    ) -> None:
        self.emulator = emulator
        self.tracking = tracking
        self.mirror = mirror
        self.registrations = registrations
        self.runs = runs
        self._registry = threading.RLock()

    def routes(self) -> list[Route]:
        """Plain for this machine, with TLS and a token for azureml-mlflow."""
        return [
            Route("*", SCOPE + "(/.*)?", self.answer, listener="http", bearer=False),
            Route("*", r"/mlflow(/.*)?", self.answer, listener="http", bearer=False),
            Route(ARM_HOST, SCOPE + "(/.*)?", self.answer_azureml),
        ]

    def answer_azureml(self, request: Request) -> Response:
        """The same for azureml-mlflow, which follows http addresses of artefacts but no `mlflow-artifacts:`."""
        address = f"{self.tracking.uri}/api/2.0/mlflow-artifacts/artifacts/".encode()
        body = request.read().replace(b'"' + address, ARTIFACTS)
        headers = {name: value for name, value in request.headers.items() if name not in BY_LENGTH}
        headers["content-length"] = str(len(body))
        answer = self.answer(replace(request, body=BytesIO(body), headers=headers))
        if "json" not in answer.headers.get("content-type", ""):
            return answer
        content = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
        kept = {name: value for name, value in answer.headers.items() if name not in BY_LENGTH}
        return Response(answer.status, content.replace(ARTIFACTS, b'"' + address), kept)

    def answer(self, request: Request) -> Response:
        """Passes a request on to MLflow and takes over what it changes."""
        workspace, request = self._inside(request)
        if READS.search(request.path):
            self.mirror.refresh()
        call = CALL.search(request.path)
        if call is None or (call["verb"] in READING and call["verb"] != "get-download-uri"):
            return self.tracking.proxy(request)
        if call["verb"] == "get-download-uri":
            return self.registrations.download_uri(request) or self.tracking.proxy(request)
        if call["noun"] == "runs":
            return self._write_run(workspace, call["verb"], request)
        with self._registry:
            return self.registrations.write(workspace, call["noun"], call["verb"], request)

    def _write_run(self, workspace: str | None, verb: str, request: Request) -> Response:
        if verb.startswith("log-") and not (verb == "log-batch" and b'"tags"' in request.read()):
            return self.tracking.proxy(request)
        answer = self.tracking.send(request)
        if answer.is_success:
            given: dict[str, Any] = request.json() or {}
            run = answer.json()["run"]["info"]["run_id"] if verb == "create" else given.get("run_id")
            if run:
                self.runs.take(workspace, str(run))
        return response(answer)

    def _inside(self, request: Request) -> tuple[str | None, Request]:
        """The workspace whose address was used, and the request as MLflow knows it.

        Without one it is the emulator's only workspace, if that is so.
        """
        given = request.parameters.get("workspace")
        if given is None:
            present = self.emulator.store.of_type(WORKSPACE)
            return (present[0].id if len(present) == 1 else None), request
        found = self.emulator.store.get(given)
        if found is None:
            raise not_found(given)
        raw = re.sub(SCOPE, PREFIX, request.raw_path, count=1, flags=re.IGNORECASE)
        path = re.sub(SCOPE, PREFIX, request.path, count=1, flags=re.IGNORECASE)
        return found.id, replace(request, path=path, raw_path=raw)
