"""What tests of online endpoints share: a workspace, an identity that may pull, and an image that behaves as told."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import httpx

from emulator.roles import BLOB_READER
from ml.clients.endpoints import ImageDeployment, OnlineEndpoints, Probing
from ml.clients.registry import ContainerRegistry
from ml.clients.workspace import Workspace as WorkspaceClient
from tests.contract.azureml_workspace import LOCATION, Workspace
from tests.contract.container_groups import ACR_PULL, PATH, assign, make_identity
from tests.contract.image_builder import build_server_image, make_registry

SERVER = '''"""A model that does what its environment says: CRASH, UNREADY, DELAY (seconds), STATUS."""
import http.server, json, os, pathlib, signal, sys, time

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
if os.environ.get("CRASH"):
    sys.exit("ValueError: the model cannot be read")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        ready = not (self.path == "/ready" and os.environ.get("UNREADY"))
        model = pathlib.Path(os.environ.get("AZUREML_MODEL_DIR", "/nowhere"))
        found = sorted(str(file.relative_to(model)) for file in model.rglob("*") if file.is_file())
        self.answer(200 if ready else 503, {"name": os.environ.get("NAME", ""), "model": found})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        time.sleep(float(os.environ.get("DELAY", "0")))
        self.answer(int(os.environ.get("STATUS", "200")), {"name": os.environ.get("NAME", ""), "bytes": len(body)})

    def answer(self, status, value):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


print("serving", os.environ.get("NAME", ""), flush=True)
Server((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
'''

QUICK = Probing(initial_delay=1, period=1, failures=10)


@dataclass(frozen=True)
class Serving:
    """Endpoints of one workspace and the image that their deployments run."""

    workspace: Workspace
    registry: ContainerRegistry
    image: str
    identity: str

    @cached_property
    def http(self) -> httpx.Client:
        """A client as applications have it: TLS fully verified, no token of its own."""
        trust = ssl.create_default_context(cafile=self.workspace.emulator.environment["SSL_CERT_FILE"])
        return httpx.Client(verify=trust, trust_env=False, timeout=30)

    def endpoint(self, prefix: str, **changes: Any) -> OnlineEndpoints:
        """A new endpoint with a key; `changes` replace parts of its document."""
        made = self.client(f"{prefix}-{uuid.uuid4().hex[:6]}")
        self.workspace.put(made.path, {**self.body(), **changes})
        return made

    def client(self, name: str) -> OnlineEndpoints:
        """The project's own client of an endpoint."""
        parts = self.workspace.id.split("/")
        return OnlineEndpoints(WorkspaceClient(parts[2], parts[4], parts[8]), name)

    def body(self, **properties: Any) -> dict[str, Any]:
        """An endpoint's document."""
        identity = {"type": "UserAssigned", "userAssignedIdentities": {self.identity: {}}}
        return {"location": LOCATION, "identity": identity, "properties": {"authMode": "Key", **properties}}

    def deployment(self, name: str, variables: Mapping[str, str] | None = None, **changes: Any) -> ImageDeployment:
        """A deployment of the image that knows its own name."""
        # Modules share a workspace, and each has a registry of its own.
        version = f"{self.registry.login_server.partition('.')[0]}-{self.image.rpartition(':')[2][:12]}"
        plain = ImageDeployment(
            name=name,
            image=self.image,
            environment="obedient",
            environment_version=version,
            instance_type="Standard_DS3_v2",
            readiness=QUICK,
            variables={"NAME": name, **(variables or {})},
        )
        return replace(plain, **changes)

    def post(self, endpoint: OnlineEndpoints, **options: Any) -> httpx.Response:
        """A scoring request."""
        headers = {"authorization": f"Bearer {endpoint.key()}", **options.pop("headers", {})}
        return self.http.post(endpoint.get().scoring_uri, json={"data": []}, headers=headers, **options)


def make_serving(workspace: Workspace) -> Serving:
    """Registry, image and identity."""
    workspace.put(PATH, {"location": LOCATION})
    registry = make_registry()
    identity = make_identity("scoring")
    account = f"{workspace.group}/providers/Microsoft.Storage/storageAccounts/{workspace.account}"
    assign(identity["properties"]["principalId"], ACR_PULL, registry.id)
    assign(identity["properties"]["principalId"], BLOB_READER, account)
    return Serving(workspace, registry, build_server_image(registry, files={"server.py": SERVER}), identity["id"])
