"""When a container has failed to get ready, and the error that says so in Azure's words."""

from __future__ import annotations

from emulator.containers.container import Container
from emulator.errors import ServiceError

LAST_LINES = 10
PULL_FAILURES = ("ErrImagePull", "ImagePullBackOff")
START_FAILURES = ("RunContainerError", "CrashLoopBackOff", "OOMKilled", "EmulatorError")
GUIDE = "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg#error-"


def settled(container: Container) -> bool:
    """Whether a container is ready, or will not be."""
    failed = container.reason in (*PULL_FAILURES, *START_FAILURES)
    return container.ready or failed or container.restarts > 0 or container.state == "Terminated"


def crashed(container: Container) -> ServiceError:
    """The error of a container that did not live to be ready."""
    if container.reason in PULL_FAILURES:
        return ServiceError(400, "BadArgument", f"Unable to download user container image: {container.message}")
    ended = (
        f"exit code {container.exit_code}" if container.exit_code is not None else container.message or container.reason
    )
    return crash(container.cause or ended, container.logs(LAST_LINES))


def crash(why: str, log: str = "") -> ServiceError:
    """The error of a container that ended, as Azure words it; below it, the end of what the container printed.

    https://github.com/Azure/azureml-examples/pull/3983: `(BadArgument) User container has crashed or terminated:
    Liveness probe failed: HTTP probe failed with statuscode: 502.`
    """
    message = f"User container has crashed or terminated: {why}. {GUIDE}resourcenotready"
    return ServiceError(400, "BadArgument", f"{message}\n{log}".rstrip())


def never_ready(container: Container, seconds: float) -> ServiceError:
    """The error of a container that runs and never says that it is ready."""
    seen = next((event.message for event in reversed(container.events) if event.name == "Unhealthy"), "nothing seen")
    message = f"User container was not ready within {seconds:.0f} s: {seen}. {GUIDE}resourcenotready"
    return ServiceError(400, "ResourceNotReady", f"{message}\n{container.logs(LAST_LINES)}".rstrip())
