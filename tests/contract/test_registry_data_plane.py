"""A registry's data plane, by Azure's unmodified client and by crane: tokens, content, listings, locks."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import pytest
from azure.containerregistry import ArtifactManifestOrder, ArtifactTagOrder, ContainerRegistryClient
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from emulator.container_registry.tokens import RegistryTokens, Scope
from ml.clients.registry import ContainerRegistry
from tests.conftest import RunningEmulator
from tests.contract.image_builder import build_server_image, make_registry
from tests.contract.registry_access import Crane, http, loopback_proxy, refresh_token, sdk

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIGURATION = "application/vnd.oci.image.config.v1+json"


@pytest.fixture(scope="module", name="registry")
def fixture_registry(emulator: RunningEmulator) -> ContainerRegistry:
    registry = make_registry()
    build_server_image(registry)
    return registry


@pytest.fixture(name="client")
def fixture_client(registry: ContainerRegistry, emulator: RunningEmulator) -> Iterator[ContainerRegistryClient]:
    with sdk(registry, emulator) as client:
        yield client


@pytest.fixture(name="crane")
def fixture_crane(registry: ContainerRegistry, emulator: RunningEmulator, tmp_path: Path) -> Iterator[Crane]:
    with loopback_proxy() as proxy:
        crane = Crane(tmp_path, emulator, proxy)
        crane.login(registry)
        yield crane


def push(client: ContainerRegistryClient, repository: str, tag: str, content: bytes) -> str:
    """Pushes an image of one small layer with Azure's client; its digest."""
    layer, size = client.upload_blob(repository, io.BytesIO(content))
    configuration, length = client.upload_blob(repository, io.BytesIO(b"{}"))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIGURATION, "digest": configuration, "size": length},
        "layers": [{"mediaType": "application/octet-stream", "digest": layer, "size": size}],
    }
    return client.set_manifest(repository, manifest, tag=tag)


def retag(client: ContainerRegistryClient, repository: str, old: str, new: str) -> None:
    """Gives an image one more tag."""
    client.set_manifest(repository, dict(client.get_manifest(repository, old).manifest or {}), tag=new)


# -- content


def test_blobs_and_manifests_come_back_as_they_went(
    client: ContainerRegistryClient, registry: ContainerRegistry, emulator: RunningEmulator
) -> None:
    content = bytes(range(256)) * 40_000  # 10 MB: three pieces of the client
    digest = push(client, "sdk/round-trip", "v1", content)
    found = client.get_manifest("sdk/round-trip", "v1")
    assert found.digest == digest
    layer = dict(found.manifest or {})["layers"][0]["digest"]
    assert layer == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert b"".join(client.download_blob("sdk/round-trip", layer)) == content
    client.delete_blob("sdk/round-trip", layer)
    headers = bearer(registry, emulator, "repository:sdk/round-trip:pull")
    with http(registry, emulator) as plain:
        assert plain.head(f"/v2/sdk/round-trip/blobs/{layer}", headers=headers).status_code == 404


def test_a_blob_that_is_not_what_its_digest_says_is_refused(
    registry: ContainerRegistry, emulator: RunningEmulator
) -> None:
    with http(registry, emulator) as client:
        headers = bearer(registry, emulator, "repository:broken:pull,push")
        begun = client.post("/v2/broken/blobs/uploads/", headers=headers)
        where = begun.headers["location"] + f"&digest=sha256:{'0' * 64}"
        refused = client.put(where, content=b"something", headers=headers)
    assert begun.status_code == 202
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "DIGEST_INVALID")


