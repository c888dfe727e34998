"""From the documents of a deployment to what it runs: image or code, model, variables, probes."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.certificates import BUNDLE, bundle_file, trust
from emulator.container_registry.service import ContainerRegistryService
from emulator.errors import ServiceError
from emulator.machine_learning.identifiers import workspace_id
from emulator.machine_learning.locations import UnresolvedReference
from emulator.machine_learning.service import MachineLearningService
from emulator.online_endpoints import names
from emulator.online_endpoints.deployments import score_server
from emulator.online_endpoints.deployments.image_access import check_image_access
from emulator.online_endpoints.deployments.instance_types import size
from emulator.online_endpoints.deployments.model_files import ModelFiles
from emulator.online_endpoints.deployments.probes import to_probe
from emulator.online_endpoints.deployments.serving import Serving, ServingRoute
from emulator.online_endpoints.deployments.variables import azure_variables
from emulator.settings import INFERENCE_SUFFIX
from emulator.store import Document

if TYPE_CHECKING:
    from emulator.service import Emulator

INITIALIZER_LOG = "storage-initializer.log"
BUILD_LOG = "image-build.log"
DEFAULT_PORT = 5001


class Preparation:
    """Works out and fetches what deployments need."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    @property
    def machine_learning(self) -> MachineLearningService:
        """The workspaces' service."""
        return self.emulator.services.get(MachineLearningService)

    def folder(self, deployment: Document) -> Path:
        """Where a deployment's files are."""
        endpoint = self.emulator.store.get(names.endpoint_id(deployment))
        place = names.host(endpoint).removesuffix("." + INFERENCE_SUFFIX) if endpoint else "deleted"
        return self.emulator.settings.state / "online-endpoints" / place / deployment.name

    def environment(self, deployment: Document) -> Document:
        """The environment version of a deployment.

        Raises:
            ServiceError: 400, there is none.
        """
        return self._asset(deployment, "environments", "environmentId")

    def prepare(self, deployment: Document) -> Serving:
        """Fetches model and code and says what to run.

        Raises:
            ServiceError: something is missing or cannot be made, with Azure's code.
        """
        folder = self.folder(deployment) / f"{time.time_ns():x}"
        folder.mkdir(parents=True)
        try:
            return self._prepare(deployment, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _prepare(self, deployment: Document, folder: Path) -> Serving:
        properties, environment = deployment.properties, self.environment(deployment)
        variables = azure_variables(self.emulator, deployment)
        if properties.get("codeConfiguration"):
            return self._code(deployment, environment, folder, variables)
        return self._image(deployment, environment, folder, variables)

    # -- an image that brings its own server

    def _image(self, deployment: Document, environment: Document, folder: Path, variables: dict[str, str]) -> Serving:
        routes = inference_routes(environment)
        mounts = {BUNDLE: str(bundle_file(self.emulator.settings))}
        model = self._model(deployment, folder)
        if model is not None:
            base = (deployment.properties.get("modelMountPath") or "/var/azureml-app/azureml-models").rstrip("/")
            where = f"{base}/{model.name}/{model.version}"
            mounts[where] = str(model.folder)
            variables["AZUREML_MODEL_DIR"] = where
        memory, cpu = size(deployment.properties["instanceType"])
        return Serving(
            folder=str(folder),
            image=self._resolve(deployment, environment.properties["image"]),
            scoring=routes["scoringRoute"],
            liveness=self._probe(deployment, "livenessProbe", routes["livenessRoute"]),
            readiness=self._probe(deployment, "readinessProbe", routes["readinessRoute"]),
            environment={**variables, **trust(BUNDLE), **given_variables(deployment)},
            mounts=mounts,
            memory_gb=memory,
            cpu=cpu,
        )

    def _resolve(self, deployment: Document, reference: str) -> str:
        """The image by digest, so that every instance and every restart runs the same."""
        endpoint = self.emulator.store.get(names.endpoint_id(deployment))
        if endpoint is not None:
            check_image_access(self.emulator.store, self.emulator.access, endpoint, reference)
        try:
            return str(self.emulator.services.get(ContainerRegistryService).images.resolve(reference))
        except (ServiceError, LookupError) as error:
            message = f"Unable to download user container image '{reference}': {error}"
            raise ServiceError(400, "BadArgument", message) from None

    # -- code and an environment

    def _code(self, deployment: Document, environment: Document, folder: Path, variables: dict[str, str]) -> Serving:
        code, script = self._score_script(deployment, folder)
        model = self._model(deployment, folder)
        python = score_server.virtual_environment(environment, self.folder(deployment) / BUILD_LOG)
        if model is not None:
            variables["AZUREML_MODEL_DIR"] = str(model.folder)
        given = given_variables(deployment)
        port = int(given.get("AZUREML_SERVER_PORT", DEFAULT_PORT))
        trusted = trust(str(bundle_file(self.emulator.settings)))
        memory, cpu = size(deployment.properties["instanceType"])
        return Serving(
            folder=str(folder),
            image=None,
            scoring=ServingRoute("/score", port),
            liveness=self._probe(deployment, "livenessProbe", ServingRoute("/", port)),
            readiness=self._probe(deployment, "readinessProbe", ServingRoute("/", port)),
            environment={**variables, **trusted, **score_server.variables(code, script), **given},
            command=score_server.command(python, script, port),
            directory=str(code),
            memory_gb=memory,
            cpu=cpu,
        )

    def _score_script(self, deployment: Document, folder: Path) -> tuple[Path, Path]:
        """The code's folder and the scoring script in it."""
        code = folder / "code"
        code.mkdir()
        configuration = deployment.properties["codeConfiguration"]
        asset = self._asset(deployment, "codes", "codeConfiguration.codeId", configuration.get("codeId"))
        try:
            location = self.machine_learning.references.location(
                workspace_id(deployment.id), asset.properties["codeUri"]
            )
        except UnresolvedReference as error:
            raise ServiceError(400, "BadArgument", f"The code could not be read: {error}.") from None
        self.machine_learning.preparation.inputs.copy_code(location, code)
        script = code / str(configuration.get("scoringScript") or "")
        if not script.is_file():
            found = ", ".join(sorted(str(file.relative_to(code)) for file in code.rglob("*.py"))) or "no Python file"
            message = f"The scoring script '{configuration.get('scoringScript')}' is not in the code; there is {found}."
            raise ServiceError(400, "BadArgument", message, target="codeConfiguration.scoringScript")
        return code, script

    # -- what both need

    def _model(self, deployment: Document, folder: Path) -> ModelFiles | None:
        reference = deployment.properties.get("model")
        if not reference:
            return None
        asset = self._asset(deployment, "models", "model")
        self._require_model(deployment, asset)
        log = self.folder(deployment) / INITIALIZER_LOG
        return ModelFiles.fetch(self.machine_learning, asset, folder / "model", log)

    def _require_model(self, deployment: Document, model: Document) -> None:
        """400 as Azure words it when the endpoint's own identity may not read the model's files."""
        endpoint = self.emulator.store.get(names.endpoint_id(deployment))
        uri = model.properties["modelUri"]
        try:
            location = self.machine_learning.references.location(workspace_id(model.id), uri)
        except UnresolvedReference:
            return  # said where it is fetched
        if endpoint and not self.machine_learning.rights.may(endpoint, "read", location):
            message = (
                f"Unable to download user model from {uri}: AuthorizationPermissionMismatch (403): no identity of the "
                f"endpoint '{endpoint.name}' has a role such as Storage Blob Data Reader on '{location.account}'."
            )
            raise ServiceError(400, "BadArgument", message)

    def _asset(self, deployment: Document, kind: str, field: str, reference: str | None = None) -> Document:
        reference = reference or deployment.properties.get(field)
        if not reference:
            raise ServiceError(400, "BadArgument", f"A deployment needs '{field}'.", target=field)
        try:
            return self.machine_learning.references.asset(workspace_id(deployment.id), kind, reference)
        except UnresolvedReference as error:
            raise ServiceError(400, "BadArgument", f"'{field}': {error}.", target=field) from None

    def _probe(self, deployment: Document, name: str, route: ServingRoute) -> Any:
        eager = name == "readinessProbe" and name not in deployment.private.get("probes", [])
        return to_probe(deployment.properties[name], route, eager=eager)


def inference_routes(environment: Document) -> dict[str, ServingRoute]:
    """The routes of an environment's `inferenceConfig`.

    Raises:
        ServiceError: 400, it has none: without code only the image can know how to score.
    """
    configuration = environment.properties.get("inferenceConfig") or {}
    routes = {}
    for name in ("livenessRoute", "readinessRoute", "scoringRoute"):
        route = configuration.get(name)
        if not route:
            owner = environment.resource.names[-2]
            message = (
                f"The environment '{owner}' has no 'inferenceConfig.{name}': a deployment without 'codeConfiguration' "
                "needs livenessRoute, readinessRoute and scoringRoute, each with path and port."
            )
            raise ServiceError(400, "BadArgument", message, target="environmentId")
        routes[name] = ServingRoute("/" + str(route["path"]).lstrip("/"), int(route["port"]))
    return routes


def given_variables(deployment: Document) -> dict[str, str]:
    """The deployment's own variables."""
    return {name: str(value) for name, value in (deployment.properties.get("environmentVariables") or {}).items()}
