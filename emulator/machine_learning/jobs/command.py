"""Command jobs: from what was submitted to a folder, a command line and an environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.certificates import bundle_file
from emulator.containers.identity import ContainerIdentities
from emulator.errors import ServiceError, unsupported
from emulator.machine_learning.durations import seconds
from emulator.machine_learning.identifiers import workspace_id
from emulator.machine_learning.identity_access import IdentityAccess
from emulator.machine_learning.jobs.environments import build_plan, hint, packages_of
from emulator.machine_learning.jobs.folder import JobFolder
from emulator.machine_learning.jobs.inputs import Inputs, JobFailure
from emulator.machine_learning.jobs.outputs import local_path
from emulator.machine_learning.jobs.parallel import specification as parallel
from emulator.machine_learning.locations import References, UnresolvedReference
from emulator.machine_learning.storage import WorkspaceStorage
from emulator.settings import STATE
from emulator.store import Document
from tools.virtualenv import uv_variables

if TYPE_CHECKING:
    from emulator.service import Emulator

BINDING = re.compile(r"\$\{\{\s*(inputs|outputs)\.([A-Za-z0-9_.\-]+)\s*\}\}")
OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
IDENTITY = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET", "DEFAULT_IDENTITY_CLIENT_ID")
INHERITED = ("HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LC_ALL", STATE, *IDENTITY)
INSTALLERS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT")
"""Where this machine's user has packages from: what a job installs itself comes from there too."""
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def validate_command(properties: dict[str, Any]) -> None:
    """Refuses what a command job must not say, or what this machine cannot do.

    Raises:
        ServiceError: 400, or 501 naming what the emulator lacks.
    """
    if not properties.get("command"):
        raise ServiceError(400, "UserError", "A command job needs a 'command'.", target="command")
    if not properties.get("environmentId"):
        raise ServiceError(400, "UserError", "A command job needs an 'environmentId'.", target="environmentId")
    if properties.get("distribution"):
        raise unsupported(f"A distributed job ({properties['distribution'].get('distributionType')})")
    if int((properties.get("resources") or {}).get("instanceCount") or 1) > 1:
        raise unsupported("A job on more than one node (resources.instanceCount > 1)")
    limit = (properties.get("limits") or {}).get("timeout")
    try:
        seconds(limit) if limit else None
    except ValueError as error:
        raise ServiceError(400, "UserError", f"'limits.timeout': {error}.", target="limits.timeout") from None


