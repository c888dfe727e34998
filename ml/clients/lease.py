"""A lease on a blob: one writer at a time, also when a writer is killed, hangs or lives on without its parent.

https://learn.microsoft.com/rest/api/storageservices/lease-blob: a lease ends by itself, can be broken by anybody with
access, and cannot be renewed by its old holder once somebody else has taken it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml.clients.datastore import container, ensure_container
from ml.clients.errors import CloudError
from ml.clients.workspace import Workspace

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, BlobLeaseClient, ContainerClient

# The shortest lease there is: what a killed holder makes its successor wait.
SECONDS = 15
RENEW_SECONDS = 4.0
MISSING, TAKEN = 404, (409, 412)


class LeaseTaken(CloudError):
    """Somebody else holds it now."""


@dataclass(frozen=True)
class Holder:
    """Who took the lease last, and whether it still holds: what it wrote about itself."""

    active: bool
    about: Mapping[str, Any]


class HeldLease:
    """A lease that is ours, until `lost` says otherwise.

    `renewed` is when it was asked for last (`asked` at first), on the monotonic clock: the storage counts `SECONDS`
    from some moment after that.
    """

    def __init__(self, blob: BlobClient, client: BlobLeaseClient, asked: float) -> None:
        self._blob = blob
        self._client = client
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.renewed = asked
        self.lost = False

    def check(self) -> None:
        """Renews it, so that it holds for `SECONDS` from now.

        Raises:
            LeaseTaken: somebody else has taken it, or broken it.
            CloudError: the storage does not answer, so nobody knows.
        """
        from azure.core.exceptions import AzureError, HttpResponseError

        with self._lock:
            if self.lost:
                raise LeaseTaken("the lease is lost")
            asked = time.monotonic()
            try:
                self._client.renew()
                self.renewed = asked
            except HttpResponseError as error:
                if error.status_code in (*TAKEN, MISSING):
                    self.lost = True
                    raise LeaseTaken("the lease is lost") from None
                raise CloudError(
                    f"the lease cannot be renewed: {error.reason}", status=error.status_code or 0
                ) from None
            except AzureError as error:
                raise CloudError(f"the lease cannot be renewed: {error}") from None

    @property
    def alive(self) -> bool:
        """Whether nobody else can have it yet, as far as this process knows without asking."""
        return not self.lost and time.monotonic() - self.renewed < SECONDS

    def keep(self) -> None:
        """Renews it every few seconds until it is released or lost; runs in a thread."""
        while not self._ended.wait(RENEW_SECONDS):
            try:
                self.check()
            except LeaseTaken:
                return
            except CloudError:
                continue  # `alive` turns false when this goes on

    def describe(self, about: Mapping[str, Any]) -> None:
        """What others are told of the holder; no secrets."""
        self._blob.upload_blob(json.dumps(about).encode(), overwrite=True, lease=self._client)

    def release(self) -> None:
        """Lets go of it, if it is still ours."""
        from azure.core.exceptions import AzureError

        self._ended.set()
        try:
            self.describe({})
            self._client.release()
        except AzureError:
            return  # it is somebody else's, or ends by itself


class BlobLock:
    """A blob whose lease is the right to write to something else. `container` is the one it lies in."""

    def __init__(self, blob: BlobClient, container: ContainerClient) -> None:
        self._blob = blob
        self._container = container

    def holder(self) -> Holder:
        """Who took it last."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            download = self._blob.download_blob()
            active = str(download.properties.lease.state) in ("leased", "breaking")
            return Holder(active, _parsed(download.readall()))
        except ResourceNotFoundError:
            return Holder(False, {})
        except AzureError as error:
            raise CloudError(f"the lock {self._blob.blob_name} cannot be read: {error}") from None

    def try_acquire(self, about: Mapping[str, Any]) -> HeldLease | None:
        """Takes the lease; None while somebody else holds it.

        Args:
            about: what others are told of the holder; no secrets.
        """
        from azure.core.exceptions import AzureError, HttpResponseError

        try:
            self._make()
            asked = time.monotonic()
            lease = HeldLease(self._blob, self._blob.acquire_lease(lease_duration=SECONDS), asked)
            lease.describe(about)
            return lease
        except HttpResponseError as error:
            if error.status_code in TAKEN:
                return None
            raise CloudError(f"the lease on {self._blob.blob_name} was refused: {error.reason}") from None
        except AzureError as error:
            raise CloudError(f"the lease on {self._blob.blob_name} cannot be taken: {error}") from None

    def force(self, about: Mapping[str, Any]) -> HeldLease:
        """Breaks whatever lease there is and takes it.

        Raises:
            LeaseTaken: others were quicker, several times.
        """
        from azure.core.exceptions import AzureError, HttpResponseError
        from azure.storage.blob import BlobLeaseClient

        for _ in range(5):
            try:
                BlobLeaseClient(self._blob).break_lease(lease_break_period=0)
            except HttpResponseError as error:
                if error.status_code not in (MISSING, *TAKEN):
                    raise CloudError(f"the lease cannot be broken: {error.reason}") from None
            except AzureError as error:
                raise CloudError(f"the lease cannot be broken: {error}") from None
            lease = self.try_acquire(about)
            if lease is not None:
                return lease
        raise LeaseTaken(f"others take the lease on {self._blob.blob_name} again and again")

    def _make(self) -> None:
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

        try:
            try:
                self._blob.upload_blob(b"{}", overwrite=False)
            except ResourceNotFoundError:
                ensure_container(self._container)
                self._blob.upload_blob(b"{}", overwrite=False)
        except (ResourceExistsError, ResourceModifiedError):
            return  # it is there


@contextmanager
def kept(lease: HeldLease) -> Iterator[HeldLease]:
    """Renews a lease while the block runs and releases it at the end."""
    threading.Thread(target=lease.keep, name="lease", daemon=True).start()
    try:
        yield lease
    finally:
        lease.release()


@contextmanager
def rollout_lock(workspace: Workspace, system: str) -> Iterator[BlobLock]:
    """The lock of a system's rollouts, in the workspace's default container."""
    with container(workspace) as client:
        yield BlobLock(client.get_blob_client(f"systems/{system}/rollout.lock"), client)


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
