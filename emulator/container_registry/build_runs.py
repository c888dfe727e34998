"""`Microsoft.ContainerRegistry/registries/runs`: quick builds as ACR Tasks runs them (2019-06-01-preview)."""

from __future__ import annotations

import logging
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.container_registry.builder import Builder
from emulator.container_registry.client import RepositoryWriter
from emulator.container_registry.context import unpack
from emulator.container_registry.dockerfile import DockerfileError
from emulator.container_registry.layer_cache import LayerCache
from emulator.container_registry.reference import ImageReference
from emulator.container_registry.registry_type import REGISTRY
from emulator.container_registry.run_log import RunLog
from emulator.errors import ServiceError, unsupported
from emulator.http import Request, Response
from emulator.runs.kind import Canceled, OpenRun, RunKind
from emulator.runs.records import RunRecords, States
from emulator.runs.scheduler import Runs
from emulator.storage.clock import iso_date
from emulator.store import Document, Store

if TYPE_CHECKING:
    from emulator.container_registry.registries import Registries

RUN = f"{REGISTRY}/runs"
STATES = States(frozenset({"Succeeded", "Failed", "Canceled", "Error", "Timeout"}), failed="Error")
BUILDS_AT_ONCE = 2
DEFAULT_TIMEOUT = 3600
RUN_ID = "{{.Run.ID}}"
logger = logging.getLogger(__name__)


class TookTooLong(Exception):
    """The run took longer than its request allows."""


class BuildRecords(RunRecords):
    """Runs in the store, which say when they were changed last."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, RUN, STATES)

    def change(self, run_id: str, **values: Any) -> None:
        """Changes what a run shows."""
        with self.store.transaction():
            run = self.store.get(run_id)
            if run is not None:
                run.properties.update(values, lastUpdatedTime=iso_date(time.time()))
                self.store.put(run)


class BuildRuns:
    """Schedules runs and answers for them."""

    def __init__(self, store: Store, registries: Registries, work: Path, cache: LayerCache) -> None:
        self.store = store
        self.registries = registries
        self.records = BuildRecords(self.store)
        kind = Build(self.records, registries, work, cache)
        self.runs = Runs("build", self.records, lambda run: kind, at_once=BUILDS_AT_ONCE)

    # -- actions of a registry

    def upload_url(self, registry: Document, request: Request) -> Response:
        """Where to put a build context, for an hour."""
        path = f"source/{time.strftime('%Y%m%d%H%M', time.gmtime())}/{uuid.uuid4().hex}.tar.gz"
        sources = self.registries.sources(registry.name)
        sources.forget_old()
        return Response.json({"uploadUrl": sources.url(path, "rcw"), "relativePath": path})

    def schedule(self, registry: Document, request: Request) -> Response:
        """Starts a build; the answer is the run, which goes on."""
        body = request.json() or {}
        asked = read_request(body)
        if not self.registries.sources(registry.name).exists(asked["sourceLocation"]):
            raise ServiceError(
                400,
                "InvalidSourceLocation",
                f"The source location '{asked['sourceLocation']}' is not there: upload it first.",
            )
        name = f"ca{self.store.next(f'runs of {registry.key}')}"
        properties = {
            "runId": name,
            "runType": "QuickBuild",
            "status": "Queued",
            "createTime": iso_date(time.time()),
            "lastUpdatedTime": iso_date(time.time()),
            "outputImages": [],
            "isArchiveEnabled": bool(body.get("isArchiveEnabled")),
            "platform": {"os": "linux", "architecture": "amd64"},
            "provisioningState": "Creating",
        }
        document = Document(f"{registry.id}/runs/{name}", {"properties": properties}, {"request": asked})
        run = self.store.put(document)
        self.runs.submit(run)
        return Response.json({"id": run.id, "name": name, "type": RUN, **run.body})

    def cancel(self, run: Document, request: Request) -> Response:
        """Asks a run to stop; that is on disk before the answer."""
        self.runs.cancel(run)
        return Response(200)

    def log_url(self, run: Document, request: Request) -> Response:
        """Where the run's log can be read, for an hour."""
        sources = self.registries.sources(run.resource.names[0])
        return Response.json({"logLink": sources.url(log_path(run.name), "r")})


