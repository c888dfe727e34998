"""Containers of every account."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from emulator.storage import tables
from emulator.storage.blob_database import BlobDatabase
from emulator.storage.content import ContentFiles
from emulator.storage.errors import StorageError
from emulator.storage.records import Container

NAME = re.compile(r"\$root|\$logs|\$web|[a-z0-9](?:-?[a-z0-9])*")
SHORTEST, LONGEST = 3, 63
Check = Callable[[Container], None]


class ContainerWatch(Protocol):
    """Told of every container that comes and goes, after it is on disk (and before it goes)."""

    def created(self, container: Container) -> None:
        """There is a new container."""

    def deleting(self, account: str, name: str) -> None:
        """A container is about to go."""


class Containers:
    """Makes, changes and removes containers."""

    def __init__(self, database: BlobDatabase, contents: ContentFiles, watch: ContainerWatch) -> None:
        self._database = database
        self._contents = contents
        self._watch = watch

    def find(self, account: str, name: str) -> Container | None:
        """The container, None when there is none."""
        with self._database.reading() as connection:
            return tables.find_container(connection, account.lower(), name)

    def get(self, account: str, name: str) -> Container:
        """The container; 404 ContainerNotFound."""
        container = self.find(account, name)
        if container is None:
            raise StorageError("ContainerNotFound")
        return container

    def page(self, account: str, prefix: str, start: str, limit: int) -> list[Container]:
        """Containers in order of name, from `start` on."""
        with self._database.reading() as connection:
            return tables.containers_from(connection, account.lower(), prefix, start, limit)

    def all(self) -> list[Container]:
        """The containers of every account."""
        with self._database.reading() as connection:
            return tables.all_containers(connection)

    def create(
        self, account: str, name: str, metadata: Mapping[str, str] | None = None, public_access: str = ""
    ) -> Container:
        """A new container; 409 ContainerAlreadyExists."""
        check_name(name)
        with self._database.writing() as connection:
            if tables.find_container(connection, account.lower(), name):
                raise StorageError("ContainerAlreadyExists")
            stamp = self._database.stamp()
            new = Container(0, account.lower(), name, *stamp, dict(metadata or {}), public_access)
            tables.add_container(connection, new)
        self._watch.created(new)
        return new

    def ensure(self, account: str, name: str) -> Container:
        """The container, made when there is none."""
        found = self.find(account, name)
        if found is not None:
            return found
        try:
            return self.create(account, name)
        except StorageError as error:
            if error.code != "ContainerAlreadyExists":
                raise
            return self.get(account, name)

    def change(
        self, account: str, name: str, change: Callable[[Container], Container], *, stamp: bool = True
    ) -> Container:
        """Writes what `change` makes of a container; it raises for what is refused. A lease changes no ETag:
        `stamp=False`.
        """
        with self._database.writing() as connection:
            old = tables.find_container(connection, account.lower(), name)
            if old is None:
                raise StorageError("ContainerNotFound")
            new = change(old)
            if stamp:
                etag, modified = self._database.stamp()
                new = replace(new, etag=etag, modified=modified)
            tables.save_container(connection, new)
        return new

    def configure(self, account: str, name: str, metadata: Mapping[str, str], public_access: str) -> Container:
        """Sets metadata and public access."""
        values: dict[str, Any] = {"metadata": dict(metadata), "public_access": public_access}
        return self.change(account, name, lambda old: replace(old, **values))

    def delete(self, account: str, name: str, check: Check | None = None) -> None:
        """Removes a container with its blobs; 404 ContainerNotFound."""
        found = self.get(account, name)
        if check:
            check(found)
        self._watch.deleting(found.account, name)
        with self._database.writing() as connection:
            found = tables.find_container(connection, found.account, name) or found
            if check:
                check(found)
            contents = tables.remove_container(connection, found)
            unused = tables.unused_contents(connection, contents)
        self._contents.discard(unused)

    def delete_all(self, account: str) -> None:
        """Removes every container of an account."""
        while page := self.page(account, "", "", 100):
            for container in page:
                self.delete(account, container.name)


def check_name(name: str) -> None:
    """400 for what is no container name.

    https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
    """
    if not name.startswith("$") and not SHORTEST <= len(name) <= LONGEST:
        raise StorageError("OutOfRangeInput", f"The container name '{name}' has {len(name)} characters, not 3 to 63.")
    if not NAME.fullmatch(name):
        wanted = "lower-case letters, digits and single hyphens between them"
        raise StorageError("InvalidResourceName", f"The container name '{name}' may have {wanted}.")
