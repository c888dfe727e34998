"""Image builds in the cloud: a folder goes up, ACR Tasks builds its Dockerfile and pushes the image."""

from __future__ import annotations

import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.clients.arm import arm
from ml.clients.cloud import trust
from ml.clients.errors import CloudError
from ml.clients.registry import ContainerRegistry

API_VERSION = "2019-06-01-preview"
UPLOAD_SECONDS = 600.0
POLL_SECONDS = 0.5
SLOWEST_POLL_SECONDS = 5.0
LOG_LINES = 20
SUCCEEDED = "Succeeded"
ENDED = (SUCCEEDED, "Failed", "Canceled", "Error", "Timeout")


@dataclass(frozen=True)
class BuildRun:
    """A run; `digest` is that of the image it pushed, `error` why it failed."""

    id: str
    status: str
    digest: str
    error: str

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self.status in ENDED


class RegistryBuilds:
    """Builds in one registry, on its own machines or on those of an agent pool."""

    def __init__(self, registry: ContainerRegistry, agent_pool: str = "") -> None:
        self.registry = registry
        self.agent_pool = agent_pool

    def build(
        self,
        folder: Path,
        image: str,
        *,
        timeout_seconds: int = 1800,
        progress: Callable[[str], None] = lambda text: None,
        wait: Callable[[float], None] = time.sleep,
    ) -> str:
        """Builds a folder's Dockerfile and pushes the image.

        Args:
            image: `<repository>:<tag>`; the tag moves when the build has ended well.
            progress: told what goes on, a few words at a time.

        Returns:
            The image's digest.

        Raises:
            CloudError: the build failed or took too long; the message ends with the last lines of its log.
        """
        progress("uploading the build context")
        source = self.upload(folder)
        run = self.schedule(source, image, timeout_seconds)
        deadline = time.monotonic() + timeout_seconds + SLOWEST_POLL_SECONDS
        pause = POLL_SECONDS
        while not run.ended:
            if time.monotonic() > deadline:
                self.cancel(run.id)
                raise CloudError(f"build {run.id} of {image} took more than {timeout_seconds} s and was cancelled")
            progress(f"build {run.id} {run.status.lower()}, {len(self.log(run.id).splitlines())} lines of log")
            wait(pause)
            pause = min(pause * 1.5, SLOWEST_POLL_SECONDS)
            run = self.run(run.id)
        if run.status != SUCCEEDED:
            reason = run.error or "no reason given"
            raise CloudError(f"build {run.id} of {image} {run.status.lower()}: {reason}\n{self.log_tail(run.id)}")
        return run.digest

    def upload(self, folder: Path) -> str:
        """Uploads a build context, links as what they point at; where it is, as `schedule` wants it."""
        import httpx

        target = arm().post(f"{self.registry.id}/listBuildSourceUploadUrl", API_VERSION)
        with tempfile.TemporaryFile() as archive:
            with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1, dereference=True) as content:
                content.add(folder, arcname=".")
            size = archive.tell()
            archive.seek(0)
            headers = {"x-ms-blob-type": "BlockBlob", "content-length": str(size)}
            try:
                answer = httpx.put(
                    target["uploadUrl"], content=archive, headers=headers, verify=trust(), timeout=UPLOAD_SECONDS
                )
            except httpx.HTTPError as error:
                raise CloudError(f"uploading a build context of {size} bytes failed: {error}") from None
        if not answer.is_success:
            raise CloudError(f"uploading a build context was refused: {answer.status_code} {answer.text[:300]}")
        return str(target["relativePath"])

    def schedule(self, source: str, image: str, timeout_seconds: int) -> BuildRun:
        """Starts a build of an uploaded context."""
        body = {
            "type": "DockerBuildRequest",
            "imageNames": [image],
            "isPushEnabled": True,
            "noCache": False,
            "dockerFilePath": "Dockerfile",
            "sourceLocation": source,
            "timeout": timeout_seconds,
            "platform": {"os": "Linux", "architecture": "amd64"},
        }
        if self.agent_pool:
            body["agentPoolName"] = self.agent_pool
        return to_run(arm().post(f"{self.registry.id}/scheduleRun", API_VERSION, body))

    def run(self, run_id: str) -> BuildRun:
        """A run.

        Raises:
            CloudError: there is none.
        """
        document = arm().get(f"{self.registry.id}/runs/{run_id}", API_VERSION)
        if document is None:
            raise CloudError(f"there is no build {run_id} in {self.registry.login_server}", status=404)
        return to_run(document)

    def cancel(self, run_id: str) -> None:
        """Asks a run to stop."""
        arm().post(f"{self.registry.id}/runs/{run_id}/cancel", API_VERSION)

    def log(self, run_id: str) -> str:
        """What the run has printed; empty when there is nothing yet."""
        import httpx

        link = arm().post(f"{self.registry.id}/runs/{run_id}/listLogSasUrl", API_VERSION)["logLink"]
        with suppress(httpx.HTTPError):
            answer = httpx.get(link, verify=trust(), timeout=60)
            return answer.text if answer.is_success else ""
        return ""

    def log_tail(self, run_id: str, lines: int = LOG_LINES) -> str:
        """The last lines of the log."""
        return "\n".join(self.log(run_id).rstrip().splitlines()[-lines:])


def to_run(document: Mapping[str, Any]) -> BuildRun:
    """An ARM document as a run."""
    properties = document["properties"]
    images = properties.get("outputImages") or []
    digest = str(images[0].get("digest", "")) if images else ""
    error = str(properties.get("runErrorMessage") or "")
    return BuildRun(str(properties["runId"]), str(properties["status"]), digest, error)
