"""ARM's generic behaviour, by plain requests: what every resource type shares."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from emulator.arm.service import ArmService
from emulator.entra.tokens import Tokens
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.runtime import Runtime
from emulator.service import Emulator, ResourceType
from emulator.settings import SUBSCRIPTION_ID, Settings
from emulator.store import Document, Store
from tests.conftest import RunningEmulator

SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION_ID}"
VERSIONS = {
    "Microsoft.KeyVault": "2024-11-01",
    "Microsoft.ManagedIdentity": "2023-01-31",
    "Microsoft.Authorization": "2022-04-01",
}


class Arm:
    """Requests with a managed identity's token."""

    def __init__(self, emulator: RunningEmulator) -> None:
        secret = {"X-IDENTITY-HEADER": emulator.environment["IDENTITY_HEADER"]}
        where = {"resource": "https://management.azure.com/", "api-version": "2019-08-01"}
        answer = httpx.get(emulator.environment["IDENTITY_ENDPOINT"], params=where, headers=secret)
        self.client = httpx.Client(
            base_url=f"https://{emulator.environment['ARM_METADATA_HOSTNAME']}",
            verify=ssl.create_default_context(cafile=emulator.environment["SSL_CERT_FILE"]),
            headers={"authorization": f"Bearer {answer.json()['access_token']}"},
        )

    def send(
        self, method: str, path: str, body: Any = None, version: str = "2024-03-01", **options: Any
    ) -> httpx.Response:
        provider = next((v for p, v in VERSIONS.items() if p.lower() in path.lower()), version)
        params = {"api-version": provider, **options.pop("params", {})}
        return self.client.request(method, path, json=body, params=params, **options)


@pytest.fixture(scope="module")
def arm(emulator: RunningEmulator) -> Iterator[Arm]:
    made = Arm(emulator)
    yield made
    made.client.close()


@pytest.fixture
def group(arm: Arm, request: pytest.FixtureRequest) -> Iterator[str]:
    name = re.sub(r"[^A-Za-z0-9-]+", "-", request.node.name)[:80].strip("-")
    path = f"{SUBSCRIPTION}/resourceGroups/{name}"
    assert arm.send("PUT", path, {"location": "westeurope"}).status_code == 201
    yield path
    wait_for(arm, arm.send("DELETE", path))


