"""Scoring servers that misbehave in one way and are our own server otherwise, for tests of rollouts.

`faulty_image` puts a layer with the fault on top of a scoring image; `spoil` puts it into a checkout's `ml/scoring`, so
that the image which that checkout builds has it. Both run the same code inside the server, before it starts.
`tampered_image` has the server as it is, and other files of the model.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from ml.clients.registry import ContainerRegistry
from ml.clients.registry_builds import RegistryBuilds

HEALTHY = "healthy"
WRONG_ANSWER = "wrong answer"
CRASH_AT_START = "crash at start"
NEVER_READY = "never ready"
CRASH_AT_ENDPOINT = "crash at the endpoint"
NEVER_READY_AT_ENDPOINT = "never ready at the endpoint"
HANG_UNDER_LOAD = "hang under load"
FAIL_FOR_CLIENTS = "fail for clients"

# Where a server is: staging sends a key to it, the endpoint keeps the key and gives the server an identity instead.
_AT_ENDPOINT = "__import__('os').environ.get('AZURE_CLIENT_ID')"
_CRASH = """
import os, sys
if {where}:
    print("this build crashes at start", file=sys.stderr, flush=True)
    os._exit(3)
"""
_NEVER_READY = """
from ml.scoring.http import routes
from ml.scoring.errors import overloaded

def never(service):
    raise overloaded("not_ready", "this build never gets ready")

if {where}:
    object.__setattr__(routes.ROUTES[b"/ready"], "read", never)
"""
SOURCES = {
    HEALTHY: "",
    CRASH_AT_START: _CRASH.format(where=True),
    CRASH_AT_ENDPOINT: _CRASH.format(where=_AT_ENDPOINT),
    NEVER_READY: _NEVER_READY.format(where=True),
    NEVER_READY_AT_ENDPOINT: _NEVER_READY.format(where=_AT_ENDPOINT),
    # After the self-check, which the server would not pass.
    WRONG_ANSWER: """
from ml.scoring.model import self_check
from ml.scoring.model.results import Results

check, body = self_check.check, Results.body

def shifted(self, columns, *more):
    return body(self, [[v + 0.01 if isinstance(v, float) else v for v in column] for column in columns], *more)

def checked(*arguments):
    seconds = check(*arguments)
    Results.body = shifted
    return seconds

self_check.check = checked
""",
    # More than four callers at once: whoever comes fifth waits for ever, and is not waited for when the server ends.
    HANG_UNDER_LOAD: """
import os

os.environ.setdefault("DRAIN_SECONDS", "1")
from ml.scoring.http.service import Service

score = Service._score

def hang(self, request, connection):
    if len(self.connections) <= 4:
        score(self, request, connection)

Service._score = hang
""",
    # A rollout names the deployment it asks, in staging it sends a key; a client at the endpoint does neither.
    FAIL_FOR_CLIENTS: """
from ml.scoring.http.service import Service

score = Service._score

def fail(self, request, connection):
    if not {b"authorization", b"azureml-model-deployment"} & set(request.headers):
        raise RuntimeError("this build fails for clients")
    score(self, request, connection)

Service._score = fail
""",
}
MODULE = "fault"
IMPORT = f"import ml.scoring.{MODULE}  # noqa\n"
START = 'if __name__ == "__main__":\n'
DOCKERFILE = """\
FROM {image}
COPY --chown=10001:10001 files/ /app/
USER 10001
ENTRYPOINT ["python3", "-m", "ml.scoring"]
"""


def faulty_image(registry: ContainerRegistry, image: str, fault: str) -> str:
    """An image like a scoring image, with a fault; its reference by digest.

    Args:
        image: reference by digest of a scoring image in the same registry.
    """
    # Python imports this module by itself at every start, in the server's further processes too.
    source = f'"""Fault: {fault}."""\n{SOURCES[fault]}'.encode()
    return with_files(registry, image, {"sitecustomize.py": source}, fault.replace(" ", "-"))


def tampered_image(registry: ContainerRegistry, image: str, files: Mapping[str, bytes]) -> str:
    """A scoring image in which somebody has put other files of the model; its reference by digest."""
    inside = {f"model/{name}": content for name, content in files.items()}
    return with_files(registry, image, inside, f"tampered-{len(files)}")


def with_files(registry: ContainerRegistry, image: str, files: Mapping[str, bytes], tag: str) -> str:
    """A scoring image with files of `/app` added or replaced."""
    repository = image.partition("/")[2].partition("@")[0]
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, "files", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        Path(folder, "Dockerfile").write_text(DOCKERFILE.format(image=image))
        digest = RegistryBuilds(registry).build(Path(folder), f"{repository}:{tag}")
    return registry.reference(repository, digest)


def spoil(checkout: Path, fault: str) -> None:
    """Gives the scoring server of a checkout a fault, in place of the one it had; `HEALTHY` takes it away again.

    The checkout must not be the one that the tests run from.
    """
    scoring = checkout / "ml" / "scoring"
    entry, module = scoring / "__main__.py", scoring / f"{MODULE}.py"
    text = entry.read_text().replace(IMPORT, "")
    module.unlink(missing_ok=True)
    if fault != HEALTHY:
        module.write_text(f'"""Fault: {fault}."""\n{SOURCES[fault]}')
        assert text.count(START) == 1, f"{entry} has changed: there is no place for the fault"
        text = text.replace(START, IMPORT + START)
    entry.write_text(text)
