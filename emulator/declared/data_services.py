"""What Azure adds to the documents of Databricks, Data Factory and SQL: addresses and numbers."""

from __future__ import annotations

import uuid
from typing import Any

from emulator.declared.types import Declared
from emulator.resource_id import ResourceId
from emulator.store import Document


class AccessConnector(Declared):
    """An identity that Unity Catalog works with."""

    type = "Microsoft.Databricks/accessConnectors"
    long_running = long_running_delete = True


class DatabricksWorkspace(Declared):
    """A workspace: an address and a number, both from its id, so that it gets the same ones when it is made again."""

    type = "Microsoft.Databricks/workspaces"
    long_running = long_running_delete = True

    def answers(self, document: Document) -> dict[str, Any]:
        number = uuid.uuid5(uuid.NAMESPACE_URL, document.key + "#databricks").int % 10**16
        address = f"adb-{number:016}.{number % 20}.azuredatabricks.net"
        return {"workspaceId": f"{number:016}", "workspaceUrl": address}


class Factory(Declared):
    """A data factory."""

    type = "Microsoft.DataFactory/factories"
    created_status = 200

    def answers(self, document: Document) -> dict[str, Any]:
        return {"version": "2018-06-01"}


class SqlServer(Declared):
    """A SQL server: an address."""

    type = "Microsoft.Sql/servers"
    long_running = long_running_delete = True

    def answers(self, document: Document) -> dict[str, Any]:
        return {"fullyQualifiedDomainName": f"{document.name}.database.windows.net", "state": "Ready"}


class SqlDatabase(Declared):
    """A database. Every server has one of the name `master` from the start."""

    type = "Microsoft.Sql/servers/databases"
    long_running = long_running_delete = True

    def answers(self, document: Document) -> dict[str, Any]:
        return {
            "databaseId": str(uuid.uuid5(uuid.NAMESPACE_URL, document.key + "#database")),
            "status": "Online",
        }

    def implicit(self, resource: ResourceId) -> Document | None:
        server = self.store.get(resource.text.rsplit("/databases/", 1)[0])
        if resource.name.lower() != "master" or server is None:
            return None
        document = Document(resource.text, {"location": server.body["location"], "properties": {}})
        self.prepare(document, None)
        return document

    def implicit_children(self, collection: ResourceId) -> list[Document]:
        found = self.implicit(ResourceId.parse(f"{collection.text}/master"))
        return [found] if found else []


DATA_SERVICES: tuple[type[Declared], ...] = (
    AccessConnector,
    DatabricksWorkspace,
    Factory,
    SqlServer,
    SqlDatabase,
)
