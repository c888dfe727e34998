"""The document that the gateway follows: where each deployment is, and its percent of the traffic.

It is the truth about the traffic: a gateway that is started anew reads it, and so does a rollout.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml.clients.arm import fence
from ml.clients.datastore import address, container, small_file
from ml.clients.errors import CloudError
from ml.clients.workspace import Workspace

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient


@dataclass(frozen=True)
class Shares:
    """`deployments` are `{"address", "share"}` by name."""

    revision: str = ""
    deployments: Mapping[str, Mapping[str, Any]] | None = None

    @property
    def traffic(self) -> dict[str, int]:
        """Percent by deployment, those with 0 left out."""
        return {name: int(one["share"]) for name, one in (self.deployments or {}).items() if one["share"]}

    @property
    def addresses(self) -> dict[str, str]:
        """Where each deployment is."""
        return {name: str(one["address"]) for name, one in (self.deployments or {}).items()}


@dataclass(frozen=True)
class SharesDocument:
    """The document of one system, in the workspace's own storage."""

    workspace: Workspace
    system: str

    @property
    def path(self) -> str:
        """Its name in the container."""
        return f"systems/{self.system}/serving/shares.json"

    @property
    def url(self) -> str:
        """Where the gateway reads it."""
        return "/".join((*address(self.workspace), self.path))

    def read(self) -> Shares:
        """As it is now; empty while there is none."""
        found = small_file(self.workspace, self.path)
        if found is None:
            return Shares()
        content = json.loads(found)
        return Shares(str(content["revision"]), content["deployments"])

    def write(self, addresses: Mapping[str, str], traffic: Mapping[str, int]) -> Shares:
        """Writes it anew."""
        deployments = {name: {"address": where, "share": traffic.get(name, 0)} for name, where in addresses.items()}
        fence()
        made = Shares(uuid.uuid4().hex, deployments)
        with self._blob() as blob:
            content = json.dumps({"revision": made.revision, "deployments": deployments})
            blob.upload_blob(content.encode(), overwrite=True)
        return made

    def delete(self) -> None:
        """Removes it."""
        from azure.core.exceptions import ResourceNotFoundError

        fence()
        with self._blob() as blob:
            try:
                blob.delete_blob()
            except ResourceNotFoundError:
                return

    @contextmanager
    def _blob(self) -> Iterator[BlobClient]:
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            with container(self.workspace) as client:
                yield client.get_blob_client(self.path)
        except ResourceNotFoundError:
            raise
        except AzureError as error:
            status = int(getattr(error, "status_code", None) or 0)
            raise CloudError(
                f"the shares of {self.system}'s traffic cannot be reached: {error}", status=status
            ) from None