def wait_for(arm: Arm, answer: httpx.Response) -> dict[str, Any]:
    """Polls an operation to its end."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        status: dict[str, Any] = arm.client.get(answer.headers["azure-asyncoperation"]).json()
        if status["status"] != "InProgress":
            return status
    raise AssertionError(f"still in progress: {status}")


def vault(name: str) -> str:
    return f"providers/Microsoft.KeyVault/vaults/{name}"


def vault_body(arm_tenant: str = "00000000-0000-0000-0000-0000000e3a02") -> dict[str, Any]:
    sku = {"family": "A", "name": "standard"}
    properties = {"tenantId": arm_tenant, "sku": sku, "enableRbacAuthorization": True}
    return {"location": "westeurope", "properties": properties}


def identity(group: str, name: str) -> str:
    return f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"


def test_a_resource_group_is_deleted_with_all_that_is_inside(arm: Arm, group: str) -> None:
    assert arm.send("PUT", identity(group, "one"), {"location": "westeurope"}).status_code == 201
    deletion = arm.send("DELETE", group)
    assert deletion.status_code == 202
    assert wait_for(arm, deletion)["status"] == "Succeeded"
    assert arm.client.get(deletion.headers["location"]).status_code == 204
    assert arm.send("GET", identity(group, "one")).status_code == 404
    assert arm.send("GET", group).status_code == 404
    arm.send("PUT", group, {"location": "westeurope"})


def test_ids_are_case_insensitive(arm: Arm, group: str) -> None:
    arm.send("PUT", identity(group, "Mixed"), {"location": "westeurope"})
    found = arm.send("GET", identity(group, "mixed").upper().replace("/SUBSCRIPTIONS", "/subscriptions"))
    assert found.status_code == 200
    assert found.json()["name"] == "Mixed"


def test_a_second_put_keeps_what_the_service_gave(arm: Arm, group: str) -> None:
    first = arm.send("PUT", identity(group, "one"), {"location": "westeurope"}).json()
    second = arm.send("PUT", identity(group, "one"), {"location": "westeurope", "tags": {"a": "b"}})
    assert second.status_code == 200
    assert second.json()["properties"]["principalId"] == first["properties"]["principalId"]


def test_patch_merges(arm: Arm, group: str) -> None:
    arm.send("PUT", identity(group, "one"), {"location": "westeurope", "tags": {"a": "1", "b": "2"}})
    patched = arm.send("PATCH", identity(group, "one"), {"tags": {"b": None, "c": "3"}}).json()
    assert patched["tags"] == {"a": "1", "c": "3"}


def test_an_etag_that_has_moved_on_is_refused(arm: Arm, group: str) -> None:
    first = arm.send("PUT", identity(group, "one"), {"location": "westeurope"})
    arm.send("PUT", identity(group, "one"), {"location": "westeurope", "tags": {"a": "b"}})
    stale = {"if-match": first.headers["etag"]}
    assert arm.send("PUT", identity(group, "one"), {"location": "westeurope"}, headers=stale).status_code == 412
    fresh = {"if-none-match": "*"}
    assert arm.send("PUT", identity(group, "one"), {"location": "westeurope"}, headers=fresh).status_code == 412
    assert arm.send("PUT", identity(group, "two"), {"location": "westeurope"}, headers=fresh).status_code == 201


def test_lists_come_in_pages(arm: Arm, group: str) -> None:
    for number in range(5):
        arm.send("PUT", identity(group, f"i{number}"), {"location": "westeurope"})
    collection = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
    page = arm.send("GET", collection, params={"$top": "2"}).json()
    names = [one["name"] for one in page["value"]]
    while "nextLink" in page:
        page = arm.client.get(page["nextLink"]).json()
        assert len(page["value"]) <= 2
        names += [one["name"] for one in page["value"]]
    assert names == ["i4", "i3", "i2", "i1", "i0"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "says"),
    [
        (
            "providers/Microsoft.Foo/bars/x",
            {"location": "westeurope"},
            501,
            "NotSupportedByEmulator",
            "Microsoft.Foo/bars",
        ),
        (vault("kv-wrong-1"), {"location": "mars"}, 400, "InvalidRequestContent", "properties"),
        (vault("kv-wrong-2"), {**vault_body(), "location": "mars"}, 400, "LocationNotAvailableForResourceType", "mars"),
        (vault("kv-wrong-3"), {**vault_body(), "tagz": {}}, 400, "InvalidRequestContent", "tags"),
        (vault("kv"), vault_body(), 400, "InvalidRequestContent", "kv"),
    ],
)
def test_wrong_requests_say_what_is_wrong(
    arm: Arm, group: str, path: str, body: Any, status: int, code: str, says: str
) -> None:
    answer = arm.send("PUT", f"{group}/{path}", body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code
    assert says in answer.json()["error"]["message"]


def test_a_missing_group_and_a_foreign_subscription_are_named(arm: Arm) -> None:
    missing = arm.send("PUT", identity(f"{SUBSCRIPTION}/resourceGroups/nowhere", "one"), {"location": "westeurope"})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "ResourceGroupNotFound")
    foreign = arm.send("GET", "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/x")
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (404, "SubscriptionNotFound")


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "AuthenticationFailed"),
        ("Bearer not-a-token", "InvalidAuthenticationToken"),
        ("Bearer eyJhbGciOiJub25lIn0.eyJhdWQiOiJ4In0.", "InvalidAuthenticationToken"),
    ],
)
def test_a_wrong_token_is_refused(arm: Arm, token: str, code: str) -> None:
    answer = arm.send("GET", f"{SUBSCRIPTION}/resourceGroups", headers={"authorization": token})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert "bearer" in answer.headers["www-authenticate"].lower()


def test_what_is_locked_is_not_deleted(arm: Arm, group: str) -> None:
    arm.send("PUT", identity(group, "one"), {"location": "westeurope"})
    lock = f"{identity(group, 'one')}/providers/Microsoft.Authorization/locks/keep"
    assert arm.send("PUT", lock, {"properties": {"level": "CanNotDelete"}}, version="2020-05-01").status_code == 201
    for path in (identity(group, "one"), group):
        refused = arm.send("DELETE", path)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "ScopeLocked")
    assert arm.send("DELETE", lock).status_code == 200
    assert arm.send("DELETE", identity(group, "one")).status_code == 200


def test_a_deleted_vault_holds_its_name_until_it_is_purged_or_recovered(arm: Arm, group: str) -> None:
    path = f"{group}/{vault('kv-soft-delete')}"
    assert arm.send("PUT", path, vault_body()).status_code == 201
    assert arm.send("DELETE", path).status_code == 200
    taken = arm.send("PUT", path, vault_body())
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "ConflictError")
    recover = vault_body() | {"tags": {"made": "again"}}
    recover["properties"]["createMode"] = "recover"
    recovered = arm.send("PUT", path, recover)
    assert (recovered.status_code, recovered.json().get("tags", {})) == (201, {}), "it is as it was"
    assert arm.send("PUT", path, recover).json()["tags"] == {"made": "again"}
    arm.send("DELETE", path)
    deleted = f"{SUBSCRIPTION}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv-soft-delete"
    assert arm.send("GET", deleted).json()["properties"]["vaultId"].lower() == path.lower()
    assert arm.send("POST", f"{deleted}/purge").status_code == 200
    assert arm.send("GET", deleted).status_code == 404
    refused = arm.send("PUT", path, recover)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "SoftDeletedVaultDoesNotExist")
    assert arm.send("PUT", path, vault_body()).status_code == 201
    arm.send("DELETE", path)
    arm.send("POST", f"{deleted}/purge")


def test_role_assignments_are_recorded_on_any_scope(arm: Arm, group: str) -> None:
    name = "5f4a1c0e-5f3a-4f35-9a58-0d0f7b4b8b10"
    path = f"{group}/providers/Microsoft.Authorization/roleAssignments/{name}"
    role = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
    properties = {"principalId": "00000000-0000-0000-0000-000000000009", "roleDefinitionId": role}
    made = arm.send("PUT", path, {"properties": {**properties, "principalType": "ServicePrincipal"}})
    assert made.status_code == 201, made.text
    assert made.json()["properties"]["scope"] == group
    other = {**properties, "principalId": "00000000-0000-0000-0000-00000000000a", "principalType": "ServicePrincipal"}
    assert arm.send("PUT", path, {"properties": other}).json()["error"]["code"] == "RoleAssignmentUpdateNotPermitted"


# -- operations, by a control plane of our own that can be killed between two commits

THING = f"{SUBSCRIPTION}/resourceGroups/things/providers/Microsoft.Test/things/one"


class Killed(BaseException):
    """The process is gone."""


class Thing(ResourceType):
    """A long-running type; `applied` says what was applied, `error` is raised instead."""

    type = "Microsoft.Test/things"
    long_running = True
    long_running_delete = True

    def __init__(self) -> None:
        self.applied: list[Any] = []
        self.error: Exception | None = None

    def apply(self, document: Document) -> None:
        if self.error:
            raise self.error
        self.applied.append(document.body.get("size"))


class Dying:
    """A database connection whose process is killed right after its next commit."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        cursor = self.connection.execute(statement, *values)
        if statement == "commit":
            raise Killed
        return cursor