class CommandPreparation:
    """Prepares the folder of one command job."""

    def __init__(
        self,
        emulator: Emulator,
        references: References,
        storage: WorkspaceStorage,
        tracking_uri: str,
        rights: IdentityAccess,
    ) -> None:
        self.emulator = emulator
        self.references = references
        self.inputs = Inputs(references, storage)
        self.tracking_uri = tracking_uri
        self.rights = rights

    def prepare(self, job: Document, folder: JobFolder) -> dict[str, Any]:
        """Fills the folder and gives what the runner needs to know.

        Raises:
            JobFailure: something the job names does not exist.
        """
        workspace, properties = workspace_id(job.id), job.properties
        folder.report(f"preparing job {job.name}")
        environment = self._asset(workspace, "environments", properties["environmentId"])
        self._require_rights(workspace, job, environment)
        plan = build_plan(packages_of(environment))
        if remark := hint(environment):
            folder.report(remark)
        if properties.get("codeId"):
            self._code(workspace, properties["codeId"], folder)
        values = self._values(workspace, job, folder)
        limit = (properties.get("limits") or {}).get("timeout")
        given = {
            name: bind(str(value), values) for name, value in (properties.get("environmentVariables") or {}).items()
        }
        return {
            "name": job.name,
            "command": self._command(job, values, folder),
            "directory": str(folder.working_directory),
            "environment": {**self._environment(job, values), **given},
            "inherit": [*INHERITED, *INSTALLERS, *PROXIES],
            "packages": plan,
            "hint": remark,
            "timeout": seconds(limit) if limit else None,
        }

    def _require_rights(self, workspace: str, job: Document, environment: Document) -> None:
        """Whether the cluster's identity may do what the job needs, where it has one of its own.

        Raises:
            JobFailure: it may not; worded as the services that refuse it word it.
        """
        cluster = self._cluster(job)
        if cluster is None:
            return
        place = self.emulator.store.get(workspace)
        registry = place.properties.get("containerRegistry") if place else None
        built = environment.properties.get("condaFile") and self.emulator.store.get(environment.id)
        if registry and built and not self.rights.may_pull(cluster, registry):
            raise JobFailure(
                f"Failed to pull the image of the environment from '{registry}': 403 Forbidden, unauthorized: the "
                f"identity of compute '{cluster.name}' has no role such as AcrPull there."
            )
        given = {name: one for name, one in (job.properties.get("inputs") or {}).items() if one and one.get("uri")}
        self._require_places(workspace, job, given)

    def _require_places(self, workspace: str, job: Document, given: Mapping[str, Any]) -> None:
        """The same for what the job reads, by the names of its inputs, and for its outputs."""
        cluster = self._cluster(job)
        if cluster is None:
            return
        for verb, named in (("read", given), ("write", job.private.get("outputs") or {})):
            for name, one in named.items():
                self._require_blobs(workspace, cluster, verb, name, one["uri"])

    def _require_blobs(self, workspace: str, cluster: Document, verb: str, name: str, uri: str) -> None:
        try:
            location = self.references.location(workspace, uri)
        except UnresolvedReference:
            return  # what cannot be found is named where it is used
        if not self.rights.may(cluster, verb, location):
            raise JobFailure(
                f"'{name}' ({uri}): 403 AuthorizationPermissionMismatch, this request is not authorized to perform "
                f"this operation using this permission: the identity of compute '{cluster.name}' has no role to {verb} "
                f"blobs of container '{location.container}' of '{location.account}'."
            )

    def _command(self, job: Document, values: Mapping[str, str], folder: JobFolder) -> str:
        """The command line; a parallel step's starts the driver of its entry script."""
        text = job.properties["command"]
        told = job.private.get("parallel")
        return (
            parallel.command(told, text, values, folder, lambda one: bind(one, values)) if told else bind(text, values)
        )

    def runner_environment(self, job: Document) -> dict[str, str]:
        """The runner's own environment: it alone carries the secret of the cluster's identity."""
        settings = self.emulator.settings
        own = {
            STATE: str(settings.state),
            "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
            "SSL_CERT_FILE": str(bundle_file(settings)),
        }
        here = {name: value for name, value in os.environ.items() if name not in IDENTITY}
        return {**here, **uv_variables(), **own, **self._identity(job)}

    def _identity(self, job: Document) -> dict[str, str]:
        """What the programs of a job find the identity of its cluster by; nothing where that has none.

        https://learn.microsoft.com/azure/machine-learning/how-to-identity-based-service-authentication#compute-cluster
        """
        cluster = self._cluster(job)
        if cluster is None:
            return {}
        assigned = self.rights.identities(cluster)
        own = [cluster.id] if (cluster.body.get("identity") or {}).get("principalId") else []
        first = next((one.client_id for one in self.rights.principals(cluster)), None)
        default = {"DEFAULT_IDENTITY_CLIENT_ID": first} if first else {}
        return {**ContainerIdentities(self.emulator).variables(job.name, [*own, *assigned]), **default}

    def _cluster(self, job: Document) -> Document | None:
        return self.emulator.store.get(job.properties.get("computeId") or "")

    def _asset(self, workspace: str, kind: str, reference: str) -> Document:
        try:
            return self.references.asset(workspace, kind, reference)
        except UnresolvedReference as error:
            raise JobFailure(f"{error}.") from None

    def _code(self, workspace: str, reference: str, folder: JobFolder) -> None:
        code = self._asset(workspace, "codes", reference)
        try:
            location = self.references.location(workspace, code.properties["codeUri"])
        except UnresolvedReference as error:
            raise JobFailure(f"The code of the job could not be read: {error}.") from None
        self.inputs.copy_code(location, folder.working_directory)

    def _values(self, workspace: str, job: Document, folder: JobFolder) -> dict[str, str]:
        """What replaces each `${{...}}`, by `inputs.<name>` and `outputs.<name>`."""
        values = {}
        for name, given in (job.properties.get("inputs") or {}).items():
            if given is not None:
                values[f"inputs.{name}"] = self.inputs.stage(workspace, name, given, folder.inputs)
        for name, output in (job.private.get("outputs") or {}).items():
            values[f"outputs.{name}"] = str(local_path(folder, name, output["type"]))
        return values

    def _environment(self, job: Document, values: Mapping[str, str]) -> dict[str, str]:
        """The variables that Azure gives a job, and those that lead its clients to this emulator."""
        settings, workspace = self.emulator.settings, workspace_id(job.id)
        parts = workspace.split("/")
        bundle = str(bundle_file(settings))
        experiment = job.properties["experimentName"]
        named = {
            f"AZURE_ML_{key.partition('.')[0][:-1].upper()}_{key.partition('.')[2]}": value
            for key, value in values.items()
        }
        return {
            **named,
            "AZUREML_RUN_ID": job.name,
            "AZUREML_ROOT_RUN_ID": job.private.get("root") or job.name,
            "AZUREML_ARM_SUBSCRIPTION": parts[2],
            "AZUREML_ARM_RESOURCEGROUP": parts[4],
            "AZUREML_ARM_WORKSPACE_NAME": parts[8],
            "AZUREML_ARM_PROJECT_NAME": experiment,
            "AZUREML_WORKSPACE_SCOPE": workspace,
            "AZUREML_SERVICE_ENDPOINT": settings.base_url,
            "MLFLOW_TRACKING_URI": f"{self.tracking_uri}/v1.0{workspace}",
            "MLFLOW_EXPERIMENT_NAME": experiment,
            "MLFLOW_RUN_ID": job.name,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            "ORT_DISABLE_TELEMETRY": "1",
            "PYTHONUNBUFFERED": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "ARM_METADATA_HOSTNAME": f"localhost:{settings.https_port}",
            "ARM_DISABLE_INSTANCE_DISCOVERY": "true",
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
        }


def bind(text: str, values: Mapping[str, str]) -> str:
    """Replaces `${{inputs.x}}` and `${{outputs.y}}`; a part in `$[[...]]` goes when an input it names was not given.

    Raises:
        JobFailure: a name is bound that the job does not have.
    """

    def optional(found: re.Match[str]) -> str:
        names = [".".join(binding) for binding in BINDING.findall(found[1])]
        return found[1] if all(name in values for name in names) else ""

    def value(found: re.Match[str]) -> str:
        name = f"{found[1]}.{found[2]}"
        if name not in values:
            raise JobFailure(f"'{found[0]}' is used in the job, which has no such {found[1][:-1]}.")
        return values[name]

    return BINDING.sub(value, OPTIONAL.sub(optional, text))
