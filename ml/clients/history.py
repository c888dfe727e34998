"""Azure ML's run history: what ARM does not say about a job (logs, children) or does not let one change (tags, hidden).

The studio and azure-ai-ml use the same calls; `azure.ai.ml._restclient.runhistory` holds their models.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ml.clients.arm import refusal
from ml.clients.cloud import load_cloud, token, trust
from ml.clients.errors import CloudError
from ml.clients.workspace import Workspace

REQUEST_SECONDS = 30.0


class History:
    """The run history of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def details(self, run: str) -> dict[str, Any]:
        """Status, times, log links and error of a run."""
        return self._send("GET", f"/runs/{run}/details")

    def change(self, experiment: str, run: str, *, tags: Mapping[str, str], hidden: bool) -> None:
        """Adds tags to a run and hides or shows it (hidden is what ARM shows as `isArchived`)."""
        self._send("PATCH", f"/experiments/{experiment}/runs/{run}", {"hidden": hidden, "tags": dict(tags)})

    def log(self, run: str, name: str) -> str:
        """A log file of a run; empty while there is none."""
        link = (self.details(run).get("logFiles") or {}).get(name)
        if not link:
            return ""
        import httpx

        try:
            answer = httpx.get(link, verify=trust(), timeout=REQUEST_SECONDS)
        except httpx.HTTPError as error:
            raise CloudError(f"the log of {run} cannot be read ({error})") from None
        return answer.text if answer.is_success else ""

    def _send(self, method: str, call: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        import httpx

        bearer = token(load_cloud().scope)
        url = f"{base(self.workspace)}/history/v1.0{self.workspace.path}{call}"
        try:
            answer = httpx.request(
                method,
                url,
                json=body,
                headers={"authorization": f"Bearer {bearer}"},
                verify=trust(),
                timeout=REQUEST_SECONDS,
            )
        except httpx.HTTPError as error:
            raise CloudError(f"the run history of {self.workspace.name} does not answer ({error})") from None
        if not answer.is_success:
            raise refusal(method, url, answer)
        value: dict[str, Any] = answer.json() if answer.content else {}
        return value


@cache
def base(workspace: Workspace) -> str:
    """Where the history service of the workspace's region answers."""
    import httpx

    url = str(workspace.properties()["discoveryUrl"])
    try:
        answer = httpx.get(url, verify=trust(), timeout=REQUEST_SECONDS)
        answer.raise_for_status()
        return str(answer.json()["history"]).rstrip("/")
    except (httpx.HTTPError, ValueError, LookupError) as error:
        raise CloudError(f"the discovery service {url} does not answer ({error})") from None