class ControlPlane:
    """ARM alone on a database; what an earlier one left there is taken up."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "arm.db")
        self.background = ThreadPoolExecutor(1)
        self.thing = Thing()
        settings = Settings(folder, 1, 2, "")
        emulator = Emulator(settings, self.store, cast(Runtime, None), cast(Tokens, None), self.background)
        self.arm = ArmService(emulator)
        emulator.add(self.arm)
        emulator.types[self.thing.type.lower()] = self.thing
        self.arm.reconcile()
        self.send("PUT", THING.partition("/providers")[0], {"location": "westeurope"})

    def send(self, method: str, path: str, body: Any = None) -> Response:
        content = io.BytesIO(json.dumps(body).encode())
        query = {"api-version": "1"}
        return self.arm.resource(Request(method, "localhost", path, path, "", "", query, body=content))

    def result(self, answer: Response) -> Response:
        """What an operation's `operationresults` answers once it has ended."""
        self.background.submit(lambda: None).result(10)
        name = answer.headers["azure-asyncoperation"].rpartition("/")[2].partition("?")[0]
        request = Request("GET", "localhost", "/", "/", "", "", body=io.BytesIO(), parameters={"name": name})
        return self.arm.operations.result(request)

    def stored(self) -> Document | None:
        """The thing once nothing runs any more."""
        self.background.submit(lambda: None).result(10)
        return self.store.get(THING)

    def close(self) -> None:
        self.background.shutdown()
        self.store.close()


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_kill_after_any_commit_of_a_write_locks_no_resource(tmp_path: Path, method: str) -> None:
    first = ControlPlane(tmp_path)
    if method == "PATCH":
        first.send("PUT", THING, {"size": 0})
        first.background.submit(lambda: None).result(10)
    first.store._connection = cast(sqlite3.Connection, Dying(first.store._connection))
    with pytest.raises(Killed):
        first.send(method, THING, {"size": 1})
    first.background.shutdown()
    second = ControlPlane(tmp_path)
    found = second.stored()
    assert found is not None
    assert (found.properties["provisioningState"], second.thing.applied) == ("Succeeded", [1])
    assert second.store.open_operations() == []
    second.close()


