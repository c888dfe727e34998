"""What is told of the model and of each request; shared by the server and its telemetry."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class ModelIdentity(msgspec.Struct, frozen=True):
    """Which model serves, as `model.json` beside it states."""

    name: str
    version: int
    """Number of the registered model version."""
    sha256: str
    """Digest of `model.onnx`, computed from the loaded file."""
    system: str
    data: str | None = None
    """Digest of the data it was trained on."""
    job: str | None = None
    """Name of the training job."""
    commit: str | None = None
    """Commit of the training code."""


class RequestRecord(NamedTuple):
    """One answered request. A tuple, because one is made for every request on the request path."""

    started: float
    """Seconds since 1970, when its first byte arrived."""
    duration_seconds: float
    """Until the answer was handed to the socket."""
    status: int
    path: str
    """Without the query."""
    rows: int
    """Rows scored; 0 when none were."""
    request_id: str
