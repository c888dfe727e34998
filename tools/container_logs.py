"""What a scoring server printed last, and the requests that failed last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from ml.clients.endpoints import OnlineDeployment, OnlineEndpoints
from ml.clients.errors import CloudError
from ml.clients.insights import query
from ml.rollout.container_group.as_endpoint import AsEndpoint
from tools.deployed_system import DeployedSystem
from tools.progress import SetupError

MOST_FAILURES = 10
# All systems of a workspace share its component; a server names its model.
FAILED = (
    'requests | where success == "False" and cloud_RoleName == "{model}" | order by timestamp desc '
    f"| project timestamp, name, resultCode, duration, application_Version, operation_Id | take {MOST_FAILURES}"
)


def show(system: DeployedSystem, version: int | None, lines: int, console: Console) -> None:
    """Prints them.

    Raises:
        SetupError: there is no such deployment.
    """
    endpoint, now = system.online()
    chosen = choose(endpoint, version, now.traffic)
    share = now.traffic.get(chosen.name, 0)
    console.print(f"{chosen.name} ({chosen.state}, {share} % of the traffic), last {lines} lines:", markup=False)
    console.print(endpoint.logs(chosen.name, lines).rstrip() or "(it printed nothing)", markup=False)
    console.print(f"\nFailed requests: {failures(system)}", markup=False)


def choose(endpoint: OnlineEndpoints | AsEndpoint, version: int | None, traffic: Mapping[str, int]) -> OnlineDeployment:
    """The deployment of a version; without one the deployment with most traffic."""
    deployments = endpoint.deployments()
    if not deployments:
        raise SetupError(f"the endpoint {endpoint.name} has no deployment yet: `make up` makes one")
    ordered = sorted(deployments, key=lambda one: traffic.get(one.name, 0), reverse=True)
    if version is None:
        return ordered[0]
    found = next((one for one in ordered if one.tags.get("version") == str(version)), None)
    if found is None:
        known = ", ".join(one.name for one in ordered)
        raise SetupError(f"VERSION={version}: the endpoint {endpoint.name} has no such deployment. It has: {known}.")
    return found


def failures(system: DeployedSystem) -> str:
    """The requests that failed last, one a line."""
    component = system.workspace.properties().get("applicationInsights")
    if not component:
        return "the workspace has no Application Insights"
    try:
        found = query(str(component), FAILED.format(model=system.model))
    except CloudError as error:
        return f"cannot be read ({error})"
    return "\n" + "\n".join(map(in_words, found)) if found else "none in the last day"


def in_words(row: dict[str, Any]) -> str:
    """One request."""
    when = f"{row['timestamp']:%Y-%m-%d %H:%M:%S}"
    took = f"{float(row['duration'] or 0):.0f} ms"
    where = f"version {row['application_Version'] or '?'}"
    return f"  {when}  {row['resultCode']}  {row['name']}  {took}  {where}  {row['operation_Id']}"
