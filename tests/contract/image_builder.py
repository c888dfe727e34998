"""Images for tests: a registry in the session's emulator, and an image with a small web server in it."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.arm import arm
from ml.clients.registry import ContainerRegistry
from ml.clients.registry_builds import RegistryBuilds

PYTHON = "docker.io/library/python:3.11-slim-bookworm"
BASE = "base/python:3.11-slim-bookworm"
GROUP = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/images"
SERVER = '''"""Answers every GET with the environment variable GREETING, and ends on SIGTERM."""
import http.server, json, os, signal, sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        text = json.dumps({"greeting": os.environ.get("GREETING", ""), "path": self.path}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_GET


address = (os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "5001")))
print("serving on", address, flush=True)
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
'''
DOCKERFILE = """\
FROM {base}
LABEL test.image="greeter"
ENV GREETING="{greeting}" PORT=5001
WORKDIR /app
COPY --chown=10001:10001 server.py /app/
USER 10001
EXPOSE 5001
ENTRYPOINT ["python3", "/app/server.py"]
"""


def make_registry(name: str | None = None) -> ContainerRegistry:
    """A registry of its own in the emulator, with the Python base image in it."""
    name = name or f"cr{uuid.uuid4().hex[:12]}"
    arm().put(GROUP, "2024-03-01", {"location": "westeurope"})
    path = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/{name}"
    body = {"location": "westeurope", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": False}}
    document = arm().put(path, "2023-07-01", body)
    registry = ContainerRegistry(str(document["id"]), str(document["properties"]["loginServer"]))
    registry.import_image(PYTHON, BASE)
    return registry


def build_server_image(
    registry: ContainerRegistry, *, greeting: str = "hello", tag: str = "1", files: Mapping[str, str] | None = None
) -> str:
    """Builds an image that serves HTTP on `HOST`:`PORT` (5001); its reference by digest.

    Args:
        files: further or other files of the context by name; `server.py` is what runs.
    """
    base = registry.reference(*BASE.split(":", 1))
    with tempfile.TemporaryDirectory() as folder:
        content = {"server.py": SERVER, "Dockerfile": DOCKERFILE.format(base=base, greeting=greeting), **(files or {})}
        for name, text in content.items():
            Path(folder, name).write_text(text)
        digest = RegistryBuilds(registry).build(Path(folder), f"greeter:{tag}")
    return registry.reference("greeter", digest)