def test_an_operation_that_did_not_succeed_never_answers_as_if_it_had(tmp_path: Path) -> None:
    plane = ControlPlane(tmp_path)
    plane.thing.error = ServiceError(409, "TooBig", "It is too big.")
    failed = plane.result(plane.send("PUT", THING, {"size": 9}))
    assert (failed.status, json.loads(cast(bytes, failed.body))["error"]["code"]) == (409, "TooBig")
    orphan = plane.store.start_operation("put", THING.replace("one", "gone"))
    plane.arm.reconcile()
    canceled = plane.result(Response(headers={"azure-asyncoperation": f"/operations/{orphan.name}?"}))
    assert canceled.status == 409
    assert "gone' was deleted before its operation ended" in cast(bytes, canceled.body).decode()
    plane.close()


def test_head_says_whether_a_resource_exists(arm: Arm, group: str) -> None:
    assert arm.send("HEAD", group).status_code == 204
    assert arm.send("HEAD", f"{group}-none").status_code == 404


def test_new_storage_account_is_answered_as_its_clients_know(arm: Arm, group: str) -> None:
    path = f"{group}/providers/Microsoft.Storage/storageAccounts/stheadcontract"
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    made, again = (arm.send("PUT", path, body, version="2023-01-01") for _ in range(2))
    assert (made.status_code, made.content, again.status_code) == (202, b"", 200)
    assert arm.client.get(made.headers["location"]).json()["id"] == again.json()["id"]
    endpoints = arm.send("GET", path, version="2023-01-01").json()["properties"]["primaryEndpoints"]
    hosts = {kind: httpx.URL(endpoints[kind]).netloc.decode() for kind in ("dfs", "queue")}
    answers = {kind: arm.client.get("/files", headers={"host": host}) for kind, host in hosts.items()}
    assert {answer.status_code for answer in answers.values()} == {501}
    blobs = f"its files are blobs at https://{hosts['dfs'].replace('.dfs.', '.blob.')}"
    assert blobs in answers["dfs"].json()["error"]["message"]
    assert "its queues hold nothing" in answers["queue"].json()["error"]["message"]