def test_crane_pushes_pulls_and_copies(registry: ContainerRegistry, crane: Crane, tmp_path: Path) -> None:
    image = registry.reference("greeter", "1")
    assert "1" in crane("ls", registry.reference("greeter", "x").rpartition(":")[0]).splitlines()
    digest = crane("digest", image)
    assert digest == registry.digest("greeter", "1")
    crane("copy", image, registry.reference("copies/greeter", "1"))
    assert registry.digest("copies/greeter", "1") == digest
    crane("pull", image, str(tmp_path / "image.tar"))
    crane("push", str(tmp_path / "image.tar"), registry.reference("pushed/greeter", "1"))
    configuration = json.loads(crane("config", registry.reference("pushed/greeter", "1")))
    assert configuration["config"]["Entrypoint"] == ["python3", "/app/server.py"]
    crane("validate", "--remote", image)


# -- listings


def test_listings_are_azures(client: ContainerRegistryClient, registry: ContainerRegistry) -> None:
    digests = [push(client, "listed/one", tag, tag.encode()) for tag in ("a", "b", "c")]
    retag(client, "listed/one", "c", "again")
    assert "listed/one" in list(client.list_repository_names(results_per_page=2))
    repository = client.get_repository_properties("listed/one")
    assert (repository.manifest_count, repository.tag_count) == (3, 4)
    assert repository.created_on <= repository.last_updated_on
    tags = list(client.list_tag_properties("listed/one", results_per_page=3))
    assert {tag.name: tag.digest for tag in tags} == dict(zip("abc", digests, strict=True)) | {"again": digests[2]}
    newest = client.list_tag_properties("listed/one", order_by=ArtifactTagOrder.LAST_UPDATED_ON_DESCENDING)
    assert next(iter(newest)).name == "again"
    order = ArtifactManifestOrder.LAST_UPDATED_ON_ASCENDING
    manifests = list(client.list_manifest_properties("listed/one", order_by=order))
    assert [one.digest for one in manifests] == digests
    assert manifests[2].tags == ["again", "c"]
    assert manifests[0].size_in_bytes == 3
    assert client.get_manifest_properties("listed/one", "b").digest == digests[1]
    assert registry.tags("listed/one")["a"] == digests[0]


@pytest.mark.parametrize("path", ["/acr/v1/_catalog", "/acr/v1/greeter/_tags", "/acr/v1/greeter/_manifests"])
def test_a_page_of_none_is_empty_and_one_of_less_is_refused(
    registry: ContainerRegistry, emulator: RunningEmulator, path: str
) -> None:
    headers = bearer(registry, emulator, "registry:catalog:* repository:greeter:metadata_read")
    with http(registry, emulator) as plain:
        empty = plain.get(path, params={"n": 0}, headers=headers)
        assert (empty.status_code, "link" in empty.headers) == (200, False)
        assert [] in empty.json().values()
        for n in ("-1", "many"):
            refused = plain.get(path, params={"n": n}, headers=headers)
            assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "PAGINATION_NUMBER_INVALID")


def test_what_is_not_there_is_not_found(client: ContainerRegistryClient, registry: ContainerRegistry) -> None:
    asks: list[Callable[[], object]] = [
        lambda: client.get_manifest_properties("greeter", "none"),
        lambda: client.get_tag_properties("greeter", "none"),
        lambda: client.get_repository_properties("none"),
        lambda: list(client.list_tag_properties("none")),
    ]
    for ask in asks:
        with pytest.raises(ResourceNotFoundError):
            ask()
    assert registry.digest("none", "1") is None
    assert registry.digest("greeter", f"sha256:{'0' * 64}") is None
    assert registry.tags("none") == {}


# -- deletion and locks


def test_untagging_keeps_the_image_and_deleting_takes_its_tags(
    client: ContainerRegistryClient, registry: ContainerRegistry
) -> None:
    digest = push(client, "gone", "a", b"1")
    retag(client, "gone", "a", "b")
    client.delete_tag("gone", "a")
    assert registry.tags("gone") == {"b": digest}
    client.delete_manifest("gone", digest)
    assert registry.tags("gone") == {}
    assert registry.digest("gone", digest) is None
    assert push(client, "gone", "a", b"1") == digest
    registry.purge("gone")
    registry.purge("gone")
    assert "gone" not in list(client.list_repository_names())


