"""What goes wrong between this project and a cloud, in words for a person."""

from __future__ import annotations


class CloudError(Exception):
    """A request the cloud refused or did not answer; `status` is the HTTP status (0 without an answer), `code`
    Azure's error code.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
