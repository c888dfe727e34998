"""What Azure adds to the documents of Databricks, Data Factory, SQL and Logic Apps: addresses and identities."""

from __future__ import annotations

import uuid

from emulator.arm.types import require_location
from emulator.online_endpoints.identity import complete_identity
from emulator.resource_id import ResourceId
from emulator.service import ResourceType
from emulator.store import Document, Store


class DataService(ResourceType):
    """A resource in a region, with the ids of its identities."""

    long_running = True
    long_running_delete = True

    def __init__(self, store: Store) -> None:
        self.store = store

    def prepare(self, document: Document, old: Document | None) -> None:
        require_location(document)
        if document.body.get("identity"):
            document.body["identity"] = complete_identity(self.store, document)
        document.properties["provisioningState"] = "Succeeded"
        document.properties.update(self.told(document))

    def told(self, document: Document) -> dict[str, object]:
        """What only Azure knows."""
        return {}


class AccessConnector(DataService):
    """An identity that Unity Catalog works with."""

    type = "Microsoft.Databricks/accessConnectors"


class DatabricksWorkspace(DataService):
    """A workspace: an address and a number, both from its id, so that it gets the same ones when it is made again."""

    type = "Microsoft.Databricks/workspaces"

    def told(self, document: Document) -> dict[str, object]:
        number = uuid.uuid5(uuid.NAMESPACE_URL, document.key + "#databricks").int % 10**16
        address = f"adb-{number:016}.{number % 20}.azuredatabricks.net"
        return {"workspaceId": f"{number:016}", "workspaceUrl": address}


class Factory(DataService):
    """A data factory."""

    type = "Microsoft.DataFactory/factories"
    long_running = long_running_delete = False
    created_status = 200

    def told(self, document: Document) -> dict[str, object]:
        return {"version": "2018-06-01"}


class SqlServer(DataService):
    """A SQL server: an address."""

    type = "Microsoft.Sql/servers"

    def told(self, document: Document) -> dict[str, object]:
        return {"fullyQualifiedDomainName": f"{document.name}.database.windows.net", "state": "Ready"}


class SqlDatabase(DataService):
    """A database. Every server has one of the name `master` from the start."""

    type = "Microsoft.Sql/servers/databases"

    def told(self, document: Document) -> dict[str, object]:
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


class Workflow(DataService):
    """A Logic App: kept, never run."""

    type = "Microsoft.Logic/workflows"
    long_running = long_running_delete = False

    def told(self, document: Document) -> dict[str, object]:
        number = uuid.uuid5(uuid.NAMESPACE_URL, document.key + "#workflow").hex
        region = str(document.body["location"]).lower().replace(" ", "")
        address = f"https://prod-00.{region}.logic.azure.com:443/workflows/{number}"
        return {
            "accessEndpoint": address,
            "state": document.properties.get("state", "Enabled"),
            "version": f"{uuid.uuid5(uuid.NAMESPACE_URL, str(document.body)).int % 10**20:020}",
        }


DATA_TYPES: tuple[type[DataService], ...] = (
    AccessConnector,
    DatabricksWorkspace,
    Factory,
    SqlServer,
    SqlDatabase,
    Workflow,
)