def test_a_lock_is_one_on_writing_and_deleting_until_the_repository_is_purged(
    client: ContainerRegistryClient, registry: ContainerRegistry
) -> None:
    digest = push(client, "locked", "a", b"1")
    registry.lock("locked", "a")
    with pytest.raises(HttpResponseError, match="disallowed") as refused:
        push(client, "locked", "a", b"2")
    assert refused.value.status_code == 405
    assert registry.digest("locked", "a") == digest
    deletions = (
        partial(client.delete_tag, "locked", "a"),
        partial(client.delete_manifest, "locked", digest),
        partial(client.delete_repository, "locked"),
    )
    for delete in deletions:
        with pytest.raises(HttpResponseError, match="disallowed"):
            delete()
    client.update_tag_properties("locked", "a", can_write=True)
    client.update_manifest_properties("locked", digest, can_delete=False)
    for delete in deletions[1:]:
        with pytest.raises(HttpResponseError, match="disallowed"):
            delete()
    client.update_manifest_properties("locked", digest, can_delete=True)
    registry.lock("locked", "a")
    registry.purge("locked")
    assert push(client, "locked", "a", b"3"), "the lock went with the tag"


def test_tags_that_are_locked_at_once_are_all_locked(
    client: ContainerRegistryClient, registry: ContainerRegistry, emulator: RunningEmulator
) -> None:
    push(client, "crowd", "t0", b"1")
    tags = [f"t{number}" for number in range(16)]
    for tag in tags[1:]:
        retag(client, "crowd", "t0", tag)
    headers, ready = bearer(registry, emulator, "repository:crowd:*"), threading.Barrier(len(tags))
    with http(registry, emulator) as plain, ThreadPoolExecutor(len(tags)) as pool:

        def lock(tag: str) -> int:
            ready.wait(30)
            answer = plain.patch(f"/acr/v1/crowd/_tags/{tag}", json={"writeEnabled": False}, headers=headers)
            return answer.status_code

        assert list(pool.map(lock, tags)) == [200] * len(tags)
    found = {tag.name: tag.can_write for tag in client.list_tag_properties("crowd")}
    assert found == dict.fromkeys(tags, False)


# `%2e%2e` reaches the emulator as it is, where a client would resolve `..` itself.
@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("fixed/%2e%2e/fixed", "DELETE", "/v2/{name}/manifests/a"),
        ("fixed/%2e%2e/fixed", "PUT", "/v2/{name}/manifests/a"),
        ("fixed/%2e%2e/fixed", "GET", "/v2/{name}/tags/list"),
        ("other", "GET", "/v2/{name}/manifests/%2e%2e/%2e%2e/fixed/manifests/a"),
        ("fixed/%2e%2e/fixed", "DELETE", "/acr/v1/{name}/_tags/a"),
        ("fixed/%2e%2e/fixed", "GET", "/acr/v1/{name}/_manifests"),
        ("fixed/%2e%2e/fixed", "DELETE", "/acr/v1/{name}"),
        ("fixed/%2e/", "DELETE", "/acr/v1/{name}"),
        ("Fixed", "DELETE", "/acr/v1/{name}/_tags/a"),
    ],
)
def test_a_repository_has_one_name(
    client: ContainerRegistryClient,
    registry: ContainerRegistry,
    emulator: RunningEmulator,
    name: str,
    method: str,
    path: str,
) -> None:
    digest = push(client, "fixed", "a", b"1")
    headers = bearer(registry, emulator, f"repository:{unquote(name)}:*") | {"accept": MANIFEST}
    with http(registry, emulator) as plain:
        answer = plain.request(method, path.format(name=name), headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "NAME_UNKNOWN")
    assert registry.tags("fixed") == {"a": digest}


# -- tokens


