"""Deployments from code: the unmodified `azureml-inference-server-http` in a virtual environment of its own."""

from __future__ import annotations

from pathlib import Path

from emulator.errors import ServiceError
from emulator.machine_learning.jobs.environments import build_plan, packages_of
from emulator.machine_learning.jobs.inputs import JobFailure
from emulator.machine_learning.jobs.runner import files
from emulator.machine_learning.jobs.runner.environment import EnvironmentFailure, ensure_environment
from emulator.online_endpoints.deployments.failures import GUIDE, crash
from emulator.store import Document
from tools.localhost_names import site_packages

PACKAGE = "azureml_inference_server_http"
MISSING = "A required package azureml-inference-server-http is missing. Please install it before trying again"
# Of itself the server listens on every address of the machine.
START = (
    "import os; from azureml_inference_server_http import amlserver; "
    "amlserver.DEFAULT_HOST = os.environ['HOST']; amlserver.run()"
)


def virtual_environment(environment: Document, log: Path) -> Path:
    """The interpreter of an environment, its packages installed now when no deployment or job needed them before.

    Raises:
        ServiceError: they cannot be installed, or the inference server is not among them.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder = ensure_environment(build_plan(packages_of(environment)), log, lambda text: files.append(log, text))
    except (JobFailure, EnvironmentFailure) as error:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else ""
        message = f"The environment could not be built: {error}\n{tail}\n{GUIDE}imagebuildfailure"
        raise ServiceError(400, "ImageBuildFailure", message) from None
    if not (site_packages(folder) / PACKAGE).is_dir():
        files.append(log, f"{MISSING}.")
        raise crash(MISSING)
    return folder / "bin" / "python"


def command(python: Path, script: Path, port: int) -> tuple[str, ...]:
    """Starts the server on the instance's address."""
    return (str(python), "-c", START, "--entry_script", str(script), "--port", str(port))


def variables(code: Path, script: Path) -> dict[str, str]:
    """What Azure's images set for the server."""
    return {"AML_APP_ROOT": str(code), "AZUREML_ENTRY_SCRIPT": str(script), "PYTHONUNBUFFERED": "1"}
