"""What the gateway answers itself, in the words of Azure's: status, reason, body.

https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#http-status-codes.
"""

from __future__ import annotations

REASON = "ms-azureml-model-error-reason"
MODEL_STATUS = "ms-azureml-model-error-statuscode"


class Refusal(Exception):
    """An answer that no deployment gave; `reason` goes into the header that clients look at."""

    def __init__(self, status: int, body: str, reason: str = "", model_status: int | None = None) -> None:
        super().__init__(body)
        self.status = status
        self.body = body
        self.reason = reason
        self.model_status = model_status

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that explain it."""
        given = {REASON: self.reason, MODEL_STATUS: str(self.model_status or "")}
        return [(name.encode(), value.encode()) for name, value in given.items() if value]


BAD_HEADER = "key_auth_bad_header_forbidden"
WRONG_KEY = "key_auth_access_denied"
DENIED = (
    "Microsoft Entra Token denied by policy, please review "
    "https://learn.microsoft.com/en-us/azure/machine-learning/how-to-authenticate-online-endpoint"
)


def no_path(target: str) -> Refusal:
    """400: the request is for the server as a whole, not for a path of an endpoint."""
    return Refusal(400, f"The request target '{target}' is no path.")


def no_endpoint(host: str) -> Refusal:
    """404: nothing answers at this host."""
    return Refusal(404, f"There is no online endpoint at '{host}'.")


def no_deployment(wanted: str | None) -> Refusal:
    """404: no deployment has traffic, or the one that the header names does not exist."""
    if wanted is None:
        return Refusal(404, "The endpoint doesn't have any valid deployment with positive weight.")
    return Refusal(404, f"The deployment '{wanted}' of header 'azureml-model-deployment' doesn't exist.")


def too_large(limit: int) -> Refusal:
    """413: the body is larger than the gateway passes on."""
    return Refusal(413, f"The request body is larger than {limit} bytes.")


def too_much_at_once(limit: int) -> Refusal:
    """429: with this request the gateway would hold more than it may."""
    return Refusal(429, f"The bodies of all requests at once are larger than {limit} bytes: send fewer at a time.")


def slow_client(seconds: float) -> Refusal:
    """408: the client did not send its request in time."""
    return Refusal(408, f"The request body did not arrive within {seconds:.0f} s.")


def too_many() -> Refusal:
    """429: more requests than the deployment may have at once."""
    return Refusal(429, "", "too_many_pending_request")


def not_ready() -> Refusal:
    """503: no instance is ready."""
    return Refusal(503, "no healthy upstream", "model_not_ready")


def timed_out() -> Refusal:
    """408: the model took longer than `requestTimeout`."""
    return Refusal(408, "upstream request timeout", "model_timeout")


def disconnected() -> Refusal:
    """424: the model's server ended the connection without an answer."""
    return Refusal(424, "upstream connect error or disconnect/reset before headers", "model_error", 502)
