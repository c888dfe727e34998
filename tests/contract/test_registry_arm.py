"""A registry in ARM: names, the admin user, imports, and what goes with it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.arm import arm
from ml.clients.errors import CloudError
from ml.clients.registry import ContainerRegistry
from tests.conftest import RunningEmulator
from tests.contract.image_builder import BASE, GROUP, PYTHON, build_server_image, make_registry
from tests.contract.registry_access import Crane, http, loopback_proxy

VERSION = "2023-07-01"
PROVIDER = "providers/Microsoft.ContainerRegistry"
BODY: dict[str, Any] = {"location": "westeurope", "sku": {"name": "Basic"}, "properties": {}}


@pytest.fixture(scope="module", name="registry")
def fixture_registry(emulator: RunningEmulator) -> ContainerRegistry:
    return make_registry()


@pytest.fixture(name="crane")
def fixture_crane(emulator: RunningEmulator, tmp_path: Path) -> Iterator[Crane]:
    with loopback_proxy() as proxy:
        yield Crane(tmp_path, emulator, proxy)


def post_import(registry: ContainerRegistry, body: dict[str, Any]) -> None:
    """Imports as the body says, and waits for the end."""
    answer = arm().send("POST", f"{registry.id}/importImage", VERSION, body=body)
    assert answer.status_code == 202
    registry._finish(answer.headers["location"], "importing", time.sleep)


def name_of(registry: ContainerRegistry) -> str:
    return registry.id.rpartition("/")[2]


def test_the_document_is_azures(registry: ContainerRegistry, emulator: RunningEmulator) -> None:
    document = arm().get(registry.id, VERSION)
    assert document is not None
    properties = document["properties"]
    assert properties["loginServer"] == f"{name_of(registry)}.azurecr.localhost:{emulator.settings.https_port}"
    assert (properties["adminUserEnabled"], properties["anonymousPullEnabled"]) == (False, False)
    assert (document["sku"], properties["provisioningState"]) == ({"name": "Basic", "tier": "Basic"}, "Succeeded")
    again = arm().put(registry.id, VERSION, {**BODY, "tags": {"a": "b"}})
    assert again["properties"]["creationDate"] == properties["creationDate"]


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("four", BODY, "InvalidRequestContent|InvalidRegistryName"),
        ("with-hyphen", BODY, "InvalidRequestContent|InvalidRegistryName"),
        ("validname", {**BODY, "sku": {"name": "Huge"}}, "Huge"),
        ("validname", {**BODY, "location": "mars"}, "mars"),
    ],
)
def test_wrong_registries_are_refused(registry: ContainerRegistry, name: str, body: dict[str, Any], says: str) -> None:
    with pytest.raises(CloudError, match=says):
        arm().put(f"{GROUP}/{PROVIDER}/registries/{name}", VERSION, body)


def test_a_name_is_taken_everywhere(registry: ContainerRegistry) -> None:
    other = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/images-other"
    arm().put(other, "2024-03-01", {"location": "westeurope"})
    with pytest.raises(CloudError, match="AlreadyInUse"):
        arm().put(f"{other}/{PROVIDER}/registries/{name_of(registry).upper()}", VERSION, BODY)


@pytest.mark.parametrize(("name", "reason"), [("freename", None), ("no", "Invalid"), ("", "AlreadyExists")])
def test_names_can_be_checked(registry: ContainerRegistry, name: str, reason: str | None) -> None:
    path = f"/subscriptions/{SUBSCRIPTION_ID}/{PROVIDER}/checkNameAvailability"
    body = {"name": name or name_of(registry), "type": "Microsoft.ContainerRegistry/registries"}
    answer = arm().post(path, VERSION, body)
    assert (answer["nameAvailable"], answer.get("reason")) == (reason is None, reason)


def test_the_admin_user_signs_in_only_while_there_is_one(crane: Crane, emulator: RunningEmulator) -> None:
    registry = make_registry()
    with pytest.raises(CloudError, match=r"UnAuthorizedForCredentialOperations.*admin user is disabled"):
        arm().post(f"{registry.id}/listCredentials", VERSION)
    arm().put(registry.id, VERSION, {**BODY, "properties": {"adminUserEnabled": True}})
    found = arm().post(f"{registry.id}/listCredentials", VERSION)
    assert [one["name"] for one in found["passwords"]] == ["password", "password2"]
    for one in found["passwords"]:
        crane.login(registry, user=found["username"], password=one["value"])
        assert crane("digest", registry.reference(*BASE.split(":"))).startswith("sha256:")
    with http(registry, emulator) as client:
        assert client.get("/oauth2/token", auth=(found["username"], "pässword")).status_code == 401
    arm().put(registry.id, VERSION, {**BODY, "properties": {"adminUserEnabled": False}})
    assert crane.run("digest", registry.reference(*BASE.split(":"))).returncode != 0
    arm().delete(registry.id, VERSION)


def test_anonymous_pull_reads_and_never_writes(emulator: RunningEmulator) -> None:
    registry = make_registry()
    arm().put(registry.id, VERSION, {**BODY, "properties": {"anonymousPullEnabled": True}})
    query = {"scope": "repository:base/python:pull,push", "service": registry.login_server}
    with http(registry, emulator) as client:
        token = client.get("/oauth2/token", params=query).json()["access_token"]
        headers = {"authorization": f"Bearer {token}", "accept": "application/vnd.oci.image.manifest.v1+json"}
        assert client.get("/v2/base/python/manifests/3.11-slim-bookworm", headers=headers).status_code == 200
        assert client.post("/v2/base/python/blobs/uploads/", headers=headers).status_code == 401
    arm().delete(registry.id, VERSION)


# -- imports


def test_the_base_image_says_what_it_is(registry: ContainerRegistry, crane: Crane) -> None:
    crane.login(registry)
    config = json.loads(crane("config", registry.reference(*BASE.split(":"))))["config"]
    label = config["Labels"]["org.opencontainers.image.description"]
    assert "this machine's own Python 3.11" in label
    assert label.endswith(f"in place of {PYTHON}")
    assert config["Cmd"] == ["python3"]


def test_an_import_keeps_a_tag_unless_forced(registry: ContainerRegistry) -> None:
    source = {"registryUri": "docker.io", "sourceImage": "library/python:3.11"}
    body = {"source": source, "targetTags": [BASE]}
    with pytest.raises(CloudError, match="already exists in target registry") as refused:
        arm().post(f"{registry.id}/importImage", VERSION, body)
    assert refused.value.status == 409
    before = registry.digest(*BASE.split(":"))
    registry.import_image(PYTHON, BASE)
    assert registry.digest(*BASE.split(":")) == before
    registry.import_image("docker.io/library/python:3.11", BASE, force=True)
    assert registry.digest(*BASE.split(":")) != before, "its label names another tag"
    registry.import_image(PYTHON, BASE, force=True)
    assert registry.digest(*BASE.split(":")) == before


def test_an_image_is_imported_from_another_registry_by_digest(registry: ContainerRegistry) -> None:
    target = make_registry(f"crtarget{uuid.uuid4().hex[:6]}")
    image = build_server_image(registry, greeting="imported")
    digest = image.rpartition("@")[2]
    target.import_image(image, "promoted/greeter:1")
    assert target.digest("promoted/greeter", "1") == digest
    post_import(
        target, {"source": {"resourceId": registry.id, "sourceImage": f"greeter@{digest}"}, "targetTags": ["again:1"]}
    )
    assert target.digest("again", "1") == digest
    arm().delete(target.id, VERSION)
    assert target.digest("again", "1") is None


@pytest.mark.parametrize("public", [False, True])
def test_an_untagged_target_gets_the_manifest_and_no_tag(registry: ContainerRegistry, public: bool) -> None:
    repository = f"models/{uuid.uuid4().hex}"
    registry.import_image(PYTHON.replace("bookworm", "other"), f"{repository}:latest")
    latest = registry.digest(repository, "latest")
    source = {"registryUri": "docker.io", "sourceImage": PYTHON.partition("/")[2]}
    if not public:
        source = {"resourceId": registry.id, "sourceImage": BASE}
    post_import(registry, {"source": source, "untaggedTargetRepositories": [repository], "mode": "Force"})
    assert registry.tags(repository) == {"latest": latest}
    base = registry.digest(*BASE.split(":"))
    assert base is not None
    assert registry.digest(repository, base) == base


def test_a_target_without_a_tag_takes_the_sources(registry: ContainerRegistry) -> None:
    repository = f"my.models/{uuid.uuid4().hex}"
    post_import(registry, {"source": {"resourceId": registry.id, "sourceImage": BASE}, "targetTags": [repository]})
    assert list(registry.tags(repository)) == [BASE.partition(":")[2]]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"source": {"resourceId": "x"}}, "'source.sourceImage' is missing"),
        ({"source": {"sourceImage": "UPPER"}}, "'source.sourceImage': 'UPPER' is no image reference"),
        (
            {"targetTags": [f"a@sha256:{'0' * 64}"]},
            r"'targetTags': 'a@sha256:0+' is not of the form repository\[:tag\]",
        ),
        ({"untaggedTargetRepositories": ["a:1"]}, "'untaggedTargetRepositories': 'a:1' is not of the form repository"),
    ],
)
def test_a_wrong_import_is_refused(registry: ContainerRegistry, changes: dict[str, Any], says: str) -> None:
    body = {"source": {"resourceId": registry.id, "sourceImage": BASE}, **changes}
    with pytest.raises(CloudError, match=says) as refused:
        arm().post(f"{registry.id}/importImage", VERSION, body)
    assert refused.value.status == 400


def test_an_import_into_a_locked_tag_fails_and_says_so(registry: ContainerRegistry) -> None:
    registry.import_image(PYTHON, "fixed:1")
    registry.lock("fixed", "1")
    with pytest.raises(CloudError, match="disallowed on this registry"):
        registry.import_image("docker.io/library/python:3.11", "fixed:1", force=True)
    registry.purge("fixed")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("docker.io/library/nginx:1.27", "cannot be imported: the emulator has no internet and only docker.io"),
        ("quay.io/library/python:3.11", "'quay.io/library/python:3.11' cannot be imported"),
        ("docker.io/library/python:latest", "names no version of Python 3"),
        ("docker.io/library/python:3.2", r"no Python 3\.2 \(there .*\): install it"),
    ],
)
def test_an_image_that_cannot_be_had_is_named(registry: ContainerRegistry, source: str, says: str) -> None:
    with pytest.raises(CloudError, match=says):
        registry.import_image(source, f"none{uuid.uuid4().hex}:1")


def test_a_missing_image_of_another_registry_is_named(registry: ContainerRegistry) -> None:
    with pytest.raises(CloudError, match=f"registry '{name_of(registry)}' has no image 'greeter:none'"):
        registry.import_image(registry.reference("greeter", "none"), "copy:1")


# -- the end


def test_images_go_with_their_registry(emulator: RunningEmulator) -> None:
    registry = make_registry()
    build_server_image(registry)
    folder = emulator.settings.state / "container-registry" / name_of(registry)
    assert folder.is_dir()
    arm().delete(registry.id, VERSION)
    assert not folder.exists()
    assert arm().get(f"{registry.id}/runs/ca1", VERSION) is None
    again = make_registry(name_of(registry))
    assert again.tags("greeter") == {}
    arm().delete(again.id, VERSION)