def names(answer: httpx.Response) -> list[str]:
    """Names in a list."""
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["value"]]


def test_lists_are_narrowed_by_filters(arm: Arm, group: str) -> None:
    tagged = {"location": "westeurope", "tags": {"team": "bikes"}}
    assert arm.send("PUT", identity(group, "one"), tagged).status_code == 201
    assert arm.send("PUT", identity(group, "two"), {"location": "westeurope"}).status_code == 201
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
    for text, expected in (
        ("", ["one", "two"]),
        (f"resourceType eq '{kind}' and tagName eq 'team' and tagValue eq 'bikes'", ["one"]),
        ("resourceType eq 'Microsoft.Storage/storageAccounts'", []),
        ("name eq 'two'", ["two"]),
    ):
        query = {"$filter": text} if text else {}
        assert names(arm.send("GET", f"{group}/resources", params=query)) == expected
    assert "one" in names(arm.send("GET", f"{SUBSCRIPTION}/resources", params={"$filter": "tagName eq 'team'"}))
    assert arm.send("GET", f"{group}-none/resources").status_code == 404
    refused = arm.send("GET", f"{group}/resources", params={"$filter": "name ne 'two'"})
    assert (refused.status_code, "name ne 'two'" in refused.text) == (400, True)

    assert arm.send("PUT", group, {"location": "westeurope", "tags": {"stage": group[-40:]}}).status_code == 200
    query = {"$filter": f"tagName eq 'stage' and tagValue eq '{group[-40:]}'"}
    assert names(arm.send("GET", f"{SUBSCRIPTION}/resourceGroups", params=query)) == [group.rpartition("/")[2]]


def test_role_assignments_of_one_principal_and_built_in_roles(arm: Arm, group: str) -> None:
    roles = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
    [role] = arm.send("GET", roles, params={"$filter": "roleName eq 'Storage Blob Data Reader'"}).json()["value"]
    assert role["id"] == f"{roles}/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    assert role["properties"]["type"] == "BuiltInRole"
    assert arm.send("GET", role["id"]).json()["properties"] == role["properties"]
    people = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"]
    place = f"{group}/providers/Microsoft.Authorization/roleAssignments"
    for person in people:
        properties = {"principalId": person, "principalType": "ServicePrincipal", "roleDefinitionId": role["id"]}
        assert arm.send("PUT", f"{place}/{person}", {"properties": properties}).status_code == 201
    for text in (f"principalId eq '{people[1]}'", f"atScope() and assignedTo('{people[1]}')"):
        assert names(arm.send("GET", place, params={"$filter": text})) == [people[1]]


def test_resource_providers_are_registered(arm: Arm) -> None:
    listed = arm.send("GET", f"{SUBSCRIPTION}/providers").json()["value"]
    assert {"Microsoft.Storage", "Microsoft.MachineLearningServices"} <= {one["namespace"] for one in listed}
    storage = arm.send("GET", f"{SUBSCRIPTION}/providers/microsoft.storage").json()
    assert storage["registrationState"] == "Registered"
    [accounts] = [one for one in storage["resourceTypes"] if one["resourceType"] == "storageAccounts"]
    assert accounts["apiVersions"]
    assert arm.send("POST", f"{SUBSCRIPTION}/providers/Microsoft.Storage/register").status_code == 200
    assert arm.send("GET", f"{SUBSCRIPTION}/providers/Microsoft.None").status_code == 404
