"""The calls that lines of the role table are there for, each made with the identity's own token. They give what the
service answers: status and code of an error, or a status alone.
"""

from __future__ import annotations

import ssl
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient

from emulator.access import ROLE_ASSIGNMENT, ROLE_DEFINITION, SUBSCRIPTION
from tests.contract.role_world import IDENTITIES, IDS, WEST, World, make_cluster, make_workspace

Answer = tuple[int, str]
Call = Callable[[World, str, str], Answer]
"""With the world, whom and which scope the line is about."""
STORAGE = "2024-01-01"
ML = "2024-10-01"


def answer_of(response: httpx.Response) -> Answer:
    """Status and code of Resource Manager's answer."""
    return response.status_code, "" if response.is_success else str(response.json()["error"]["code"])


def refusal(error: HttpResponseError) -> Answer:
    """Status and code of what an SDK raises: storage has a header for the code, others have it in the body."""
    code = getattr(error, "error_code", None) or (error.error.code if error.error else "")
    return error.status_code or 0, str(code)


def workspace(world: World, who: str, where: str) -> Answer:
    """Azure ML looks at what the workspace's identity may do before it makes the workspace."""
    return answer_of(make_workspace(world, f"{IDS['workspace']}-{uuid.uuid4().hex[:8]}"))


def cluster(world: World, who: str, where: str) -> Answer:
    """AKS uses the cluster's identity while it makes the cluster."""
    return answer_of(make_cluster(world, f"{IDS['kubernetes']}-{uuid.uuid4().hex[:8]}"))


def manager(method: str, path: str, body: Any = None, version: str = "2024-03-01") -> Call:
    """A request to Resource Manager; `path` follows the scope's id."""

    def call(world: World, who: str, where: str) -> Answer:
        return answer_of(world.send(who, method, IDS[where] + path, body, version))

    return call


def makes_identity(world: World, who: str, where: str) -> Answer:
    """Makes one of the things that a program declares."""
    return answer_of(world.send(who, "PUT", f"{IDENTITIES}/made-by-{who}", WEST, "2023-01-31"))


def gives(role: str) -> Call:
    """Assigns a role, by its id, to an identity, and takes it away again."""

    def call(world: World, who: str, where: str) -> Answer:
        path = f"{IDS['registry']}/providers/{ROLE_ASSIGNMENT}/{uuid.uuid4()}"
        definition = f"{SUBSCRIPTION}/providers/{ROLE_DEFINITION}/{role}"
        given = {"roleDefinitionId": definition, "principalId": str(uuid.uuid4()), "principalType": "ServicePrincipal"}
        answer = answer_of(world.send(who, "PUT", path, {"properties": given}, "2022-04-01"))
        return answer if answer[1] else answer_of(world.send(who, "DELETE", path, None, "2022-04-01"))

    return call


def blobs(world: World, who: str, where: str) -> tuple[BlobServiceClient, str]:
    """The account of a scope, and a container there."""
    account, _, container = IDS[where].partition("/blobServices/default/containers/")
    url = f"https://{account.rpartition('/')[2]}.blob.{world.emulator.settings.storage_suffix()}"
    found = container or ("raw" if where == "lake" else "files")
    return BlobServiceClient(url, world.credential(who), transport=world.transport, retry_total=0), found


def blob(verb: str) -> Call:
    """Reads or writes a blob of the place."""

    def call(world: World, who: str, where: str) -> Answer:
        service, container = blobs(world, who, where)
        found = service.get_blob_client(container, f"{who}.txt")
        try:
            found.upload_blob(b"x", overwrite=True) if verb == "write" else found.download_blob().readall()
        except ResourceNotFoundError:
            return 200, ""  # who may not read learns not even that
        except HttpResponseError as error:
            return refusal(error)
        return 200, ""

    return call


def delegation_key(world: World, who: str, where: str) -> Answer:
    """Asks for the key that signs passes to single folders."""
    service, _ = blobs(world, who, where)
    now = datetime.now(UTC)
    try:
        service.get_user_delegation_key(now, now + timedelta(minutes=5))
    except HttpResponseError as error:
        return refusal(error)
    return 200, ""


def pull(world: World, who: str, where: str) -> Answer:
    """Asks for a manifest, as docker does after `az acr login`: two exchanges of tokens, then the call.

    By hand, because azure-containerregistry leaves a connection open at each exchange. Azure:
    https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
    """
    service = f"crroles.azurecr.localhost:{world.emulator.settings.https_port}"
    server, scope, ask = f"https://{service}", "repository:none:pull", world.arm.client
    token = world.credential(who).get_token("https://management.azure.com/.default").token
    given: dict[str, str] = {"service": service, "grant_type": "access_token", "access_token": token}
    refresh = ask.post(f"{server}/oauth2/exchange", data=given).json()["refresh_token"]
    given = {"service": service, "grant_type": "refresh_token", "refresh_token": refresh, "scope": scope}
    allowed = ask.post(f"{server}/oauth2/token", data=given).json()["access_token"]
    answer = ask.get(f"{server}/v2/none/manifests/latest", headers={"authorization": f"Bearer {allowed}"})
    if answer.status_code == 404:
        return 200, ""
    return answer.status_code, answer.headers["www-authenticate"].rpartition('scope="')[2].strip('"')


def imports_image(world: World, who: str, where: str) -> Answer:
    """Asks a registry for an image of a registry of the same tenant: both are this one."""
    source = {"resourceId": IDS["registry"], "sourceImage": f"none@sha256:{'0' * 64}"}
    body = {"source": source, "targetTags": [f"promoted:{uuid.uuid4().hex}"]}
    return answer_of(world.send(who, "POST", f"{IDS['registry']}/importImage", body, "2023-07-01"))


def telemetry(world: World, who: str, where: str) -> Answer:
    """Sends an item as the exporters do."""
    key = world.arm.send("GET", IDS["insights"], version="2020-02-02").json()["properties"]["ConnectionString"]
    parts = dict(part.split("=", 1) for part in key.split(";"))
    item = {
        "name": "Microsoft.ApplicationInsights.Message",
        "time": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "iKey": parts["InstrumentationKey"],
        "data": {"baseType": "MessageData", "baseData": {"ver": 2, "message": "here"}},
    }
    token = world.credential(who).get_token("https://monitor.azure.com/.default").token
    address = f"{parts['IngestionEndpoint'].rstrip('/')}/v2.1/track"
    trust = ssl.create_default_context(cafile=world.emulator.environment["SSL_CERT_FILE"])
    answer = httpx.post(address, json=[item], headers={"authorization": f"Bearer {token}"}, verify=trust)
    refused = answer.json()["errors"]
    return answer.status_code, str(refused[0]["message"]).partition(":")[0] if refused else ""


def secret(world: World, who: str, where: str) -> Answer:
    """Sets a secret."""
    url = f"https://kv-roles.vault.localhost:{world.emulator.settings.https_port}"
    options: dict[str, Any] = {"transport": world.transport, "verify_challenge_resource": False, "retry_total": 0}
    try:
        SecretClient(url, world.credential(who), **options).set_secret(who, "value")
    except HttpResponseError as error:
        return refusal(error)
    return 200, ""