class Build(RunKind):
    """A build in a thread of the emulator. It can be repeated safely after a restart, since its tags move last."""

    def __init__(self, records: BuildRecords, registries: Registries, work: Path, cache: LayerCache) -> None:
        """
        Args:
            work: where builds put their files while they run.
            cache: large layers that were compressed before.
        """
        self.records = records
        self.registries = registries
        self.work = work
        self.cache = cache

    def start(self, run: OpenRun, document: Document) -> None:
        log, started, limit = self._log(document), time.time(), document.private["request"]["timeout"]
        self.records.change(run.id, status="Running", startTime=iso_date(started))
        try:
            outputs = self._build(run, document, log, started + limit)
        except Canceled:
            self._end(document, log, "Canceled", "the run was canceled")
        except TookTooLong:
            self._end(document, log, "Timeout", f"the run took longer than its timeout of {limit} s")
        except (DockerfileError, ServiceError, LookupError) as error:
            self._end(document, log, "Failed", str(error))
        else:
            log.say(f"\nRun ID: {document.name} was successful after {time.time() - started:.0f}s")
            self.records.change(run.id, status="Succeeded", outputImages=outputs, **ending())

    def refuse(self, document: Document, error: BaseException) -> None:
        """A defect of ours: the client that polls gets an answer, the log the traceback."""
        logger.error("%s failed", document.id, exc_info=error)
        self._end(document, self._log(document), "Error", f"{type(error).__name__}: {error}")

    def finish(self, run_id: str, *, canceled: bool) -> None:
        """Only a run that never began has no end yet."""
        document = self.records.get(run_id)
        if document is not None and not self.records.has_ended(document):
            self._end(document, self._log(document), "Canceled", "the run was canceled")

    def _log(self, document: Document) -> RunLog:
        return RunLog(self.registries.sources(document.resource.names[0]), log_path(document.name))

    def _build(self, run: OpenRun, document: Document, log: RunLog, deadline: float) -> list[dict[str, str]]:
        asked, registry = document.private["request"], document.resource.names[0]

        def say(line: str) -> None:
            run.check()
            if time.time() > deadline:
                raise TookTooLong
            log.say(line)

        say(f"{iso_date(time.time())} Downloading source code...")
        with tempfile.TemporaryDirectory(dir=self.work) as temporary:
            context, layers = Path(temporary, "context"), Path(temporary, "layers")
            layers.mkdir()
            with self.registries.sources(registry).open(asked["sourceLocation"]) as archive:
                unpack(archive, context)
            server = self.registries.server(registry)
            login_server = self.registries.login_server(registry)
            builder = Builder(context, layers, server.files, login_server, say, self.cache)
            builder.run(asked["dockerFilePath"], asked["arguments"])
            say(f"Successfully built an image of {len(builder.image.layers)} layers")
            names = [name.replace(RUN_ID, document.name) for name in asked["imageNames"]]
            return [self._push(registry, builder, name, say) for name in names] if asked["isPushEnabled"] else []

    def _push(self, registry: str, builder: Builder, name: str, say: Any) -> dict[str, str]:
        target = self._target(registry, name)
        self.registries.attributes(registry).refuse_write(target.repository, target.version)
        say(f"Pushing image: {target}")
        with RepositoryWriter(self.registries.server(registry), target.repository) as writer:
            digest = builder.image.put(writer, [target.version], builder.base)
        say(f"{target.version}: digest: {digest}")
        return {
            "registry": self.registries.login_server(registry),
            "repository": target.repository,
            "tag": target.version,
            "digest": digest,
        }

    def _target(self, registry: str, name: str) -> ImageReference:
        server = self.registries.login_server(registry)
        try:
            target = ImageReference.parse(name)
        except ValueError as error:
            raise DockerfileError(f"the image name is not understood: {error}") from None
        if target.server not in ("", server) or target.is_digest:
            raise DockerfileError(f"the image name '{name}' must name a tag in {server}")
        return target

    def _end(self, run: Document, log: RunLog, status: str, reason: str) -> None:
        log.say(f"\nfailed to run: {reason}")
        self.records.change(run.id, status=status, runErrorMessage=reason, **ending())


def ending() -> dict[str, str]:
    """What every run that has ended says."""
    return {"finishTime": iso_date(time.time()), "provisioningState": "Succeeded"}


def log_path(run: str) -> str:
    """Where a run's log is kept."""
    return f"logs/{run}/rawtext.log"


def read_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a `DockerBuildRequest` asks for, with Azure's defaults.

    Raises:
        ServiceError: 400 for what is missing, 501 for what the emulator does not build.
    """
    if str(body.get("type", "")).lower() != "dockerbuildrequest":
        raise unsupported(f"A run of type '{body.get('type')}' (only DockerBuildRequest)")
    platform = body.get("platform") or {}
    asked_for = (str(platform.get("os", "linux")).lower(), str(platform.get("architecture") or "amd64").lower())
    if asked_for != ("linux", "amd64"):
        raise unsupported(f"A build for {'/'.join(asked_for)} (only linux/amd64)")
    if body.get("target"):
        raise unsupported(f"The build target '{body['target']}' (a Dockerfile has one stage)")
    if missing := [name for name in ("sourceLocation", "dockerFilePath") if not body.get(name)]:
        raise ServiceError(400, "InvalidRequestContent", f"The build request lacks {' and '.join(missing)}.")
    return {
        "sourceLocation": str(body["sourceLocation"]),
        "dockerFilePath": str(body["dockerFilePath"]),
        "imageNames": [str(name) for name in body.get("imageNames") or []],
        "isPushEnabled": body.get("isPushEnabled", True) is not False,
        "arguments": {str(one["name"]): str(one["value"]) for one in body.get("arguments") or []},
        "timeout": int(body.get("timeout") or DEFAULT_TIMEOUT),
    }