def bearer(registry: ContainerRegistry, emulator: RunningEmulator, scope: str) -> dict[str, str]:
    """An access token for a scope, as a header."""
    form = {
        "grant_type": "refresh_token",
        "service": registry.login_server,
        "scope": scope,
        "refresh_token": refresh_token(registry, emulator),
    }
    with http(registry, emulator) as client:
        answer = client.post("/oauth2/token", data=form)
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


def test_the_challenge_says_where_the_token_is_and_for_what(
    registry: ContainerRegistry, emulator: RunningEmulator
) -> None:
    with http(registry, emulator) as client:
        answer = client.get("/v2/greeter/manifests/1")
        assert answer.status_code == 401
        server = registry.login_server
        expected = f'Bearer realm="https://{server}/oauth2/token",service="{server}",scope="repository:greeter:pull"'
        assert answer.headers["www-authenticate"] == expected
        assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"
        assert client.get("/v2/").headers["www-authenticate"].endswith(f'service="{server}"')
        assert client.get("/v2/", headers=bearer(registry, emulator, "")).status_code == 200


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("repository:greeter:pull", "GET", "/v2/greeter/manifests/1", 200),
        ("repository:greeter:pull", "HEAD", "/v2/greeter/manifests/1", 200),
        ("repository:greeter:pull", "POST", "/v2/greeter/blobs/uploads/", 401),
        ("repository:greeter:pull", "DELETE", "/v2/greeter/manifests/1", 401),
        ("repository:other:pull", "GET", "/v2/greeter/manifests/1", 401),
        ("repository:greeter:metadata_read", "GET", "/acr/v1/greeter/_tags", 200),
        ("repository:greeter:pull", "GET", "/acr/v1/greeter/_tags", 401),
        ("registry:catalog:*", "GET", "/acr/v1/_catalog", 200),
        ("registry:catalog:*", "GET", "/v2/_catalog", 200),
        ("repository:greeter:*", "GET", "/acr/v1/_catalog", 401),
    ],
)
def test_a_token_is_good_for_what_it_was_asked_for(
    registry: ContainerRegistry, emulator: RunningEmulator, scope: str, method: str, path: str, status: int
) -> None:
    with http(registry, emulator) as client:
        headers = bearer(registry, emulator, scope) | {"accept": MANIFEST}
        assert client.request(method, path, headers=headers).status_code == status


def test_foreign_and_wrong_tokens_are_refused(registry: ContainerRegistry, emulator: RunningEmulator) -> None:
    tokens = RegistryTokens(emulator.settings)
    elsewhere = tokens.access_token("other.azurecr.localhost", "me", Scope.parse("repository:greeter:pull"))
    with http(registry, emulator) as client:
        for token in (elsewhere, refresh_token(registry, emulator), "nonsense"):
            headers = {"authorization": f"Bearer {token}"}
            assert client.get("/v2/greeter/manifests/1", headers=headers).status_code == 401
        form = {"grant_type": "access_token", "access_token": "nonsense"}
        assert client.post("/oauth2/exchange", data=form).status_code == 401
        wrong = {"grant_type": "refresh_token", "refresh_token": "nonsense", "scope": "repository:greeter:pull"}
        assert client.post("/oauth2/token", data=wrong).status_code == 401
        assert client.get("/oauth2/token", params={"scope": "repository:greeter:pull"}).status_code == 401


def test_crane_with_a_wrong_password_is_refused(registry: ContainerRegistry, crane: Crane) -> None:
    crane.login(registry, password="nonsense")
    done = crane.run("manifest", registry.reference("greeter", "1"))
    assert done.returncode != 0
    assert "UNAUTHORIZED" in done.stderr


def test_a_registry_that_does_not_exist_is_not_found(registry: ContainerRegistry, emulator: RunningEmulator) -> None:
    nowhere = ContainerRegistry("", registry.login_server.replace("cr", "xx", 1))
    with http(nowhere, emulator) as client:
        answer = client.get("/v2/")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "NAME_UNKNOWN")
