"""ARM over REST: what the SDKs do not offer, or offer only behind seconds of import."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from ml.clients.cloud import Cloud, load_cloud, token, trust
from ml.clients.errors import CloudError

if TYPE_CHECKING:
    import httpx

REQUEST_SECONDS = 60.0
# A role assignment may take this long to be known everywhere:
# https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-
# being-detected
ROLE_SECONDS = 600.0


class Arm:
    """Requests to Azure Resource Manager, with a token and retries while a role assignment is fresh."""

    def __init__(self, cloud: Cloud) -> None:
        import httpx

        self.cloud = cloud
        self._http = httpx.Client(base_url=cloud.resource_manager, verify=trust(), timeout=REQUEST_SECONDS)

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()

    def get(self, path: str, version: str, **query: str) -> dict[str, Any] | None:
        """The document at `path`, None when there is none."""
        answer = self.send("GET", path, version, query=query, accept=(404,))
        return None if answer.status_code == 404 else _object(answer)

    def peek(self, path: str, version: str) -> dict[str, Any] | None:
        """The document at `path`, asked once: no waiting for what may pass. None when there is none."""
        answer = self._checked("GET", path, {"api-version": version}, None, (404,))
        return None if answer.status_code == 404 else _object(answer)

    def put(self, path: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
        """Creates or replaces the document at `path`."""
        return _object(self.send("PUT", path, version, body=body))

    def post(self, path: str, version: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Runs the action at `path`."""
        return _object(self.send("POST", path, version, body=body))

    def delete(self, path: str, version: str) -> None:
        """Deletes the document at `path`; nothing happens when there is none."""
        self.send("DELETE", path, version, accept=(404,))

    def list(self, path: str, version: str, **query: str) -> list[dict[str, Any]]:
        """All documents of a collection, over all pages; empty when the collection's owner is gone."""
        page = self.get(path, version, **query)
        found: list[dict[str, Any]] = []
        while page:
            found += page.get("value", [])
            link = page.get("nextLink")
            page = _object(self._checked("GET", link, {}, None, ())) if link else None
        return found

    def follow(self, url: str) -> httpx.Response:
        """What an address of the cloud's own answers, such as that of an operation to poll."""
        return self._patient(self._checked, "GET", url, {}, None, ())

    def send(
        self,
        method: str,
        path: str,
        version: str,
        *,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        accept: tuple[int, ...] = (),
    ) -> httpx.Response:
        """One request.

        Raises:
            CloudError: the cloud refused it (statuses in `accept` are no refusal), or did not answer.
        """
        values = {"api-version": version, **(query or {})}
        return self._patient(self._checked, method, path, values, body, accept)

    def _patient(self, request: Callable[..., httpx.Response], *arguments: Any) -> httpx.Response:
        """Asks again while the refusal may pass."""
        from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

        waits = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_delay(ROLE_SECONDS),
            wait=wait_exponential(1, max=30),
            reraise=True,
        )
        return waits(request, *arguments)

    def _checked(
        self, method: str, path: str, query: dict[str, str], body: dict[str, Any] | None, accept: tuple[int, ...]
    ) -> httpx.Response:
        import httpx

        bearer = token(self.cloud.scope)
        try:
            answer = self._http.request(
                method, path, params=query or None, json=body, headers={"authorization": f"Bearer {bearer}"}
            )
        except httpx.HTTPError as error:
            raise CloudError(f"{method} {path}: {self.cloud.resource_manager} does not answer ({error})") from None
        if answer.is_success or answer.status_code in accept:
            return answer
        raise refusal(method, path, answer)


def refusal(method: str, path: str, answer: httpx.Response) -> CloudError:
    """The error of a response in ARM's shape."""
    try:
        error = answer.json()["error"]
        code, text = str(error["code"]), str(error["message"])
    except (ValueError, LookupError, TypeError):
        code, text = "", answer.text[:500]
    return CloudError(f"{method} {path}: {answer.status_code} {code}: {text}", status=answer.status_code, code=code)


@cache
def arm() -> Arm:
    """The client of this process."""
    return Arm(load_cloud())


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, CloudError) and error.status in (403, 429, 502, 503, 504)


def _object(answer: httpx.Response) -> dict[str, Any]:
    if not answer.content:
        return {}
    value: dict[str, Any] = answer.json()
    return value
